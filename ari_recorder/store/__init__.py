"""What is kept: the catalogue (peewee), the ledger and the vault. Nothing else imports peewee."""
