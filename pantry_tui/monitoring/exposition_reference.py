"""The table of `docs/metrics.md`, made from the metrics' definitions.

`python -m pantry_tui.monitoring.exposition_reference docs/metrics.md` brings the page up to date; a test compares them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pantry_tui.monitoring.exposition_names import DEFINITIONS

_BEGIN = "<!-- metrics: made by `python -m pantry_tui.monitoring.exposition_reference`, do not edit -->"
_END = "<!-- end of metrics -->"


def with_table(page: str) -> str:
    """``page`` with the table as it must be between its two marks."""
    return re.sub(
        f"(?s){re.escape(_BEGIN)}.*{re.escape(_END)}", lambda _: f"{_BEGIN}\n{_table()}\n{_END}", page, count=1
    )


def _table() -> str:
    rows = [
        f"| `{each.name}` | {each.type} | {', '.join(f'`{label}`' for label in each.labels)} | {each.help} |"
        for each in DEFINITIONS
    ]
    return "\n".join(("| metric | type | labels | meaning |", "| --- | --- | --- | --- |", *rows))


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        path = Path(argument)
        path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
