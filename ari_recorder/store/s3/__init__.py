"""A vault in a store that speaks S3: its address, the client that asks it, and the vault itself."""
