"""What surrounded a database when its backup was taken, in words: only what is not as it would be anywhere."""

from __future__ import annotations

from typing import Any

EVERYWHERE = frozenset({"plpgsql"})  # extensions that each database has


def surroundings_words(environment: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Headings with what stands under each; nothing for a backup that recorded nothing.

    ``environment`` is that of the backup's details. Values that may be secret are not in it.
    """
    if not environment:
        return []
    tablespace = environment["tablespace"]
    found = [
        ("settings", [_setting(setting) for setting in environment["settings"]]),
        ("privileges", list(environment["privileges"] or ())),
        ("comment", [environment["comment"]] if environment["comment"] else []),
        ("tablespace", [tablespace] if tablespace != "pg_default" else []),
        ("roles", [_role(role) for role in environment["roles"]]),
        (
            "extensions",
            [
                f"{extension['name']} {extension['version']} in {extension['schema']}"
                for extension in environment["extensions"]
                if extension["name"] not in EVERYWHERE
            ],
        ),
        ("collations", [_collation(used) for used in environment["collations"]]),
        (
            "server settings",
            [_assignment(name, value) for name, value in environment["server_settings"].items()],
        ),
    ]
    return [(heading, lines) for heading, lines in found if lines]


def _setting(setting: dict[str, Any]) -> str:
    assignment = _assignment(setting["name"], setting["value"])
    return f"{setting['role']}: {assignment}" if setting["role"] is not None else assignment


def _assignment(name: str, value: str | None) -> str:
    return f"{name} (not shown)" if value is None else f"{name} = {value}"


def _role(role: dict[str, Any]) -> str:
    more = [" ".join(role["attributes"]), f"in {', '.join(role['member_of'])}" if role["member_of"] else ""]
    details = "; ".join(filter(None, more))
    return f"{role['name']} ({details})" if details else str(role["name"])


def _collation(used: dict[str, Any]) -> str:
    version = used["actual_version"]
    return f"{used['name']} ({used['provider']}{f' {version}' if version else ''})"
