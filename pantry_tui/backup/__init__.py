"""Taking backups and validating them."""
