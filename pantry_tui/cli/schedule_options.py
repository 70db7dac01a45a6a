"""What can be said of a schedule by options, when it is created or changed."""

from __future__ import annotations

import argparse
import re
from typing import Any

from pantry_tui.cli.parser import Parser, not_negative, positive
from pantry_tui.config import Config
from pantry_tui.errors import UsageError
from pantry_tui.models import BackupFormat, BackupSelection, Compression, MissedRuns, Schedule, ScheduleKind

ALL_DATABASES = "*"

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"([0-9]{1,9})(s|min|m|h|d)?")
_PATTERNS = (
    ("tables", "table", ("-t", "--table"), "only tables of this name, a pattern as pg_dump takes it; repeat for more"),
    ("exclude_tables", "exclude_table", ("-T", "--exclude-table"), "everything but tables of this name"),
    ("schemas", "schema", ("--schema",), "only schemas of this name, with all that is in them"),
    ("exclude_schemas", "exclude_schema", ("--exclude-schema",), "everything but schemas of this name"),
)
_LISTS = (("tags", "tag"), ("recipients", "recipient"), ("on_success", "on_success"), ("on_failure", "on_failure"))
_PLAIN = (
    "timezone", "repository", "retention_days", "retention_policy", "timeout_seconds", "retries", "retry_seconds",
    "missed_seconds", "hooks",
)  # fmt: skip
_WORDS = (("kind", ScheduleKind), ("format", BackupFormat), ("compression", Compression), ("missed", MissedRuns))


def span(text: str) -> float:
    """A duration in seconds: `90`, `90s`, `30m`, `4h`, `1d`."""
    found = _SPAN.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write it as 90s, 30m, 4h or 1d")
    return float(int(found[1]) * _UNITS[found[2] or "s"])


def add_zone_options(parser: Parser) -> None:
    """Declares how the expression is read."""
    parser.add_argument(
        "--timezone", metavar="ZONE", help="whose clocks count, such as Europe/Vienna (default: this machine's)"
    )
    parser.add_argument("--seconds", action="store_true", help="the expression has a sixth field, for seconds")


def add_options(parser: Parser) -> None:
    """Declares everything but name and time; nothing has a default, so that it is known what was given."""
    add_zone_options(parser)
    words = "full, incremental, schema or data (backups), drill or validate (of the latest backup)"
    parser.add_argument("--kind", choices=[str(kind) for kind in ScheduleKind], metavar="KIND", help=words)
    parser.add_argument("-d", "--database", metavar="DATABASE", help="a configured database; '*': all of the server")
    parser.add_argument("--all-databases", action="store_true", help="all databases of that one's server, new ones too")
    parser.add_argument("--repository", metavar="NAME", help="a configured repository or an absolute path")
    parser.add_argument(
        "-f", "--format", choices=[str(each) for each in BackupFormat], metavar="FORMAT", help="sql, json or csv"
    )
    parser.add_argument(
        "--compression", choices=[str(each) for each in Compression], metavar="METHOD", help="gzip, zstd or none"
    )
    for _, _, option, words in _PATTERNS:
        parser.add_argument(*option, action="append", metavar="PATTERN", help=words)
    parser.add_argument(
        "-r", "--retention-days", "--retention", type=positive, metavar="DAYS", help="keep backups so long"
    )
    parser.add_argument("--retention-policy", metavar="NAME", help="keep backups by this configured policy")
    parser.add_argument(
        "--recipient", action="append", metavar="AGE1", help="encrypt its backups to this public key; repeat for more"
    )
    parser.add_argument("--hooks", metavar="NAME", help="run the commands of [hook_sets.NAME] around its backups")
    parser.add_argument("--tag", action="append", metavar="TAG", help="a word to find it by; repeat for more")
    parser.add_argument(
        "--on-success", action="append", metavar="TO", help="whom to tell of success, by name; repeatable"
    )
    parser.add_argument(
        "--on-failure", action="append", metavar="TO", help="whom to tell of failure, by name; repeatable"
    )
    _add_execution(parser)


def _add_execution(parser: Parser) -> None:
    parser.add_argument(
        "--timeout", dest="timeout_seconds", type=span, metavar="SPAN", help="stop a job after 30m, 4h or the like"
    )
    parser.add_argument(
        "--retries", type=not_negative, metavar="N", help="try again so often after a fault that can pass (default: 2)"
    )
    parser.add_argument(
        "--retry-after",
        dest="retry_seconds",
        type=span,
        metavar="SPAN",
        help="wait so long, doubled each time (default: 60s)",
    )
    parser.add_argument(
        "--missed",
        choices=[str(each) for each in MissedRuns],
        metavar="POLICY",
        help="runs that no runner was there for: run-once (late, the default), if-younger (than --missed-limit), skip",
    )
    parser.add_argument(
        "--missed-limit", dest="missed_seconds", type=span, metavar="SPAN", help="how late a run may be (default: 1h)"
    )


def zone(args: argparse.Namespace, config: Config) -> str:
    """The time zone that counts: the one given, else this machine's."""
    from pantry_tui.config.here import local_zone

    given: str | None = getattr(args, "timezone", None)
    return given if given is not None else local_zone(config.environment)


def given(args: argparse.Namespace) -> dict[str, Any]:
    """The fields of a schedule that options were given for, with their values."""
    found: dict[str, Any] = {name: getattr(args, name) for name in _PLAIN if getattr(args, name) is not None}
    for name, kind in _WORDS:
        if (word := getattr(args, name)) is not None:
            found[name] = kind(word)
    for name, option in _LISTS:
        if (words := getattr(args, option)) is not None:
            found[name] = tuple(word for word in words if word)
    patterns = {name: tuple(filter(None, getattr(args, option) or ())) for name, option, _, _ in _PATTERNS}
    if any(getattr(args, option) is not None for _, option, _, _ in _PATTERNS):
        found["selection"] = BackupSelection(**patterns)
    if args.hooks == "":
        found["hooks"] = None
    if args.seconds:
        found["seconds"] = True
    if getattr(args, "disabled", False):
        found["enabled"] = False
    return found | _database(args)


def _database(args: argparse.Namespace) -> dict[str, Any]:
    if args.database == ALL_DATABASES:
        return {"database": None, "all_databases": True}
    named = {"database": args.database} if args.database is not None else {}
    if args.all_databases:
        return {**named, "all_databases": True}
    return {**named, "all_databases": False} if named else {}


def check_together(args: argparse.Namespace, draft: Schedule) -> None:
    """Raises `UsageError` for options that have no sense in the schedule that comes of them."""
    if not draft.kind.takes_backup:
        for option, value in (
            ("--format", args.format),
            ("--compression", args.compression),
            ("--recipient", args.recipient),
            ("--hooks", args.hooks),
        ):
            if value is not None:
                raise UsageError(
                    f"{option} is of backups, and a schedule of kind {draft.kind} takes none",
                    remedy="leave it out: the latest backup is taken as it is",
                )
    if args.missed_seconds is not None and draft.missed is not MissedRuns.IF_YOUNGER:
        raise UsageError(
            f"--missed-limit is of the policy if-younger, and this is {draft.missed}",
            remedy="add --missed if-younger, or leave --missed-limit out",
        )
