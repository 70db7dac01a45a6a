"""Where backups live: a local directory, published atomically."""
