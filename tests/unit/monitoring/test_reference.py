"""The page about monitoring says what the program does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from pantry_tui.config import load_config
from pantry_tui.models import AlertType, CheckKind, Severity
from pantry_tui.monitoring.alert_types import KINDS
from pantry_tui.monitoring.reference import table, with_table

PAGE = Path(__file__).resolve().parents[3] / "docs" / "monitoring.md"


def test_the_table_of_alerts_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page) == page, "run: python -m pantry_tui.monitoring.reference docs/monitoring.md"
    assert table() in page


def test_every_check_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [kind for kind in CheckKind if f"| `{kind}` |" not in page] == [CheckKind.OFF_SITE]  # until there are copies


def test_the_example_is_valid(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert tomllib.loads(example)
    known = "".join(f'[notifications.{name}]\nkind = "slack"\nurl = "env:X"\n' for name in ("ops", "phone", "dba"))
    file = tmp_path / "config.toml"
    file.write_text(known + example)
    file.chmod(0o600)
    assert load_config(file, {}).monitoring.thresholds.max_backup_age == 26


def test_severities_and_times_are_as_promised() -> None:
    promised = {
        AlertType.BACKUP_FAILED: (Severity.HIGH, Severity.CRITICAL, 15),
        AlertType.BACKUP_CORRUPTED: (Severity.HIGH, Severity.CRITICAL, 30),
        AlertType.DISK_SPACE_LOW: (Severity.HIGH, Severity.CRITICAL, 60),
        AlertType.SCHEDULE_MISSED: (Severity.MEDIUM, Severity.MEDIUM, 120),
        AlertType.PERFORMANCE_DEGRADED: (Severity.LOW, Severity.LOW, None),
    }
    for alert, (severity, worst, minutes) in promised.items():
        kind = KINDS[alert]
        after = kind.escalate_seconds / 60 if kind.escalate_seconds is not None else None
        assert (kind.severity, kind.worst, after) == (severity, worst, minutes)
    assert set(KINDS) == set(AlertType)
