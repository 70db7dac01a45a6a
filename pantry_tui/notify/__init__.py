"""Telling people and machines what became of jobs."""
