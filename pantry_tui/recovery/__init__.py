"""Restoring backups and comparing the result with the source."""
