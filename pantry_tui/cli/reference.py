"""The reference pages `docs/commands.md` and `docs/exit-codes.md`, made from the parser and the error tree.

`python -m pantry_tui.cli.reference docs` writes them; a test compares them with what stands there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from pantry_tui.cli.failure import BROKEN_PIPE, INTERRUPTED, TERMINATED
from pantry_tui.cli.main import build_parser
from pantry_tui.cli.parser import Parser
from pantry_tui.errors import PantryError, error_classes

_MADE = "<!-- made by `python -m pantry_tui.cli.reference docs`: change the parser, not this page -->"
_OUTPUT = """\
Results go to standard output, narration and progress to standard error. Without a terminal nothing asks: what would
need an answer needs `--yes`, or is refused. Options of other versions are refused, never ignored."""
_BAR = r"\|"  # a bare one ends the cell of a table, in code too
_EVERYWHERE = "Every command takes these options, before or after its name:"
_ALONE = """\
[Exit statuses](exit-codes.md) have a page of their own.

`pantry-tui` without a command starts the terminal application:"""
_BY_SHELLS = (
    (129, "", "The terminal of the application went away; its jobs go on in the runner."),
    (INTERRUPTED, "", "Ctrl+C ended the command; a job in this process was cancelled first."),
    (BROKEN_PIPE, "", "The reader of the output went away, as `head` does."),
    (TERMINATED, "", "SIGTERM ended the command; a job in this process was cancelled first."),
)


def pages() -> dict[str, str]:
    """The pages by file name."""
    return {"commands.md": commands_page(), "exit-codes.md": exit_codes_page()}


def commands_page() -> str:
    """Every command with its options."""
    parser = build_parser()
    parts = [
        "# Commands",
        _MADE,
        _OUTPUT,
        _EVERYWHERE,
        _options(parser.global_options),
        _ALONE,
        _options(parser.options),
    ]
    for name, group in sorted(parser.commands.items()):
        parts += [f"## {name}", *_described(group, f"pantry-tui {name}")]
        for command_name, command in group.commands.items():
            parts += [f"### {name} {command_name}", *_described(command, f"pantry-tui {name} {command_name}")]
    return "\n\n".join(parts) + "\n"


def exit_codes_page() -> str:
    """Every exit status with what it means."""
    rows = [(0, "", "Done, and verified where the command verifies.")]
    rows += [(cls.exit_status, cls.code, _first_sentence(cls)) for cls in error_classes()]
    rows += list(_BY_SHELLS)
    table = [
        "| status | code | meaning |",
        "| ---: | --- | --- |",
        *(f"| {status} | {f'`{code}`' if code else ''} | {meaning} |" for status, code, meaning in sorted(rows)),
    ]
    introduction = (
        "Every class of failure has a status of its own. With `--json` the document is\n"
        '`{"error": {"code", "message", "remedy", "detail", "exit_status"}}`, with the code of this table.'
    )
    return "\n\n".join(("# Exit statuses", _MADE, introduction, "\n".join(table))) + "\n"


def write(directory: Path) -> None:
    """Writes the pages into ``directory``."""
    for name, text in pages().items():
        (directory / name).write_text(text, encoding="utf-8")


def _described(parser: Parser, name: str) -> Iterator[str]:
    yield f"```\n{usage(parser, name)}\n```"
    if parser.description:
        yield parser.description
    options = _options(_shown(parser))
    if options:
        yield options
    if parser.epilog:
        yield f"```\n{parser.epilog.partition(chr(10))[2]}\n```".replace("\n  ", "\n")


def usage(parser: Parser, name: str) -> str:
    """The command with its arguments in one line; argparse's own form differs between versions of Python."""
    parser.load()
    words = [name]
    for action in _shown(parser):
        value = _value(action)
        if not action.option_strings:
            words.append(value)
            continue
        word = f"{action.option_strings[0]} {value}".rstrip()
        words.append(word if action.required else f"[{word}]")
    if parser.commands:
        words.append("COMMAND …" if parser.needs_command else "[COMMAND …]")
    return " ".join(words)


def _options(actions: list[argparse.Action]) -> str:
    if not actions:
        return ""
    rows = [f"| `{_spelling(action).replace('|', _BAR)}` | {_help(action)} |" for action in actions]
    return "\n".join(("| option | meaning |", "| --- | --- |", *rows))


def _shown(parser: Parser) -> list[argparse.Action]:
    return [action for action in parser.options if action.help != argparse.SUPPRESS]


def _spelling(action: argparse.Action) -> str:
    return f"{', '.join(action.option_strings)} {_value(action)}".strip()


def _help(action: argparse.Action) -> str:
    return ((action.help or "") % vars(action)).replace("|", r"\|")


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    value = str(action.metavar) if action.metavar else "|".join(action.choices or [action.dest.upper()])
    return f"[{value}]" if action.nargs == "?" else value


def _first_sentence(cls: type[PantryError]) -> str:
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
