"""Security fixes of PostgreSQL's client tools that matter to dumps and restores, by the release that has them.

Source: the project's security page, https://www.postgresql.org/support/security/. Whoever can name objects in a database, or
owns the server it is dumped from, is who these are about.
"""

from __future__ import annotations

from typing import NamedTuple


class Advisory(NamedTuple):
    """A hole, and by major version the first minor version without it."""

    name: str
    danger: str
    fixed_in: dict[int, int]


ADVISORIES = (
    Advisory(
        "CVE-2026-116314",
        "a crafted archive runs programs as the user of pg_restore",
        {14: 25, 15: 20, 16: 16, 17: 12, 18: 7},
    ),
    Advisory(
        "CVE-2026-18408",
        "the superuser of a dumped server runs programs where psql restores the dump, in spite of \\restrict",
        {14: 24, 15: 19, 16: 15, 17: 11, 18: 6},
    ),
    Advisory(
        "CVE-2026-6477",
        "the superuser of a dumped server overwrites memory of pg_dump by large objects",
        {14: 23, 15: 18, 16: 14, 17: 10, 18: 4},
    ),
    Advisory(
        "CVE-2025-8714",
        "the superuser of a dumped server runs programs where psql restores the dump",
        {13: 22, 14: 19, 15: 14, 16: 10, 17: 6},
    ),
    Advisory(
        "CVE-2025-8715",
        "a name with a line break runs programs where psql restores the dump",
        {13: 22, 14: 19, 15: 14, 16: 10, 17: 6},
    ),
)
_FIRST_MAJOR = 10  # from here on the second number is the minor version


def known_holes(version_num: int) -> tuple[Advisory, ...]:
    """The advisories that tools of this version (170010 for 17.10) are open to.

    A major version newer than all that are named has the fix; an older one never got it.
    """
    major, minor = divmod(version_num, 10_000)
    if major < _FIRST_MAJOR:
        return ADVISORIES
    return tuple(
        advisory for advisory in ADVISORIES if major < min(advisory.fixed_in) or minor < advisory.fixed_in.get(major, 0)
    )
