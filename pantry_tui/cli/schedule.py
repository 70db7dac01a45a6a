"""`pantry-tui schedule`: create, list, show, edit, enable, disable, delete, execute and preview schedules."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from pantry_tui.cli import schedule_execute, schedule_options
from pantry_tui.cli import schedule_view as view
from pantry_tui.cli.output import note, print_document, print_line
from pantry_tui.cli.parser import Parser, command, positive
from pantry_tui.cli.schedule_objective import remark_objective
from pantry_tui.cli.session import ask_runner, configuration, look_up
from pantry_tui.config import Config
from pantry_tui.models import Schedule, ScheduleStatus, utc_now
from pantry_tui.runner.lock import is_held
from pantry_tui.timetable import default_schedules, in_zone

_RUNNER_NEEDED = (
    "schedules need a runner: `pantry-tui runner install-unit` has one always there, "
    "`pantry-tui runner start` until the machine is switched off"
)


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    _add_create(commands)
    listing = command(
        commands,
        "list",
        list_schedules,
        summary="list schedules with their next and last runs",
        description="Lists schedules by name, with the next run in its own time zone and what became of the last one.",
        examples=("pantry-tui schedule list",),
    )
    listing.add_argument("--tag", metavar="TAG", help="only schedules with this tag")
    show = command(
        commands,
        "show",
        show_schedule,
        summary="one schedule with its runs",
        description="Shows a schedule: what it does, its next runs, and what became of the last ones: started in time, late,\n"
        "caught up by a later run, skipped, or missed, and why.",
        examples=("pantry-tui schedule show nightly",),
    )
    show.add_argument("-l", "--limit", type=positive, default=10, metavar="N", help="so many runs (default: 10)")
    edit = command(
        commands,
        "edit",
        edit_schedule,
        summary="change a schedule",
        description="Changes what options say, and leaves the rest of the schedule as it is. An empty value takes off\n"
        "what was given before: --tag ''.",
        examples=(
            "pantry-tui schedule edit nightly --cron '30 3 * * *'",
            "pantry-tui schedule edit nightly --retries 5",
        ),
    )
    edit.add_argument("--name", metavar="NAME", help="call it so")
    edit.add_argument("--cron", metavar="CRON", help="when it runs")
    schedule_options.add_options(edit)
    for name, action, summary in (
        ("enable", enable_schedule, "have a schedule run again"),
        ("disable", disable_schedule, "have a schedule run no more, until it is enabled"),
        ("delete", delete_schedule, "forget a schedule; its backups stay"),
    ):
        command(commands, name, action, summary=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    for name in ("show", "edit", "enable", "disable", "delete"):
        commands.choices[name].add_argument("schedule", metavar="SCHEDULE", help="a schedule's name or id")
    schedule_execute.add_command(commands)
    _add_preview(commands)
    command(
        commands,
        "defaults",
        create_defaults,
        summary="create the schedules that most databases want",
        description="Creates three schedules for the default database: a full backup every day at 02:00, kept 30 days; an\n"
        "incremental one every 4 hours, kept 7 days; a restore drill every month. Those that are there stay.",
    )


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def create_schedule(args: argparse.Namespace) -> int:
    """Creates a schedule."""
    config = configuration(args)
    fields = {"timezone": schedule_options.zone(args, config), **schedule_options.given(args)}
    draft = Schedule(name=args.name, cron=args.cron, **fields)
    schedule_options.check_together(args, draft)
    made = _created(config, draft)
    status = _print_changed(args, made, "Created")
    remark_objective(args, made)
    return status


def list_schedules(args: argparse.Namespace) -> int:
    """Lists schedules."""
    config = configuration(args)
    found = look_up(config, lambda reads: reads.schedules(), args)
    chosen = [status for status in found if args.tag is None or args.tag in status.schedule.tags]
    if args.json:
        print_document([view.document(status) for status in chosen])
    elif chosen:
        view.print_list(chosen)
        if not is_held(Path(config.data_directory)):
            note(
                args, f"no runner is at work: nothing of this is done. {_RUNNER_NEEDED[0].upper()}{_RUNNER_NEEDED[1:]}"
            )
    else:
        note(args, "no schedules" if not found else f"no schedule has the tag {args.tag}")
    return 0


def show_schedule(args: argparse.Namespace) -> int:
    """Shows one schedule with its runs."""
    config = configuration(args)
    status = look_up(config, lambda reads: reads.schedule(args.schedule), args)
    runs = look_up(config, lambda reads: reads.runs(status.schedule.id, limit=args.limit))
    if args.json:
        print_document({**view.document(status), "runs": runs})
    else:
        view.print_schedule(status, runs, config)
    return 0


def edit_schedule(args: argparse.Namespace) -> int:
    """Changes a schedule."""
    from pantry_tui.runner.scheduling.references import referenced

    config = configuration(args)
    before = look_up(config, lambda reads: reads.schedule(args.schedule)).schedule
    changes = schedule_options.given(args)
    changes |= {name: getattr(args, name) for name in ("name", "cron") if getattr(args, name) is not None}
    draft = msgspec.structs.replace(before, **changes)
    schedule_options.check_together(args, draft)
    draft = referenced(draft, config, changed=frozenset(changes))
    made = ask_runner(config, lambda runner: runner.edit_schedule(before.id, draft))
    status = _print_changed(args, made, "Changed")
    remark_objective(args, made)
    return status


def enable_schedule(args: argparse.Namespace) -> int:
    """Has a schedule run again."""
    made = ask_runner(configuration(args), lambda runner: runner.enable_schedule(args.schedule))
    return _print_changed(args, made, "Enabled")


def disable_schedule(args: argparse.Namespace) -> int:
    """Has a schedule run no more."""
    made = ask_runner(configuration(args), lambda runner: runner.enable_schedule(args.schedule, enabled=False))
    status = _print_changed(args, made, "Disabled")
    remark_objective(args, made)
    return status


def delete_schedule(args: argparse.Namespace) -> int:
    """Forgets a schedule."""
    config = configuration(args)
    schedule = look_up(config, lambda reads: reads.schedule(args.schedule)).schedule
    ask_runner(config, lambda runner: runner.delete_schedule(schedule.id))
    if args.json:
        print_document({"id": schedule.id, "deleted": True})
    else:
        print_line(f"Deleted {schedule.id}")
        note(args, "its backups stay; they are no longer deleted by its retention")
    return 0


def preview_schedule(args: argparse.Namespace) -> int:
    """Says what a cron expression means."""
    from pantry_tui.schedule.showing import preview

    seen = preview(
        args.cron,
        schedule_options.zone(args, configuration(args)),
        after=utc_now(),
        seconds=args.seconds,
        count=args.count,
    )
    if args.json:
        print_document(seen)
    else:
        view.print_preview(seen)
    return 0


def create_defaults(args: argparse.Namespace) -> int:
    """Creates the schedules of the standing advice, but for those that are there."""
    config = configuration(args)
    there = {status.schedule.name for status in look_up(config, lambda reads: reads.schedules())}
    zone = schedule_options.zone(args, config)
    made = [_created(config, draft) for draft in default_schedules(zone) if draft.name not in there]
    if args.json:
        print_document(made)
        return 0
    for schedule in made:
        _print_changed(args, schedule, "Created")
    if not made:
        note(args, "they are all there already")
    note(args, "take a backup of the schema before each migration: pantry-tui backup create -n migration --kind schema")
    return 0


def _created(config: Config, draft: Schedule) -> Schedule:
    from pantry_tui.runner.scheduling.references import referenced

    found = referenced(draft, config)
    return ask_runner(config, lambda runner: runner.create_schedule(found))


def _print_changed(args: argparse.Namespace, schedule: Schedule, what: str) -> int:
    status = look_up(configuration(args), lambda reads: reads.schedule(schedule.id))
    if args.json:
        print_document(view.document(status))
        return 0
    print_line(f"{what} {schedule.id}")
    _tell_when(args, status)
    return 0


def _tell_when(args: argparse.Namespace, status: ScheduleStatus) -> None:
    note(args, f"{status.words} ({status.schedule.timezone})")
    if status.next_runs:
        note(args, f"next run: {in_zone(status.next_runs[0], status.schedule.timezone)}")
        note(args, _RUNNER_NEEDED)


def _add_create(commands: argparse._SubParsersAction[Parser]) -> None:
    create = command(
        commands,
        "create",
        create_schedule,
        summary="have something done again and again",
        description="Creates a schedule. Its time is a cron expression of five fields (minute, hour, day, month, weekday)\n"
        "or a form like @daily, in a time zone of its own: a time that the clocks skip runs right after, one that they show\n"
        "twice runs once. Databases, repositories and whom to tell are names of the configuration: nothing secret is kept.",
        examples=(
            "pantry-tui schedule create nightly '0 2 * * *' -r 30",
            "pantry-tui schedule create four-hourly '30 */4 * * *' --kind incremental -r 7 -d crm",
            "pantry-tui schedule create all-databases '0 1 * * *' -d '*' --timezone Europe/Vienna",
            "pantry-tui schedule create monthly-drill '0 4 1 * *' --kind drill --on-failure ops",
        ),
    )
    create.add_argument("name", metavar="NAME", help="what it, and its backups, are called")
    create.add_argument("cron", metavar="CRON", help="when it runs, such as '0 2 * * *'")
    schedule_options.add_options(create)
    create.add_argument("--disabled", action="store_true", help="create it, but do not run it yet")


def _add_preview(commands: argparse._SubParsersAction[Parser]) -> None:
    seen = command(
        commands,
        "preview",
        preview_schedule,
        summary="what a cron expression means",
        description="Says a cron expression in words and lists its next runs, by the clocks of the time zone. Changes nothing.",
        examples=("pantry-tui schedule preview '*/15 8-17 * * mon-fri' --timezone America/New_York",),
    )
    seen.add_argument("cron", metavar="CRON", help="a cron expression")
    seen.add_argument("-n", "--count", type=positive, default=5, metavar="N", help="so many runs (default: 5)")
    schedule_options.add_zone_options(seen)
