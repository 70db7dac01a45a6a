"""`pantry-tui key`: make, show and rotate the keys that backups are encrypted to."""

from __future__ import annotations

import argparse
from pathlib import Path

from pantry_tui.artifact.age import PublicKey
from pantry_tui.artifact.keyring import identities_of_file, recipients_of_file, recipients_of_settings
from pantry_tui.artifact.signing_key import find_signing_key
from pantry_tui.cli.key_generate import add_generate
from pantry_tui.cli.key_rotate import add_rotate
from pantry_tui.cli.output import Column, print_document, print_fields, print_line, print_table
from pantry_tui.cli.parser import Parser, command
from pantry_tui.cli.passphrase import add_passphrase_option, passphrase_of_file
from pantry_tui.cli.question import ask_secret, can_ask
from pantry_tui.cli.session import configuration
from pantry_tui.config import Config


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    add_generate(commands)
    show = command(
        commands,
        "show",
        show_keys,
        summary="the recipients of an identity file, or those that are configured",
        description="Shows the recipients of an identity file; without one, to whom backups are encrypted here, and the\n"
        "fingerprint of the key that signs them. Shows no secret.",
        examples=("pantry-tui key show", "pantry-tui key show /media/usb/identity.age"),
    )
    show.add_argument("file", nargs="?", metavar="FILE", help="an identity file")
    add_passphrase_option(show)
    add_rotate(commands)


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def show_keys(args: argparse.Namespace) -> int:
    """Shows recipients: of a file, or those of the configuration with the signer's fingerprint."""
    return _show_file(args) if args.file else _show_configured(args)


def _show_file(args: argparse.Namespace) -> int:
    passphrase = passphrase_of_file(args.passphrase_file) if args.passphrase_file else None
    ask = ask_secret if can_ask() else None
    identities = identities_of_file(Path(args.file).expanduser().absolute(), passphrase=passphrase, ask=ask)
    recipients = [identity.recipient.text for identity in identities]
    if args.json:
        print_document({"file": args.file, "recipients": recipients})
    else:
        for recipient in recipients:
            print_line(recipient)
    return 0


def _show_configured(args: argparse.Namespace) -> int:
    config = configuration(args)
    listed = _listed(config)
    key = find_signing_key(config.data_directory)
    signer = None if key is None else key.signer.fingerprint
    if args.json:
        recipients = [{"recipient": recipient.text, "from": origin} for recipient, origin in listed]
        print_document({"recipients": recipients, "identity": config.encryption.identity, "signer": signer})
        return 0
    if listed:
        print_table([Column("RECIPIENT"), Column("FROM", spare=1)], [[one.text, origin] for one, origin in listed])
    else:
        print_line("no recipient is configured: backups are not encrypted")
    identity = config.encryption.identity or "none: this host cannot open encrypted backups"
    print_fields([("identity", identity), ("signer", signer or "none yet: the first backup makes it")])
    return 0


def _listed(config: Config) -> list[tuple[PublicKey, str]]:
    """Every recipient with the file that names it."""
    found = [(recipient, config.path or "configuration") for recipient in recipients_of_settings(config.encryption)]
    if name := config.encryption.recipients_file:
        found += [(recipient, name) for recipient in recipients_of_file(Path(name))]
    return found
