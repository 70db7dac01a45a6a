"""The systemd unit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pantry_tui.cli.unit import unit_text, write_unit
from pantry_tui.errors import ConfigError, RefusedError


def test_the_unit_starts_a_runner_in_the_foreground() -> None:
    text = unit_text(config="/etc/pantry tui/config.toml", data_directory="/srv/50%/a$b", system=True)
    assert f'ExecStart="{sys.executable}" "-m" "pantry_tui" "--config" "/etc/pantry tui/config.toml"' in text
    assert '"runner" "--foreground"\n' in text
    assert 'Environment="DATA_DIR=/srv/50%%/a$b"\n' in text
    assert "KillMode=mixed\n" in text
    assert "Restart=always\n" in text
    assert text.endswith("WantedBy=multi-user.target\n")
    assert unit_text(config=None, data_directory="/d", system=False).endswith("WantedBy=default.target\n")


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("the system has no systemd-analyze")
    path = tmp_path / "pantry-tui.service"
    for system in (True, False):
        path.write_text(unit_text(config=None, data_directory="/srv/a b%c", system=system, stop_seconds=0.5))
        outcome = subprocess.run([analyze, "verify", "--man=no", str(path)], capture_output=True, text=True)
        assert "pantry-tui.service" not in outcome.stderr


def test_jobs_may_go_on_as_long_as_configured() -> None:
    assert "TimeoutStopSec=30\n" in unit_text(config=None, data_directory="/d", system=True)
    hooked = unit_text(config=None, data_directory="/d", system=True, stop_seconds=10.0, hook_seconds=300.0)
    assert "TimeoutStopSec=340\n" in hooked
    assert "TimeoutStopSec=631\n" in unit_text(config=None, data_directory="/d", system=True, stop_seconds=600.5)


def test_only_the_systems_unit_is_hardened() -> None:
    system = unit_text(config=None, data_directory="/d", system=True)
    assert "NoNewPrivileges=yes\n" in system
    assert "CapabilityBoundingSet=~CAP_SYS_TIME CAP_WAKE_ALARM\n" in system
    assert "ProtectClock" not in system  # its filter takes adjtimex(2) away, reading included
    assert "NoNewPrivileges" not in unit_text(config=None, data_directory="/d", system=False)


def test_a_path_that_no_unit_can_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match="systemd"):
        unit_text(config=None, data_directory="/srv/a\nExecStartPre=/bin/sh", system=True)


def test_another_unit_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "user" / "pantry-tui.service"
    write_unit(path, "one\n", force=False)
    write_unit(path, "one\n", force=False)
    with pytest.raises(RefusedError, match="exists"):
        write_unit(path, "two\n", force=False)
    write_unit(path, "two\n", force=True)
    assert path.read_text() == "two\n"
    assert path.stat().st_mode & 0o777 == 0o644
