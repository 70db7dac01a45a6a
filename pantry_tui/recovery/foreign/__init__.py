"""Dumps that others made: read by a lexer of our own, inspected, and run as a role that can do no harm outside."""
