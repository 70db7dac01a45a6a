"""Textual style sheets, one per screen, and the two themes."""
