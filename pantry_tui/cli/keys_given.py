"""To whom a backup is encrypted, and with what one is opened, as the command line and the configuration say.

Cryptography is imported where a key is handled: every command of the group declares its options here, `backup list` too.
"""

from __future__ import annotations

import argparse
import os

from pantry_tui.cli.parser import Parser
from pantry_tui.cli.passphrase import add_passphrase_option, passphrase_of_file
from pantry_tui.cli.question import ask_secret, can_ask
from pantry_tui.cli.session import look_up
from pantry_tui.config import Config
from pantry_tui.errors import KeyMissingError
from pantry_tui.models import BackupSummary, RepositoryTarget, Unlocking


def add_recipient_options(parser: Parser) -> None:
    """Declares `--encrypt` and `--recipient`."""
    parser.add_argument(
        "--encrypt", action="store_true", help="encrypt to the configured recipients; refused where there are none"
    )
    parser.add_argument(
        "--recipient",
        action="append",
        default=[],
        metavar="KEY",
        help="encrypt to this recipient (age1…) in place of the configured ones; repeatable",
    )


def add_identity_options(parser: Parser) -> None:
    """Declares `--identity` and `--passphrase-file`."""
    parser.add_argument("--identity", metavar="FILE", help="open an encrypted backup with this identity file")
    add_passphrase_option(parser)


def add_trust_option(parser: Parser) -> None:
    """Declares `--trust`."""
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="FINGERPRINT",
        help="accept a backup that this signer signed; `unsigned` accepts one without a signature",
    )


def recipients(args: argparse.Namespace, config: Config) -> tuple[str, ...]:
    """To whom the backup is encrypted; nobody, where neither options nor configuration ask for that.

    Raises `ConfigError` for what is no recipient, `KeyMissingError` for encryption without anybody to encrypt to.
    """
    from pantry_tui.artifact.keyring import recipient_texts

    found = parsed_recipients(args) or recipient_texts(config.encryption)
    if args.encrypt and not found:
        raise KeyMissingError(
            "--encrypt: there is nobody to encrypt to",
            remedy="make a key with `pantry-tui key generate` and name its recipient with --recipient, or in [encryption]",
        )
    return found


def parsed_recipients(args: argparse.Namespace) -> tuple[str, ...]:
    """The recipients that `--recipient` names. Raises `ConfigError` for what is none."""
    from pantry_tui.artifact.age import parse_recipient

    named = (parse_recipient(text, key="--recipient").text for text in args.recipient)
    return tuple(dict.fromkeys(named))


def backup_to_open(args: argparse.Namespace, config: Config, place: RepositoryTarget) -> BackupSummary | None:
    """The backup that is asked for; None, and not looked at, where there is no identity that could open one."""
    if not (args.identity or config.encryption.identity):
        return None
    return look_up(config, lambda reads: reads.backup(place, args.id)).summary


def unlocking(args: argparse.Namespace, config: Config, backup: BackupSummary | None) -> Unlocking:
    """The identities for a backup, from `--identity` or the configuration; none for one that is not encrypted.

    Asks for a passphrase on a terminal where one is needed. Raises `ConfigError`, `WrongKeyError`, `KeyMissingError`.
    """
    return given(args, config) if backup is not None and backup.encrypted else Unlocking()


def given(args: argparse.Namespace, config: Config) -> Unlocking:
    """The identities from `--identity` or the configuration; raises as `unlocking` does."""
    from pantry_tui.artifact import keyring

    return keyring.unlocking(
        config.encryption,
        os.environ,
        file=args.identity,
        passphrase=passphrase_of_file(args.passphrase_file) if args.passphrase_file else None,
        ask=ask_secret if can_ask() else None,
    )
