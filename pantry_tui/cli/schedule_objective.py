"""Whether a database's schedules can keep its recovery point objective, said where they are set up."""

from __future__ import annotations

import argparse

from pantry_tui.cli.output import duration, note
from pantry_tui.cli.session import configuration, look_up
from pantry_tui.config import DatabaseSettings
from pantry_tui.models import Schedule, utc_now


def remark_objective(args: argparse.Namespace, schedule: Schedule) -> None:
    """Remarks on it where the schedules of the same database, taken together, cannot."""
    if not schedule.backs_up_whole:
        return
    from pantry_tui.schedule.gaps import longest_gap

    config = configuration(args)
    found = [status.schedule for status in look_up(config, lambda reads: reads.schedules())]
    same = (schedule.database, schedule.address, schedule.all_databases)
    others = [each for each in found if (each.database, each.address, each.all_databases) == same]
    gap = longest_gap([each for each in others if each.enabled and each.backs_up_whole], utc_now())
    settings = config.databases.get(schedule.database or "", DatabaseSettings())
    objective = settings.rpo_seconds
    if gap is None:
        note(args, f"nothing backs up {schedule.database or 'the database'} by schedule now")
    elif gap > objective:
        note(
            args,
            f"up to {duration(gap)} lie between two backups: the recovery point objective of {duration(objective)} "
            f"({settings.tier}) cannot be met; back up more often (--kind incremental), or set another tier",
        )
