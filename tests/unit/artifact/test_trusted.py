"""The list of trusted signers: fingerprints and whose they are, written by nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.artifact.trusted import require_fingerprints, trusted_file, trusted_fingerprints
from pantry_tui.errors import ConfigError, UsageError

ONE, OTHER = f"SHA256:{'aB3+/' * 8}xyz", f"SHA256:{'Zz9/+' * 8}XYZ"  # the same in every test process


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = trusted_file(tmp_path)
    path.parent.mkdir(mode=0o700)
    path.write_text(f"# the drill host\n\n{ONE} drill host, since 2026\n  {OTHER}\t# anna's\n#{ONE}\n")
    return path


def test_nobody_is_trusted_without_a_list(tmp_path: Path) -> None:
    assert trusted_fingerprints(tmp_path) == frozenset()


def test_lines_begin_with_fingerprints(listed: Path, tmp_path: Path) -> None:
    assert trusted_fingerprints(tmp_path) == {ONE, OTHER}


@pytest.mark.parametrize("line", ["drill host", ONE[:-1], f"{ONE}x", ONE.lower(), ONE[7:], "unsigned", "\x1b[2J"])
def test_a_line_that_names_nobody_is_no_reason_to_guess(listed: Path, tmp_path: Path, line: str) -> None:
    listed.write_text(f"{OTHER}\n{line}\n")
    with pytest.raises(ConfigError, match=r"trusted line 2: .* is no fingerprint"):
        trusted_fingerprints(tmp_path)


def test_a_list_that_others_can_write_is_refused(listed: Path, tmp_path: Path) -> None:
    listed.chmod(0o664)
    with pytest.raises(ConfigError, match="can be written by others"):
        trusted_fingerprints(tmp_path)


def test_a_list_that_cannot_be_read_is_not_an_empty_one(listed: Path, tmp_path: Path) -> None:
    listed.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        trusted_fingerprints(tmp_path)
    listed.unlink()
    listed.mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        trusted_fingerprints(tmp_path)


def test_what_can_be_trusted_once() -> None:
    require_fingerprints([ONE, "unsigned"])
    for text in ("", "abc", ONE[:-1], ONE + "\n", f" {ONE}", "UNSIGNED"):
        with pytest.raises(UsageError, match="is no fingerprint of a signer"):
            require_fingerprints([OTHER, text])
