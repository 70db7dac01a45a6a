"""What a database's owner says must be true of it after a recovery."""

from __future__ import annotations

from pantry_tui.models.base import Model


class Assertion(Model, frozen=True, kw_only=True):
    """A query that must return one row with one true."""

    name: str
    query: str


class AssertionOutcome(Model, frozen=True, kw_only=True):
    """What an assertion came to. ``returned`` says in words what it gave, cut to a readable length."""

    name: str
    holds: bool
    returned: str
    seconds: float = 0.0
