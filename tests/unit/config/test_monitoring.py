"""`[monitoring]`: its defaults are those that are promised, and what is wrong in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.config import Config, load_config
from pantry_tui.config.given import with_monitoring
from pantry_tui.config.monitoring import MonitoringSettings, Thresholds
from pantry_tui.errors import ConfigError
from pantry_tui.models import AlertType

CONTACTS = '[notifications.ops]\nkind = "slack"\nurl = "env:HOOK"\n[notifications.dba]\nkind = "slack"\nurl = "env:B"\n'


def load(directory: Path, text: str) -> Config:
    file = directory / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    return load_config(file, {"HOME": str(directory)})


def test_the_defaults() -> None:
    settings, limits = MonitoringSettings(), Thresholds()
    assert (settings.interval_seconds, settings.metrics_retention_days, settings.alerts_retention_days) == (
        1800,
        90,
        30,
    )
    assert (limits.age_seconds, limits.free_bytes, limits.backup_seconds) == (86400, 10 * 10**9, 3600)
    assert (limits.min_compression_ratio, limits.max_failure_rate) == (0.5, 0.1)
    assert settings.revalidation_seconds == 7 * 86400


def test_everything_set(tmp_path: Path) -> None:
    text = """
    [monitoring]
    health_check_interval = 5
    contacts = ["ops"]
    revalidate = false
    [monitoring.thresholds]
    max_backup_age = 26
    [monitoring.alerts.backup_failed]
    contacts = ["dba", "ops"]
    escalate_after = 20
    """
    found = load(tmp_path, CONTACTS + text).monitoring
    assert (found.interval_seconds, found.revalidate, found.thresholds.age_seconds) == (300, False, 26 * 3600)
    assert found.contacts_for(AlertType.BACKUP_FAILED) == ("dba", "ops")
    assert found.contacts_for(AlertType.DISK_SPACE_LOW) == ("ops",)
    assert found.escalation_seconds(AlertType.BACKUP_FAILED) == 1200
    assert found.escalation_seconds(AlertType.DISK_SPACE_LOW) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[monitoring]\nhealth_check_interval = 0\n", "monitoring.health_check_interval must be a number of minutes"),
        ("[monitoring]\ncontacts = ['nobody']\n", "monitoring.contacts names 'nobody'"),
        ("[monitoring]\nthreshold = 1\n", "unknown key 'threshold'"),
        ("[monitoring.thresholds]\nmax_failure_rate = 2\n", "monitoring.thresholds.max_failure_rate must be a share"),
        ("[monitoring.thresholds]\nmax_age = 2\n", "unknown key 'max_age'"),
        ("[monitoring.alerts.backup_lost]\nescalate_after = 5\n", r"\[monitoring.alerts.backup_lost\] is of no type"),
        ("[monitoring.alerts.backup_failed]\ncontacts = ['nobody']\n", "backup_failed.contacts names 'nobody'"),
        ("[databases.crm]\nhost = 'h'\nrpo_hours = 0\n", "databases.crm.rpo_hours must be a number of hours"),
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text)


def test_objectives_of_ones_own(tmp_path: Path) -> None:
    found = load(tmp_path, "[databases.crm]\nhost = 'h'\ntier = 'critical'\nrto_hours = 0.5\n").databases["crm"]
    assert (found.rto_seconds, found.rpo_seconds) == (1800, 3600)


def test_given_by_a_program(tmp_path: Path) -> None:
    config = load(tmp_path, "[monitoring.thresholds]\nmax_backup_age = 26\n")
    given = with_monitoring(config, {"max_failure_rate": 0.2, "alerts_retention_days": 7.0})
    assert (given.monitoring.alerts_retention_days, given.monitoring.thresholds.max_failure_rate) == (7, 0.2)
    assert given.monitoring.thresholds.max_backup_age == 26
    assert given.monitoring_given == {"max_failure_rate": 0.2, "alerts_retention_days": 7.0}
    assert with_monitoring(config, {}) is config
    for wrong in ({"max_failure_rate": 2.0}, {"no_such": 1.0}, {"health_check_interval": -1.0}):
        with pytest.raises(ConfigError):
            with_monitoring(config, wrong)
