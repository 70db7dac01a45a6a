"""Passphrases: typed twice where one is made, from a file where nobody is there to type."""

from __future__ import annotations

import argparse
from pathlib import Path

from pantry_tui.cli.parser import Parser
from pantry_tui.cli.question import ask_secret, can_ask
from pantry_tui.config.references import read_secret_file, secret_text
from pantry_tui.errors import RefusedError, UsageError

SHORTEST_PASSPHRASE = 8


def add_passphrase_option(parser: Parser) -> None:
    """Declares `--passphrase-file`."""
    parser.add_argument(
        "--passphrase-file", metavar="FILE", help="take the passphrase from this file, which nobody else can read"
    )


def new_passphrase(args: argparse.Namespace) -> str | None:
    """The passphrase for a new identity file; None when it is to have none.

    Raises `RefusedError` where nobody can be asked, for one that is too short, and for two that differ.
    """
    if args.no_passphrase and args.passphrase_file:
        raise UsageError("--no-passphrase and --passphrase-file say opposite things", remedy="Give one of them.")
    if args.no_passphrase:
        return None
    if args.passphrase_file:
        passphrase = passphrase_of_file(args.passphrase_file)
    elif can_ask():
        passphrase = ask_secret("Passphrase for the new identity file")
    else:
        raise RefusedError(
            "the identity file needs a passphrase, and there is no terminal to ask on",
            remedy="name a file that holds it with --passphrase-file FILE, or leave it out with --no-passphrase",
        )
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise RefusedError(
            f"a passphrase of {len(passphrase)} characters protects nothing",
            remedy=f"at least {SHORTEST_PASSPHRASE}, better four or five words that do not belong together",
        )
    if not args.passphrase_file and ask_secret("The same again") != passphrase:
        raise RefusedError("the passphrases differ: nothing was made", remedy="try again")
    return passphrase


def passphrase_of_file(name: str) -> str:
    """The passphrase that a file holds. Raises `ConfigError`, also when others can read it."""
    path = Path(name).expanduser().absolute()
    key = "--passphrase-file"
    return secret_text(read_secret_file(path, key=key), str(path), key=key, what="passphrase")
