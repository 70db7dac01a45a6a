"""docs/keys.md, made from the command table: `python -m screens.keys_document > docs/keys.md`."""

from __future__ import annotations

import sys

from screens.command import PANES, Command
from screens.commands import COMMANDS

_WRITTEN = {"question_mark": "?", "slash": "/", "colon": ":", "escape": "esc"}

_MOVEMENT = """\
Lower case looks, upper case changes something. `esc` goes back and never quits. The first column is the name by
which `[keys]` of the configuration gives a command other keys.
"""


def key_names(keys: str) -> tuple[str, ...]:
    """The keys of a binding as people read them: `?`, `f1`."""
    return tuple(_WRITTEN.get(key, key) for key in keys.split(","))


def keys_document() -> str:
    """The whole document."""
    sections = [_section(pane, title) for pane, title in PANES.items()]
    return "# Keys\n\n" + _MOVEMENT + "".join(sections)


def _section(pane: str, title: str) -> str:
    rows = "".join(_row(each) for each in COMMANDS if pane in each.panes)
    return f"\n## {title}\n\n| id | keys | what it does | equivalent command |\n| --- | --- | --- | --- |\n{rows}"


def _row(each: Command) -> str:
    keys = " ".join(f"`{key}`" for key in key_names(each.keys))
    equivalent = f"`{each.command_line}`" if each.command_line else ""
    return f"| `{each.id}` | {keys} | **{each.title}.** {each.description} | {equivalent} |\n"


if __name__ == "__main__":
    sys.stdout.write(keys_document())
