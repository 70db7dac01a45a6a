"""Putting rows of a backup into tables where they are: replace, merge, append, and the way back."""
