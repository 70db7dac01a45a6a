"""What a recovery would do, found out by reading alone."""
