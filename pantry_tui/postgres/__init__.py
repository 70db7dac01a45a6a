"""Talking to PostgreSQL servers and to their client tools."""
