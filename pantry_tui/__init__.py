"""Keep a PostgreSQL database recoverable: back it up, prove that the backup restores, restore it."""

__version__ = "0.1.0"
