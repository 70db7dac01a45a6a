"""The parser that all commands share: options that every command takes, and errors of our own tree.

Nothing here is abbreviated: `--data` must not become `--database` in a script that outlives this version.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

from pantry_tui.errors import UsageError


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that knows the global options and raises `UsageError`.

    ``module`` names the module of a command group; it is imported when that group is parsed, and not before
    (`--help` of everything stays under 150 ms). ``options`` and ``commands`` keep what was declared, for the reference.
    """

    def __init__(self, *args: Any, module: str | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        self.options: list[argparse.Action] = []
        self._commands: argparse._SubParsersAction[Parser] | None = None
        self._module = module
        super().__init__(*args, **kwargs)
        self.options.clear()  # --help
        self.global_options = _add_global_options(self)

    @property
    def commands(self) -> dict[str, Parser]:
        """The commands below this one, by name."""
        self.load()
        return dict(self._commands.choices) if self._commands is not None else {}

    @property
    def needs_command(self) -> bool:
        """Whether it does nothing without one of its commands."""
        return self._commands is not None and self._commands.required

    def load(self) -> None:
        """Imports the group's module and lets it declare its arguments, once."""
        if self._module is not None:
            module, self._module = self._module, None
            import_module(module).add_arguments(self)

    def add_argument(self, *args: Any, **kwargs: Any) -> argparse.Action:
        """Declares an option, as `ArgumentParser` does, and remembers it."""
        action = super().add_argument(*args, **kwargs)
        self.options.append(action)
        return action

    def add_subparsers(self, **kwargs: Any) -> argparse._SubParsersAction[Parser]:  # type: ignore[override]
        """Declares the commands below this one."""
        self._commands = super().add_subparsers(**kwargs)
        return self._commands

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parses, after the group's arguments are known."""
        self.load()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raises `UsageError`: the edge prints it and picks the exit status."""
        raise UsageError(message, remedy=f"see `{self.prog} --help`")


class Unsupported(argparse.Action):
    """An option that another version has: named, explained and refused, never ignored."""

    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        kwargs["help"] = argparse.SUPPRESS
        kwargs.setdefault("default", argparse.SUPPRESS)
        super().__init__(option_strings, dest, **kwargs)

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: object, values: object, option: object = None
    ) -> None:
        """Raises `UsageError`."""
        raise unsupported(str(option))


def unsupported(what: str) -> UsageError:
    """The error for something that this version does not do."""
    return UsageError(
        f"{what} is not supported by this version of pantry-tui",
        remedy="leave it out, or install a version that has it",
    )


def size_in_bytes(text: str) -> int:
    """A size such as `20MB` or `1.5 GiB`, in bytes."""
    from pantry_tui.config.keeping import bytes_of

    try:
        return bytes_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it as 20MB or 1.5GiB") from None


def positive(text: str) -> int:
    """A whole number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


def not_negative(text: str) -> int:
    """A whole number, 0 included."""
    try:
        return 0 if text == "0" else positive(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0") from None


def command(
    commands: argparse._SubParsersAction[Any],
    name: str,
    action: Callable[[argparse.Namespace], int],
    *,
    summary: str,
    description: str,
    examples: Sequence[str] = (),
) -> Parser:
    """Declares one command: ``summary`` for the list, ``description`` and ``examples`` for its own help."""
    epilog = "examples:\n" + "\n".join(f"  {line}" for line in examples) if examples else None
    parser: Parser = commands.add_parser(name, help=summary, description=description, epilog=epilog)
    parser.set_defaults(action=action)
    return parser


def _add_global_options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Accepted before and after the command: a default here would overwrite what stood before it."""
    group, unset = parser.add_argument_group("options of every command"), argparse.SUPPRESS
    return [
        group.add_argument("--config", metavar="FILE", default=unset, help="configuration file to use"),
        group.add_argument("--json", action="store_true", default=unset, help="print one JSON document"),
        group.add_argument("--quiet", action="store_true", default=unset, help="no progress and no remarks"),
        group.add_argument("--no-color", action="store_true", default=unset, help="no colours (as NO_COLOR=1)"),
    ]


def global_defaults() -> argparse.Namespace:
    """The namespace to parse into: global options as they are when nobody gives them."""
    return argparse.Namespace(config=None, json=False, quiet=False, no_color=False, group=None)
