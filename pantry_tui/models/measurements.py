"""How fast recoveries were: what later ones are expected to take is reckoned from it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from pantry_tui.models.base import Model


class Measurement(Model, frozen=True, kw_only=True):
    """The figures of one recovery or drill that succeeded.

    ``server`` is the system identifier of the server it was done on; a private one, started for a drill, is of nobody's
    concern afterwards, and ``private`` says so. ``phases``: the seconds of each, in their order.
    """

    id: str  # of the recovery
    at: datetime
    server: str
    private: bool = False
    host: str | None = None  # where the server was, as libpq was told; None: a local socket
    database: str
    backup_id: str
    way: str
    dry_run: bool = False
    jobs: int
    raw_bytes: int  # of the rows' text
    rows: int
    tables: int
    phases: dict[str, float] = msgspec.field(default_factory=dict)
