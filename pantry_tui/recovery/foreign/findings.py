"""What running a dump brought to light: rows by table, and what was left out, counted instead of told one by one."""

from __future__ import annotations

from collections import Counter

from pantry_tui.models import RestoredTable

NAMES_SHOWN = 5


class Findings:
    """Grows while a dump is run."""

    def __init__(self) -> None:
        self.statements = 0
        self.lines = 0  # of rows, behind COPY statements
        self._rows: Counter[tuple[str, str]] = Counter()
        self._left_out: Counter[str] = Counter()
        self._once: dict[str, None] = {}

    def took(self, schema: str, table: str, rows: int) -> None:
        """Rows went into a table."""
        self._rows[schema, table] += rows

    def left_out(self, what: str) -> None:
        """A statement was not run; ``what`` says why, the same for all of its sort."""
        self._left_out[what] += 1

    def remark(self, what: str) -> None:
        """Something to be told once."""
        self._once[what] = None

    @property
    def rows(self) -> int:
        """All rows."""
        return self._rows.total()

    @property
    def tables(self) -> tuple[RestoredTable, ...]:
        """The tables that rows went into; nothing was there to compare them with."""
        return tuple(
            RestoredTable(schema=schema, name=name, inserted=rows)
            for (schema, name), rows in sorted(self._rows.items())
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out, and remarks."""
        counted = (f"{what} ({count:,} statements)" if count > 1 else what for what, count in self._left_out.items())
        return (*counted, *self._once)
