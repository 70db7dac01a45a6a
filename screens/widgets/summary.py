"""What is known of a backup, as lines of label and value."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import datetime

from textual.content import Content

from pantry_tui.models import BackupDetails, BackupSummary, Signature
from pantry_tui.surroundings import surroundings_words
from screens.widgets import figures
from screens.widgets.glyphs import Glyphs
from screens.widgets.text import visible, visible_lines

Line = tuple[str, str, str]  # label, value, style of the value


def validity(backup: BackupSummary, glyphs: Glyphs) -> tuple[str, str]:
    """Whether the stored bytes were read back: sign with words, and the theme colour's name."""
    if backup.valid is None:
        return f"{glyphs.unknown} {'unchecked' if backup.intact_at is None else 'unread'}", "muted"
    return (f"{glyphs.good} valid", "success") if backup.valid else (f"{glyphs.bad} damaged", "error")


def proof(backup: BackupSummary, glyphs: Glyphs) -> tuple[str, str]:
    """Whether a restore of it compared equal: sign with words, and the theme colour's name."""
    if backup.proven_at is None:
        return f"{glyphs.unknown} never restored", "muted"
    return f"{glyphs.good} restored equal", "success"


def standing(backup: BackupSummary, glyphs: Glyphs) -> tuple[str, str]:
    """Validity and proof in one short cell: the strongest thing that is known."""
    if backup.valid is False or backup.proven_at is None:
        return validity(backup, glyphs)
    return f"{glyphs.good} proven", "success"


def backup_lines(backup: BackupSummary, now: datetime, glyphs: Glyphs) -> list[Line]:
    """The summary, one fact a line."""
    valid, valid_style = validity(backup, glyphs)
    proven, proven_style = proof(backup, glyphs)
    saved = f", {1 - backup.bytes / backup.raw_bytes:.0%} saved" if 0 < backup.bytes < backup.raw_bytes else ""
    return [
        *([("label", visible(backup.label), "bold")] if backup.label else []),
        *([("pinned", "yes: it is deleted only when that is forced", "$accent")] if backup.pinned else []),
        ("database", visible(backup.database), "bold"),
        ("id", visible(backup.id), ""),
        ("taken", f"{figures.moment(backup.started_at)} ({figures.ago(backup.started_at, now)})", ""),
        ("validated", valid + _when(backup.validated_at), f"${valid_style}"),
        ("proof", proven + _when(backup.proven_at), f"${proven_style}"),
        ("took", figures.duration(backup.duration_seconds), ""),
        ("kind", f"{backup.kind_words}, format {backup.format}, compression {backup.compression}", ""),
        *([("base", visible(backup.base), "")] if backup.base else []),
        ("size", f"{figures.size(backup.bytes)} stored of {figures.size(backup.raw_bytes)}{saved}", ""),
        ("holds", f"{figures.plural(backup.tables, 'table')}, {figures.plural(backup.rows, 'row')}", ""),
        *([("encrypted", "yes: reading it takes an identity", "")] if backup.encrypted else []),
        ("contents", "fingerprinted, so a restore can be compared" if backup.fingerprints else "no fingerprints", ""),
        ("server", visible(f"PostgreSQL {backup.server_version}"), ""),
        ("path", visible(backup.path), ""),
        ("started by", visible(backup.started_by or "unknown"), ""),
    ]


def details_lines(details: BackupDetails) -> list[Line]:
    """Files, tools, server and warnings."""
    files = [(file.role, f"{visible(file.name)}  {figures.size(file.bytes)}", "") for file in details.files]
    sums = [("", f"sha256 {file.sha256}", "$muted") for file in details.files]
    stored = [line for pair in zip(files, sums, strict=True) for line in pair]
    tools = [(visible(tool), visible(version), "") for tool, version in details.tools.items()]
    server = [(visible(key).replace("_", " "), visible(value), "") for key, value in details.server.items()]
    source = [(visible(key).replace("_", " "), visible(value), "") for key, value in details.source.items()]
    whole = [
        ("-", visible(f"{table.schema}.{table.name}: {table.whole}"), "") for table in details.tables if table.whole
    ]
    left_out = [("-", visible(line), "") for line in details.left_out]
    chosen = details.selection.to_builtins()
    patterns = [(what.replace("_", " "), visible(" ".join(given)), "") for what, given in chosen.items() if given]
    around = [
        (heading if place == 0 else "", visible(line), "")
        for heading, lines in surroundings_words(details.environment)
        for place, line in enumerate(lines)
    ]
    recipients = [("-", visible(each if len(each) <= 64 else f"{each[:32]}..."), "") for each in details.recipients]
    return [
        *_section("Chosen", patterns),
        *_section("Encrypted to", recipients),
        *_section("Tables with all their rows here", whole),
        *_section("Left out", left_out),
        *_section("Warnings", [("!", line, "$warning") for text in details.warnings for line in visible_lines(text)]),
        *_section("Files", stored),
        *_section("Tools", tools),
        *_section("Server", server),
        *_section("Database", source),
        *_section("Around it", around),
    ]


def signature_lines(details: BackupDetails) -> list[Line]:
    """What is wrong with its signature; nothing, where its signer is trusted here."""
    match details.signature:
        case Signature.TRUSTED:
            return []
        case Signature.UNKNOWN:
            return [("signature", f"by {visible(details.signer or '')}, whom this machine does not know", "$warning")]
        case Signature.MISSING:
            return [("signature", "none: nothing shows who made this backup, or whether it was changed", "$error")]
        case Signature.WRONG:
            return [("signature", "does not fit: the manifest or the signature was changed", "$error")]


def _section(title: str, lines: list[Line]) -> list[Line]:
    return [("", "", ""), (title, "", "bold"), *lines] if lines else []


def _when(at: datetime | None) -> str:
    return f" {figures.moment(at)}" if at is not None else ""


def as_content(lines: Iterable[Line], width: int) -> Content:
    """The lines in two columns, labels dim, long values wrapped in their own column."""
    shown = list(lines)
    indent = min(18, max((len(label) for label, value, _ in shown if value), default=0)) + 2
    parts = []
    for label, value, style in shown:
        if not value:
            parts.append(Content.styled(label, style) if style else Content(label))
            continue
        wrapped = textwrap.wrap(value, max(width - indent, 16), break_on_hyphens=False)
        text = f"\n{' ' * indent}".join(wrapped)
        parts.append(Content.assemble((f"{label:{indent}}", "$muted"), (text, style)))
    return Content("\n").join(parts)
