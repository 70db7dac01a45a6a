"""Dumps that others made: what a file is, and what it says, without running any of it."""
