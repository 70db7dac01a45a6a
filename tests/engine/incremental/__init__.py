"""Incremental backups on real servers."""
