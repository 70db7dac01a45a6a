"""Backups as the command line prints them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pantry_tui.cli.output import (
    Column,
    age,
    count,
    counted,
    duration,
    fits,
    moment,
    print_fields,
    print_line,
    print_table,
    print_wrapped_fields,
    size,
)
from pantry_tui.cli.text import cut
from pantry_tui.models import (
    BackupCopy,
    BackupDetails,
    BackupKind,
    BackupSelection,
    BackupSummary,
    FileSummary,
    MarkRequest,
    Signature,
    TableSummary,
    ValidationResult,
)
from pantry_tui.surroundings import surroundings_words

_LIST = (
    Column("ID"),
    Column("NAME", spare=3),  # the id tells most of it
    Column("DATABASE", least=10),
    Column("KIND", spare=4),
    Column("FORMAT", spare=5),
    Column("AGE", right=True),
    Column("SIZE", right=True, spare=1),
    Column("ROWS", right=True, spare=2),
    Column("VALIDATED"),
    Column("RESTORED"),
)
_ENCRYPTED = Column("ENCRYPTED", spare=7)  # only where any is
_COPIES = Column("COPIES", least=8, spare=8)  # only where there are any
_MARKS = Column("MARKS", least=8, spare=6)  # only where there are any
_TABLES = (
    Column("TABLE", least=24),
    Column("ROWS", right=True),
    Column("RAW", right=True),
    Column("STORED", right=True),
    Column("SEGMENTS", right=True, spare=1),
)
_TABLES_SINCE = (
    Column("TABLE", least=24),
    Column("ROWS", right=True),
    Column("OWN ROWS", right=True),
    Column("STORED", right=True),
    Column("CARRIES", least=16),
)
_CARRIED_BY = Column("CARRIED BY", least=16)  # only where an archive carries any
_FILES = (Column("FILE", least=24), Column("ROLE"), Column("SIZE", right=True), Column("SHA256"))

_SHORT_SUM = 13  # columns of a checksum on a narrow terminal: 12 digits, and the sign that there are more


def print_list(backups: Sequence[BackupSummary], now: datetime) -> None:
    """Prints one line per backup."""
    sealed_ones = any(backup.encrypted for backup in backups)
    copied_ones = any(backup.copies for backup in backups)
    marked_ones = any(backup.pinned or backup.label for backup in backups)
    rows = [
        (
            backup.id,
            backup.name,
            backup.database,
            backup.kind_words,
            backup.format,
            age(backup.started_at, now),
            size(backup.bytes),
            count(backup.rows),
            _validated(backup, now),
            _proven(backup, now),
            *(["yes" if backup.encrypted else "no"] if sealed_ones else []),
            *([_copies(backup)] if copied_ones else []),
            *([_marks(backup)] if marked_ones else []),
        )
        for backup in backups
    ]
    columns = ((_ENCRYPTED, sealed_ones), (_COPIES, copied_ones), (_MARKS, marked_ones))
    print_table((*_LIST, *(column for column, is_there in columns if is_there)), rows)


def marked(backup: BackupSummary, request: MarkRequest) -> str:
    """What marking it came to."""
    if request.pinned is not None:
        return f"Pinned {backup.id}" if backup.pinned else f"No longer pinned: {backup.id}"
    return f"Labelled {backup.id}: {backup.label}" if backup.label else f"No longer labelled: {backup.id}"


def _copies(backup: BackupSummary) -> str:
    """`offsite`, or `offsite FAILED`, for each."""
    return (
        ", ".join(copy.repository + ("" if copy.ok else f" {copy.words.upper()}") for copy in backup.copies) or "none"
    )


def _copy_fields(backup: BackupSummary) -> list[tuple[str, str]]:
    origin = [("copied from", backup.copied_from)] if backup.copied_from is not None else []
    return origin + [(f"copy in {copy.repository}", _copy_words(copy, backup)) for copy in backup.copies]


def _copy_words(copy: BackupCopy, backup: BackupSummary) -> str:
    problem = "" if copy.ok else f"; the last attempt failed: {copy.problem}"
    if copy.copied_at is None:
        return f"none{problem}"
    lag = duration((copy.copied_at - backup.finished_at).total_seconds())
    return f"{copy.location}, {lag} after the backup, read back {moment(copy.verified_at)}{problem}"


def _marks(backup: BackupSummary) -> str:
    return ", ".join(filter(None, ("pinned" if backup.pinned else "", backup.label)))


def print_created(backup: BackupSummary) -> None:
    """Prints what a finished backup is, and where."""
    print_fields(
        (
            ("id", backup.id),
            ("path", backup.path),
            ("database", f"{backup.database} (PostgreSQL {backup.server_version})"),
            *([("base", backup.base)] if backup.base else []),
            ("content", content(backup)),
            ("size", _sizes(backup)),
            ("time", duration(backup.duration_seconds)),
        )
    )
    if backup.warnings:
        print_line(f"{counted(backup.warnings, 'warning')}: `pantry-tui backup show {backup.id}` lists them")
    print_line(f"Backed up and verified: {backup.id}")


def print_details(details: BackupDetails) -> None:
    """Prints everything that is known of a backup."""
    print_fields(_fields(details))
    print_line()
    _print_tables(details.tables)
    print_line()
    _print_files(details.files)
    _print_surroundings(details)
    for line in details.left_out:
        print_line(f"left out: {line}")
    for warning in details.warnings:
        print_line(f"warning: {warning}")


def _print_tables(tables: Sequence[TableSummary]) -> None:
    if any(table.own_rows is not None for table in tables):
        _print_tables_since(tables)
        return
    archived = any(table.carried_by != "segments" for table in tables)
    rows = [
        (
            f"{table.schema}.{table.name}",
            count(table.rows),
            size(table.raw_bytes),
            size(table.stored_bytes),
            count(table.segments),
            *([table.carried_by + (f" ({table.reason})" if table.reason else "")] if archived else []),
        )
        for table in tables
    ]
    print_table((*_TABLES, _CARRIED_BY) if archived else _TABLES, rows)


def _print_tables_since(tables: Sequence[TableSummary]) -> None:
    """The tables of an incremental backup: how many of their rows are its own, and why where they all are."""
    rows = [
        (
            f"{table.schema}.{table.name}",
            count(table.rows),
            count(table.own_rows or 0),
            size(table.stored_bytes),
            f"all rows: {table.whole or table.reason}" if table.whole or table.carried_by != "segments" else "changes",
        )
        for table in tables
    ]
    print_table(_TABLES_SINCE, rows)


def _print_files(files: Sequence[FileSummary]) -> None:
    rows = [(file.name, file.role, size(file.bytes), file.sha256) for file in files]
    if not fits(_FILES, rows):
        rows = [(*row[:3], cut(row[3], _SHORT_SUM)) for row in rows]
    print_table(_FILES, rows)


def _print_surroundings(details: BackupDetails) -> None:
    """What a new server needs for it."""
    fields = [(heading, ", ".join(lines)) for heading, lines in surroundings_words(details.environment)]
    if fields:
        print_line()
        print_wrapped_fields(fields)


def details_document(details: BackupDetails) -> dict[str, Any]:
    """The summary's keys, and below them what only the details know."""
    document = details.summary.to_builtins()
    more = details.to_builtins()
    document["table_list"] = more["tables"]
    document["file_list"] = more["files"]
    document["warning_list"] = more["warnings"]
    for key in (
        "foreign",
        "tools",
        "server",
        "source",
        "signature",
        "signer",
        "selection",
        "left_out",
        "recipients",
        "environment",
    ):
        document[key] = more[key]
    return document


def print_validation(result: ValidationResult) -> None:
    """Prints what reading a backup back found."""
    for problem in result.problems:
        print_line(f"problem: {problem}")
    read = (
        f"{size(result.bytes_read)} read ({size(result.raw_bytes)} unpacked),"
        f" {counted(result.tables, 'table')}, {counted(result.rows, 'row')} in {duration(result.duration_seconds)}"
    )
    if result.unread:
        print_line(f"Stored bytes intact, contents unread: {result.backup_id}, {size(result.bytes_read)} read")
        print_line("It is encrypted, and no identity was given: validate it where one is, with --identity FILE")
    elif result.valid:
        print_line(f"Valid: {result.backup_id}, {f'with its base {result.base}, ' if result.base else ''}{read}")
    else:
        print_line(f"DAMAGED: {result.backup_id}, {counted(len(result.problems), 'problem')}; {read}")
    if result.signer is not None:
        unknown = (
            ""
            if result.signer_known
            else ", whom this machine does not know: compare it with `pantry-tui key show` there"
        )
        print_line(f"Signed by {result.signer}{unknown}")


def content(backup: BackupSummary) -> str:
    """How much a backup holds: `10 tables, 1,700,000 rows`."""
    return f"{counted(backup.tables, 'table')}, {counted(backup.rows, 'row')}"


def loss(backup: BackupSummary) -> list[str]:
    """What deleting the backup takes away, for the question before it."""
    proven = "never restored" if backup.proven_at is None else f"proven by a restore {age(backup.proven_at)} ago"
    return [
        f"Backup {backup.id} ({backup.name!r} of database {backup.database}, {age(backup.started_at)} old, {proven})",
        f"{content(backup)}, {size(backup.bytes)} in {backup.path}",
        "will be deleted. This cannot be undone.",
    ]


def _fields(details: BackupDetails) -> list[tuple[str, str]]:
    summary = details.summary
    return [
        ("id", summary.id),
        ("name", summary.name),
        *([("label", summary.label)] if summary.label else []),
        *([("pinned", "yes: it is deleted only when that is forced")] if summary.pinned else []),
        ("database", summary.database),
        ("kind", f"{summary.kind_words}, {summary.format}, {summary.compression}"),
        *([("base", summary.base)] if summary.base else []),
        *([("chosen", selection_words(details.selection))] if summary.partial else []),
        ("path", summary.path),
        ("started", moment(summary.started_at)),
        ("finished", f"{moment(summary.finished_at)}, after {duration(summary.duration_seconds)}"),
        ("started by", summary.started_by),
        ("server", f"PostgreSQL {summary.server_version}" if summary.server_version else "unknown"),
        *([("dump", foreign_words(details.foreign))] if details.foreign else []),
        ("tools", ", ".join(f"{tool} {version}" for tool, version in details.tools.items())),
        ("content", content(summary)),
        ("size", _sizes(summary)),
        *([("encrypted to", ", ".join(shortened(each) for each in details.recipients))] if details.recipients else []),
        ("signed by", _signed(details)),
        ("fingerprints", _fingerprints(summary)),
        ("validated", _verdict(summary)),
        ("restored", _proof(summary)),
        *([("drilled", _drilled(summary))] if summary.drilled_at is not None else []),
        *_copy_fields(summary),
    ]


def _fingerprints(summary: BackupSummary) -> str:
    if summary.kind is BackupKind.FOREIGN:
        return "no: there is nothing to compare a restore with"
    return "yes" if summary.fingerprints else "no: a restore compares row counts only"


def foreign_words(foreign: dict[str, Any]) -> str:
    """What a dump of others is: `script "theirs.sql", 12 statements, complete to its end mark`."""
    encoding = f", {foreign['encoding']}" if foreign["encoding"] else ""
    return (
        f'{foreign["dump"]} "{foreign["file_name"]}"{encoding}, {counted(foreign["statements"], "statement")},'
        " complete to its end mark"
    )


def _signed(details: BackupDetails) -> str:
    match details.signature:
        case Signature.TRUSTED:
            return f"{details.signer}, who is trusted here"
        case Signature.UNKNOWN:
            return f"{details.signer}, whom this machine does not know"
        case Signature.MISSING:
            return "nobody: it has no signature"
        case Signature.WRONG:
            return "nobody: its signature does not fit, something was changed"


def shortened(recipient: str) -> str:
    """A recipient as people tell them apart; post-quantum ones have 2,000 characters."""
    return recipient if len(recipient) <= 64 else f"{recipient[:32]}..."


def selection_words(selection: BackupSelection) -> str:
    """The patterns of a selection, as they were given: `tables a.*, without tables a.log`."""
    parts = (
        ("tables", selection.tables),
        ("schemas", selection.schemas),
        ("without tables", selection.exclude_tables),
        ("without schemas", selection.exclude_schemas),
    )
    return ", ".join(f"{what} {' '.join(patterns)}" for what, patterns in parts if patterns)


def _validated(backup: BackupSummary, now: datetime) -> str:
    if backup.valid is None:
        return "never" if backup.intact_at is None else "unread"
    if not backup.valid:
        return "DAMAGED"
    return "valid" if backup.validated_at is None else f"{age(backup.validated_at, now)} ago"


def _proven(backup: BackupSummary, now: datetime) -> str:
    """How old the proof is; that the last drill failed, when nothing has proven the backup since."""
    if backup.is_refuted:
        return "FAILED"
    return "never" if backup.proven_at is None else f"{age(backup.proven_at, now)} ago"


def _proof(backup: BackupSummary) -> str:
    if backup.proven_at is None:
        return "never"
    return f"and compared equal {moment(backup.proven_at)}, {age(backup.proven_at)} ago"


def _drilled(backup: BackupSummary) -> str:
    return f"{'proven' if backup.drilled else 'FAILED'}, {moment(backup.drilled_at)}"


def _verdict(backup: BackupSummary) -> str:
    if backup.valid is None:
        intact = f"stored bytes intact {moment(backup.intact_at)}, contents unread"
        return "never" if backup.intact_at is None else intact
    return f"{'valid' if backup.valid else 'DAMAGED'}, {moment(backup.validated_at)}"


def _sizes(backup: BackupSummary) -> str:
    saved = 1 - backup.bytes / backup.raw_bytes if backup.raw_bytes else 0.0
    return f"{size(backup.bytes)} stored, {size(backup.raw_bytes)} raw" + (f" ({saved:.0%} saved)" if saved > 0 else "")
