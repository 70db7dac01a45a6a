"""The commands for schedules."""

from __future__ import annotations

from screens.command import SCHEDULE, SCHEDULES, Command
from screens.situation import run_has_job, schedule_selected

_ONE_SCHEDULE = (SCHEDULES, SCHEDULE)

SCHEDULE_COMMANDS = (
    Command(
        id="schedule.open",
        keys="enter",
        title="Runs",
        description="What became of each run of the selected schedule, and why.",
        panes=(SCHEDULES,),
        command_line="pantry-tui schedule show SCHEDULE",
        condition=schedule_selected,
        rank=2,
    ),
    Command(
        id="schedule.job",
        keys="enter",
        title="Job",
        description="The job of the selected run: its log and its result.",
        panes=(SCHEDULE,),
        command_line="pantry-tui job show JOB",
        condition=run_has_job,
        rank=1,
    ),
    Command(
        id="schedule.create",
        keys="A",
        title="Add",
        description="Have something done again and again: a backup, a drill, a validation.",
        panes=(SCHEDULES,),
        command_line="pantry-tui schedule create NAME CRON",
        changes=True,
        rank=1,
    ),
    Command(
        id="schedule.edit",
        keys="E",
        title="Edit",
        description="Change when the selected schedule runs, and what it does.",
        panes=_ONE_SCHEDULE,
        command_line="pantry-tui schedule edit SCHEDULE",
        changes=True,
        condition=schedule_selected,
        rank=3,
    ),
    Command(
        id="schedule.toggle",
        keys="T",
        title="On or off",
        description="Have the schedule run no more, or run again.",
        panes=_ONE_SCHEDULE,
        command_line="pantry-tui schedule disable SCHEDULE",
        changes=True,
        condition=schedule_selected,
        rank=4,
    ),
    Command(
        id="schedule.execute",
        keys="N",
        title="Run now",
        description="Do now what the schedule does; its next run stays where it is.",
        panes=_ONE_SCHEDULE,
        command_line="pantry-tui schedule execute SCHEDULE",
        changes=True,
        condition=schedule_selected,
        rank=5,
    ),
    Command(
        id="schedule.delete",
        keys="D",
        title="Delete",
        description="Forget the schedule, after a question. Its backups stay.",
        panes=_ONE_SCHEDULE,
        command_line="pantry-tui schedule delete SCHEDULE",
        changes=True,
        condition=schedule_selected,
        rank=6,
    ),
    Command(
        id="schedule.defaults",
        keys="S",
        title="Standard set",
        description="Add the schedules that most databases want: full each day, incremental each four hours, a drill each "
        "month. Those that are there stay.",
        panes=(SCHEDULES,),
        command_line="pantry-tui schedule defaults",
        changes=True,
        rank=13,
    ),
)
