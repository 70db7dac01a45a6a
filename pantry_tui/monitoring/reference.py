"""The table of alerts in `docs/monitoring.md`, made from the types.

`python -m pantry_tui.monitoring.reference docs/monitoring.md` brings the page up to date; a test compares them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pantry_tui.models import AlertType
from pantry_tui.monitoring.alert_types import KINDS
from pantry_tui.monitoring.words import span

_HEAD = "| alert | severity | at worst | next contact after | when |\n| --- | --- | --- | ---: | --- |"
_BEGIN = "<!-- alerts: made by `python -m pantry_tui.monitoring.reference`, do not edit -->"
_END = "<!-- end of alerts -->"


def with_table(page: str) -> str:
    """``page`` with the table as it must be between its two marks."""
    return re.sub(
        f"(?s){re.escape(_BEGIN)}.*{re.escape(_END)}", lambda _: f"{_BEGIN}\n\n{table()}\n\n{_END}", page, count=1
    )


def table() -> str:
    """Every type of alert."""
    return "\n".join((_HEAD, *map(_row, AlertType)))


def _row(alert: AlertType) -> str:
    kind = KINDS[alert]
    worst = f"{kind.worst}: {kind.worst_when}" if kind.worst is not kind.severity else ""
    after = span(kind.escalate_seconds) if kind.escalate_seconds is not None else "never"
    return f"| `{alert}` | {kind.severity} | {worst} | {after} | {kind.what} |"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        path = Path(argument)
        path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
