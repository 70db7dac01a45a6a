"""What Prometheus is given, read by its own parser and checked by its own tool."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from pantry_tui.models import (
    BackupFormat,
    BackupKind,
    BackupSummary,
    CheckFigures,
    Compression,
    HealthFigures,
    JobTotals,
    RunnerStatus,
)
from pantry_tui.models.monitoring import CheckStatus
from pantry_tui.monitoring.exposition import MOST_SAMPLES, Exposed, exposition
from pantry_tui.monitoring.exposition_names import DEFINITIONS
from pantry_tui.monitoring.exposition_text import MetricType
from pantry_tui.monitoring.metrics_stats import disks_of
from tests.unit.monitoring.figures import MIB, NOON, failed, looked, taken

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def backup() -> BackupSummary:
    """One that is stored."""
    return BackupSummary(
        id="20261120T120000Z-nightly-7f3a",
        name="nightly",
        database="crm",
        kind=BackupKind.FULL,
        format=BackupFormat.SQL,
        compression=Compression.GZIP,
        started_at=NOON,
        finished_at=NOON,
        duration_seconds=10.0,
        bytes=25 * MIB,
        raw_bytes=100 * MIB,
        tables=2,
        rows=1000,
        path="/backups/20261120T120000Z-nightly-7f3a",
        repository="local",
        server_version="17.10",
        fingerprints=True,
    )


def exposed() -> Exposed:
    """A runner with one database, whose disk fills up."""
    looks = [looked(NOON + timedelta(days=day), free=(900 - day * 10) * MIB) for day in range(10)]
    runner = RunnerStatus(
        version="1", pid=1, started_at=NOON, data_directory="/d", socket="/s", running=2, queued=1, untold=3
    )
    return Exposed(
        version="1.2.3",
        runner=runner,
        backups=[backup()],
        jobs=[taken(NOON), failed(NOON + timedelta(hours=1)), taken(NOON + timedelta(hours=2), seconds=20.0)],
        totals=[JobTotals(kind="backup", outcome="succeeded", database="crm", count=7, seconds=70.5, user_seconds=1.5)],
        health=looks[-1],
        disks=disks_of(looks),
        kept_bytes=4096,
        lost=1,
    )


def series(text: str) -> Series:
    """The values by name and labels, as Prometheus's parser reads them; none may be there twice."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def value(found: Series, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


def test_the_parser_reads_what_was_measured() -> None:
    found = series(exposition(exposed()))
    backup = {"kind": "backup", "variety": "full", "database": "crm"}

    assert value(found, "pantry_build_info", version="1.2.3") == 1
    assert value(found, "pantry_runner_up") == 1
    assert value(found, "pantry_runner_jobs", state="running") == 2
    assert value(found, "pantry_notifications_pending") == 3
    assert value(found, "pantry_jobs_total", kind="backup", database="crm", outcome="succeeded") == 7
    assert (
        value(found, "pantry_jobs_duration_seconds_total", kind="backup", database="crm", outcome="succeeded") == 70.5
    )
    assert (
        value(found, "pantry_job_last_success_timestamp_seconds", **backup) == (NOON + timedelta(hours=2)).timestamp()
    )
    assert (
        value(found, "pantry_job_last_failure_timestamp_seconds", **backup) == (NOON + timedelta(hours=1)).timestamp()
    )
    assert value(found, "pantry_job_last_success_raw_bytes_per_second", **backup) == 5 * MIB
    assert value(found, "pantry_job_last_success_saved_ratio", **backup) == 0.75
    assert value(found, "pantry_disk_growth_bytes_per_second", place="local") == pytest.approx(10 * MIB / 86400)
    assert value(found, "pantry_disk_full_seconds", place="local") == pytest.approx(81 * 86400)
    point = (NOON + timedelta(days=9, seconds=-3600)).timestamp()
    assert value(found, "pantry_database_recovery_point_timestamp_seconds", database="crm") == point
    assert value(found, "pantry_check_status", check="disk_space", subject="local", part="", database="") == 0
    assert value(found, "pantry_check_seconds", check="disk_space", subject="local", part="", database="") == 2 * 86400
    assert value(found, "pantry_metrics_lost_total") == 1


def test_without_a_runner_that_is_what_is_told() -> None:
    found = series(exposition(exposed()._replace(runner=None)))

    assert value(found, "pantry_runner_up") == 0
    assert ("pantry_notifications_pending", ()) not in found


def test_every_metric_that_is_told_is_declared_and_of_its_type() -> None:
    types = {definition.name: definition.type for definition in DEFINITIONS}
    for family in text_string_to_metric_families(exposition(exposed())):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert types[name] == family.type


def test_names_follow_the_conventions() -> None:
    names = [definition.name for definition in DEFINITIONS]
    assert len(set(names)) == len(names)
    for definition in DEFINITIONS:
        assert definition.name.startswith("pantry_")
        assert definition.name.endswith("_total") == (definition.type is MetricType.COUNTER)
        assert definition.help.endswith(".")


@given(st.sets(st.text(min_size=1), min_size=2, max_size=6))
def test_names_from_databases_stay_what_they_are(names: set[str]) -> None:
    totals = [JobTotals(kind="backup", outcome="succeeded", database=name, count=1) for name in names]

    text = exposition(exposed()._replace(totals=totals))

    assert all(line.isprintable() for line in text.split("\n"))
    jobs = [labels for name, labels in series(text) if name == "pantry_jobs_total"]
    assert len({dict(labels)["database"] for labels in jobs}) == len(names)


def test_a_name_cannot_make_a_metric_of_its_own() -> None:
    name = 'crm"} 1\npantry_runner_up 0\n# {x="\\'

    found = series(
        exposition(exposed()._replace(totals=[JobTotals(kind="backup", outcome="succeeded", database=name, count=1)]))
    )

    assert value(found, "pantry_runner_up") == 1


def test_many_names_do_not_make_many_series() -> None:
    checks = tuple(
        CheckFigures(kind="tier", subject=f"db{number}", status=CheckStatus.OK) for number in range(MOST_SAMPLES + 7)
    )
    found = series(exposition(exposed()._replace(health=HealthFigures(at=NOON, status="healthy", checks=checks))))

    assert sum(name == "pantry_check_status" for name, _ in found) == MOST_SAMPLES
    assert value(found, "pantry_samples_left_out", metric="pantry_check_status") == 7


def test_promtool_has_nothing_to_complain_of() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    outcome = subprocess.run(
        [promtool, "check", "metrics"], input=exposition(exposed()), capture_output=True, text=True, check=False
    )
    assert (outcome.returncode, outcome.stdout + outcome.stderr) == (0, "")
