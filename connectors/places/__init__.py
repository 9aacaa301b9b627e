"""Places where files arrive: a local folder, an SFTP server, an S3-compatible store."""
