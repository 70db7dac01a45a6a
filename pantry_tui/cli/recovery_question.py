"""What is asked before a recovery: which way it will go is found out first, so that nobody agrees to another one."""

from __future__ import annotations

import argparse
import asyncio

from pantry_tui.cli import recovery_view as view
from pantry_tui.cli.output import counted
from pantry_tui.cli.recovery_choice import is_partial
from pantry_tui.cli.recovery_renaming import renaming_question
from pantry_tui.models import BackupKind, BackupSummary, DatabaseTarget, RecoveryWay
from pantry_tui.recovery.way import way_of_whole

_NEW = " It is created, or filled where it is there and empty."
_EXCHANGED = (
    " It is there, with contents: it is exchanged for the restored one, its sessions are ended, and it is kept under another"
    " name until it is released."
)
_ROWS = (
    " It is there, with contents, and this role may not put another database in its place: only the rows of its tables are"
    " exchanged, and all else in it stays as it is. `recovery plan` shows it table by table."
)
_OF_SOME = (
    " It is there, with contents, and the backup has a part of it: only the rows of those tables are exchanged, and all else in"
    " it stays as it is. --dry-run shows the effect first."
)
_REFUSED = " It is there, with contents, and this role may not put another database in its place: it will be refused."


def recovery_question(args: argparse.Namespace, backup: BackupSummary, target: DatabaseTarget) -> str:
    """The question, in full sentences. Looks at the target: raises `ServerError` and its kin where that cannot be."""
    if args.rename_schema:
        return renaming_question(args, view.backup_facts(backup), backup.id, target)
    what = f"backup {backup.id}" if not args.table else f"{counted(len(args.table), 'table')} of backup {backup.id}"
    restore = f"Restore {what} ({view.backup_facts(backup)}) into database {target.name} on {view.place(target)}"
    if args.managed:
        return (
            f"{restore}, as far as the role may? Schemas of others are left alone; where tables of yours are there, "
            "their rows are exchanged."
        )
    if is_partial(args):
        return (
            f"{restore}? Where the tables are there, their rows are exchanged ({args.strategy}); "
            "--dry-run shows the effect first."
        )
    if backup.kind is BackupKind.DATA:
        return f"{restore}? Its rows go into the tables that are there, which have to be empty."
    return f"{restore}?{_whole(backup, target)}"


def _whole(backup: BackupSummary, target: DatabaseTarget) -> str:
    way = asyncio.run(way_of_whole(target))
    if way is RecoveryWay.NEW:
        return _NEW
    if backup.kind is BackupKind.SCHEMA:
        return _EXCHANGED if way is RecoveryWay.SIDE_BY_SIDE else _REFUSED
    if backup.partial:
        return _OF_SOME
    return _EXCHANGED if way is RecoveryWay.SIDE_BY_SIDE else _ROWS
