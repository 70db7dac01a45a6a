"""`pantry-tui recover`: the recovery wizard, on its screen or as plain questions and answers."""

from __future__ import annotations

import argparse
import asyncio
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pantry_tui.cli.output import note, print_line
from pantry_tui.cli.parser import Parser
from pantry_tui.cli.question import can_ask
from pantry_tui.cli.session import ask_runner, configuration, started_by
from pantry_tui.config import Config
from pantry_tui.config.settings import RepositorySettings
from pantry_tui.errors import NotFoundError, PantryError, TerminalError, UsageError
from pantry_tui.guide.view import Line, Tone, View

if TYPE_CHECKING:
    from pantry_tui.guide.course import Course
    from pantry_tui.runner.client import RunnerClient

_MANIFEST = "manifest.json"
_FROM = "from"  # the repository that --from names
_SIGNS = {Tone.GOOD: "ok: ", Tone.WARNING: "mind: ", Tone.BAD: "WRONG: "}
_LOOK_SECONDS = 0.5
_HELP = "a number takes that answer, enter the recommended one; b goes back, l leaves for now, q ends the wizard"


def add_arguments(parser: Parser) -> None:
    """Declares the options; the group is the command."""
    parser.description = (
        "Leads through a recovery, one question at a time, and does nothing that you have not seen before: what happened,\n"
        "which backup, which tables, a plan, a rehearsal, the recovery, and whether it is right. It can be left at any\n"
        "time, and goes on where it stood: after a lost connection, in another terminal, after a reboot."
    )
    parser.add_argument("-d", "--database", metavar="DATABASE", help="the database that is to come back")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="PATH",
        help="where the backups are: a repository's directory or a backup's, on a machine without a configuration",
    )
    parser.add_argument(
        "--plain", action="store_true", help="plain questions and answers, for any terminal and for readers"
    )


def run(args: argparse.Namespace) -> int:
    """Runs the wizard; 0 when it was ended or left."""
    if not can_ask():
        raise TerminalError(
            "the wizard needs a terminal to ask on, and there is none here",
            remedy="use the commands: pantry-tui recovery plan, then pantry-tui recovery execute",
        )
    config, backup_id = _configured(args)
    if args.plain:
        return ask_runner(config, lambda client: _ask(args, config, client, backup_id))
    status: int = import_module("pantry_tui.app").run(config, wizard=True, database=args.database)
    return status


def _configured(args: argparse.Namespace) -> tuple[Config, str | None]:
    """The configuration with the repository that is meant, and the backup where one is named."""
    config = configuration(args)
    if args.source is None:
        return config, None
    path = Path(args.source).expanduser().resolve()
    if not path.is_dir():
        raise NotFoundError(f"{path} is no directory", remedy="name a repository's directory, or that of one backup")
    backup_id = path.name if (path / _MANIFEST).is_file() else None
    directory = path.parent if backup_id is not None else path
    place = RepositorySettings(path=str(directory))
    return msgspec.structs.replace(config, repositories={_FROM: place}, default_repository=_FROM), backup_id


async def _ask(args: argparse.Namespace, config: Config, client: RunnerClient, backup_id: str | None) -> int:
    from pantry_tui.guide.course import Course

    course = Course(config, lambda: client, user=started_by())
    if await course.begin(database=args.database, backup_id=backup_id):
        print_line("This recovery is under way; it goes on where it stood.")
    note(args, _HELP)
    while course.is_begun:
        view = course.view()
        if view.job is not None:
            await _wait(client, view)
            await course.look()
            continue
        _print(view)
        if not await _answer(course, view):
            print_line("Left as it stands. `pantry-tui recover` goes on with it.")
            return 0
    print_line("The wizard has ended.")
    return 0


def _print(view: View) -> None:
    print_line()
    print_line(f"== {view.question}")
    for line in view.lines:
        print_line(_said(line))
    if view.items:
        print_line(f"   {' | '.join(filter(None, view.columns))}")
    for number, item in enumerate(view.items, 1):
        mark = "[x]" if item.chosen else "[ ]"
        print_line(f"   t{number} {mark} {' | '.join(filter(None, item.cells))}")
    for number, option in enumerate(view.options, 1):
        recommended = " (recommended)" if option.recommended else ""
        detail = option.refused or option.detail
        print_line(f"{number}. {option.label}{recommended}{f': {detail}' if detail else ''}")


def _said(line: Line) -> str:
    return f"{_SIGNS.get(line.tone, '')}{line.text}"


async def _answer(course: Course, view: View) -> bool:
    """Asks once and does what is answered; whether the wizard goes on. What is wrong is said, and asked again."""
    typed = (await _line(_prompt(view))).strip()
    try:
        match typed:
            case "l" | "\x04":
                return False
            case "q":
                await course.end()
            case "b":
                await course.back()
            case "?":
                print_line(_HELP)
            case _ if typed.startswith("t") and typed[1:].isdecimal() and view.items:
                await course.toggle(view.items[_place(typed[1:], len(view.items))].key)
            case _ if view.typed is not None:
                await course.answer(view.options[0].key, typed)
            case _ if view.asks is not None and len(typed) > 2:
                await course.narrow(typed)
            case _:
                await course.answer(_chosen(view, typed))
    except PantryError as error:
        print_line(f"! {error.message}")
        if error.remedy:
            print_line(f"  {error.remedy}")
    return True


def _prompt(view: View) -> str:
    if view.typed is not None:
        return f"Type {view.typed} to do it (b: back): "
    extra = f"; {view.asks}" if view.asks else "; t1, t2 … choose tables" if any(view.items) and view.columns else ""
    return f"Answer (enter: {view.preselected + 1}; b: back; l: leave; ?: help{extra}): "


def _chosen(view: View, typed: str) -> str:
    place = view.preselected if not typed else _place(typed, len(view.options))
    return view.options[place].key


def _place(typed: str, most: int) -> int:
    if not typed.isdecimal() or not 1 <= int(typed) <= most:
        raise UsageError(f"{typed!r} is none of the answers", remedy=f"a number from 1 to {most}, or ? for help")
    return int(typed) - 1


async def _line(prompt: str) -> str:
    """A line that is typed; what stands for leaving where the input has ended."""
    print(prompt, end="", flush=True)  # noqa: T201  (the one place that talks without a line's end)
    read = await asyncio.to_thread(sys.stdin.readline)
    return read or "\x04"


async def _wait(client: RunnerClient, view: View) -> None:
    """Tells how far the job is, now and then, until it has ended."""
    assert view.job is not None
    print_line()
    print_line(f"== {view.question}")
    phase, tenth = "", -1
    while True:
        job = await client.job(view.job)
        if job.state.is_final:
            print_line(f"   {str(job.state).replace('_', ' ')}")
            return
        if job.phase != phase or int(job.share * 10) != tenth:
            phase, tenth = job.phase, int(job.share * 10)
            print_line(f"   {job.share:.0%} {phase}")
        await asyncio.sleep(_LOOK_SECONDS)
