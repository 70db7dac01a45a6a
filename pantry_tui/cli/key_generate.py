"""`pantry-tui key generate`: a new identity file, its recipient, and the card to keep with it."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import Any

from pantry_tui.artifact.age import (
    HybridIdentity,
    PublicKey,
    SecretKey,
    X25519Identity,
    identity_text,
    lock_identities,
)
from pantry_tui.artifact.files import storage_errors, write_new
from pantry_tui.artifact.private import prepare_private_directory
from pantry_tui.artifact.signing_key import keys_directory
from pantry_tui.cli.key_card import LOSS, card
from pantry_tui.cli.output import note, print_document, print_line
from pantry_tui.cli.parser import command
from pantry_tui.cli.passphrase import add_passphrase_option, new_passphrase
from pantry_tui.cli.session import configuration
from pantry_tui.cli.streams import narrate
from pantry_tui.errors import RefusedError
from pantry_tui.models import utc_now


def add_generate(commands: argparse._SubParsersAction[Any]) -> None:
    """Declares the command."""
    generate = command(
        commands,
        "generate",
        generate_key,
        summary="make a key: an identity file to keep safe, and the recipient to encrypt to",
        description="Makes an identity file (mode 0600, protected by a passphrase) and prints its recipient. Never replaces a\n"
        f"file. {LOSS}",
        examples=(
            "pantry-tui key generate -o /media/usb/identity.age --card card.txt",
            "pantry-tui key generate --passphrase-file /run/keys/passphrase",
        ),
    )
    generate.add_argument(
        "-o", "--output", metavar="FILE", help="the identity file (default: DATA_DIR/keys/identity.age)"
    )
    add_passphrase_option(generate)
    generate.add_argument("--no-passphrase", action="store_true", help="leave the identity file unprotected")
    generate.add_argument(
        "--post-quantum", action="store_true", help="a key that quantum computers do not open (needs age 1.3 elsewhere)"
    )
    generate.add_argument("--card", metavar="FILE", help="write the card to keep, which is shown otherwise")


def generate_key(args: argparse.Namespace) -> int:
    """Makes an identity file, prints its recipient, shows or writes the card."""
    path = _identity_path(args)
    card_path = Path(args.card).expanduser().absolute() if args.card else None
    for new, what in ((path, "key"), (card_path, "card")):
        if new is not None and (new.exists() or new.is_symlink()):
            raise RefusedError(f"{new} exists, and no {what} is ever replaced", remedy="Choose another name.")
    passphrase = new_passphrase(args)
    made = utc_now().astimezone().date()
    identity: SecretKey = HybridIdentity.generate() if args.post_quantum else X25519Identity.generate()
    with storage_errors(path, "writing the identity file"):
        write_new(path, _identity_file(identity, passphrase, made))
    text = card(identity.recipient, path, protected=passphrase is not None, made=made)
    if card_path is not None:
        with storage_errors(card_path, "writing the card"):
            write_new(card_path, text.encode())
    _report_generated(args, identity.recipient, path, card_path, text, protected=passphrase is not None)
    return 0


def _identity_path(args: argparse.Namespace) -> Path:
    if args.output:
        return Path(args.output).expanduser().absolute()
    directory = keys_directory(configuration(args).data_directory)
    prepare_private_directory(directory, "the directory of the keys")
    return directory / ("identity.txt" if args.no_passphrase else "identity.age")


def _identity_file(identity: SecretKey, passphrase: str | None, made: date) -> bytes:
    comment = f"opens backups; made by pantry-tui on {made.isoformat()}"
    if passphrase is None:
        return identity_text((identity,), comment=comment).encode()
    return lock_identities((identity,), passphrase, comment=comment)


def _report_generated(
    args: argparse.Namespace, recipient: PublicKey, path: Path, card_path: Path | None, text: str, *, protected: bool
) -> None:
    if args.json:
        written = {"identity_file": str(path), "card": None if card_path is None else str(card_path)}
        print_document({"recipient": recipient.text, **written, "protected": protected})
    else:
        print_line(recipient.text)
    if card_path is None:
        for line in text.splitlines():
            note(args, line)
        note(args, "")
    note(args, f"identity file: {path}" + (f"; card: {card_path}" if card_path else ""))
    narrate(f"{LOSS}\n")  # also when asked to be quiet
    note(args, "Keep copies in two places, none of them this host: to take backups it needs the recipient only.")
    note(args, "next: pantry-tui key rotate --add with the recipient")
