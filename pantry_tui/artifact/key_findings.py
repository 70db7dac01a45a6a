"""Examining the keys of this host: whether backups can be encrypted as configured and signed, and what opens them."""

from __future__ import annotations

from collections.abc import Sequence

from pantry_tui.artifact.age import PublicKey, new_file
from pantry_tui.artifact.keyring import configured_identities, configured_recipients
from pantry_tui.artifact.signing_key import find_signing_key, keys_directory
from pantry_tui.artifact.trusted import trusted_fingerprints
from pantry_tui.config import Config
from pantry_tui.errors import KeyMissingError, PantryError
from pantry_tui.models import Finding, FindingStatus


def examine_keys(config: Config) -> list[Finding]:
    """What there is to say about encryption, where it is configured, and about a signing key that cannot be used."""
    findings: list[Finding] = []
    recipients: Sequence[PublicKey] = ()
    if config.encryption.wanted:
        try:
            recipients = configured_recipients(config.encryption)
            new_file(recipients)
        except PantryError as error:
            findings.append(_problem("encryption", config, error))
        else:
            count = f"{len(recipients)} recipient{'' if len(recipients) == 1 else 's'}"
            findings.append(_finding("encryption", config, FindingStatus.OK, f"Backups are encrypted to {count}"))
            findings += _left_here(config)
    if config.encryption.identity is not None:
        findings.append(_examine_identity(config, recipients))
    return [*findings, *_examine_signing(config)]


def _examine_signing(config: Config) -> list[Finding]:
    """What keeps backups from being signed, or others' signatures from being checked; nothing, where all is well."""
    try:
        find_signing_key(config.data_directory)
        trusted_fingerprints(config.data_directory)
    except PantryError as error:
        return [_problem("signing", config, error)]
    return []


def _examine_identity(config: Config, recipients: Sequence[PublicKey]) -> Finding:
    try:
        identities = configured_identities(config.encryption, config.environment)
    except KeyMissingError:
        words = "Encrypted backups can be opened here by whoever knows the identity's passphrase"
        return _finding("identity", config, FindingStatus.OK, words)
    except PantryError as error:
        return _problem("identity", config, error)
    if recipients and not {identity.recipient for identity in identities} & set(recipients):
        return _finding(
            "identity",
            config,
            FindingStatus.WARNING,
            "The identity of this host opens none of the backups to come: its recipient is none of those configured",
            "Add its recipient with `pantry-tui key rotate --add`, or configure the identity of one of the recipients.",
        )
    return _finding("identity", config, FindingStatus.OK, "Encrypted backups can be opened here")


def _left_here(config: Config) -> list[Finding]:
    """An identity that `key generate` made and nobody took away, on a host that does not mean to use it."""
    if config.encryption.identity is not None:
        return []
    directory = keys_directory(config.data_directory)
    return [
        Finding(
            check="identity",
            subject=str(file),
            status=FindingStatus.WARNING,
            message=f"An identity lies on this host: {file}",
            remedy="Move it away: whoever takes this host over gets it, and a lost host takes it along.",
        )
        for file in (directory / "identity.age", directory / "identity.txt")
        if file.exists()
    ]


def _problem(check: str, config: Config, error: PantryError) -> Finding:
    return _finding(check, config, FindingStatus.PROBLEM, error.message, error.remedy)


def _finding(check: str, config: Config, status: FindingStatus, message: str, remedy: str | None = None) -> Finding:
    subject = config.path or "environment"
    return Finding(check=check, subject=subject, status=status, message=message, remedy=remedy)
