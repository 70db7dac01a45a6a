"""Passwords in what a person types as a database: kept out of everything the screens show again."""

from __future__ import annotations

import re

from pantry_tui.config.references import redact

_IN_URI = re.compile(r"(://[^:/?#@]*:)[^?]*@")
# While it is being typed: an address without its @ yet (digits may be a port), a quotation without its end.
_BEGUN_IN_URI = re.compile(r"(://[^:/?#@]*:)(?!\d*(?:[/?,]|$))[^@]*$")
_BEGUN_QUOTATION = re.compile(r"(\w*pass(?:word|wd)\s*=\s*)'(?:[^'\\]|\\.)*\\?$", re.IGNORECASE)


def without_password(address: str) -> str:
    """A database as it is typed, the password of a URI or connection string replaced by `***`."""
    for pattern, replacement in ((_IN_URI, r"\1***@"), (_BEGUN_IN_URI, r"\1***"), (_BEGUN_QUOTATION, r"\1***")):
        address = pattern.sub(replacement, address)
    return redact(address)


def password_note(address: str) -> str:
    """What to do about the password that `without_password` takes out; empty when there is none."""
    if without_password(address) == address:
        return ""
    return "The password goes by PGPASSWORD or ~/.pgpass, not by the command line."
