"""Which versions of the client tools have which known holes."""

from __future__ import annotations

import pytest

from pantry_tui.postgres.advisories import ADVISORIES, known_holes


@pytest.mark.parametrize(
    ("version_num", "names"),
    [
        (170012, []),
        (170011, ["CVE-2026-116314"]),
        (170010, ["CVE-2026-116314", "CVE-2026-18408"]),
        (150014, ["CVE-2026-116314", "CVE-2026-18408", "CVE-2026-6477"]),
        (150013, [advisory.name for advisory in ADVISORIES]),
        (120022, [advisory.name for advisory in ADVISORIES]),
        (90624, [advisory.name for advisory in ADVISORIES]),
        (180003, ["CVE-2026-116314", "CVE-2026-18408", "CVE-2026-6477"]),
        (190000, []),
    ],
)
def test_by_minor_version(version_num: int, names: list[str]) -> None:
    assert [advisory.name for advisory in known_holes(version_num)] == names
