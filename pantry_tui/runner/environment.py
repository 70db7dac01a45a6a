"""The environment of the runner and of its jobs."""

from __future__ import annotations

import os

_PRIVATE = ("DATABASE_URL", "SUPABASE_", "PG")


def engine_environment() -> dict[str, str]:
    """This process's environment without what leads to a database: every request brings its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE)}
