"""What is handed over to organisations: by SFTP, where they fetch it, and pushed to where they want it."""
