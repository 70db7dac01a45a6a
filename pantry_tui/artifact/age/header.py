"""The header of an age file: lines of text that carry the file key, once for each recipient, and a MAC over them.

Read as strictly as the specification (C2SP age v1) wants it: what two programs could read differently is refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

from cryptography.hazmat.primitives import constant_time, hashes, hmac
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pantry_tui.errors import BackupDamagedError, PantryError

VERSION_LINE = b"age-encryption.org/v1\n"
HEADER_LIMIT = 64 * 1024  # some 600 recipients, or 35 post-quantum ones; others' longer headers are refused
_COLUMNS = 64
_END = b"---"
_ARGUMENTS = re.compile(rb"-> ([\x21-\x7e]+(?: [\x21-\x7e]+)*)")
_MAC_LENGTH = 32


class Stanza(NamedTuple):
    """One recipient's part of a header: its kind, what else the kind needs, and the wrapped file key."""

    kind: str
    arguments: tuple[str, ...]
    body: bytes


class Header(NamedTuple):
    """A header as it was read. ``text`` is what the MAC covers; ``length`` counts the whole header's bytes."""

    stanzas: tuple[Stanza, ...]
    text: bytes
    mac: bytes
    length: int


def malformed(where: str, what: str) -> PantryError:
    """The error for a header that breaks the format's rules."""
    return BackupDamagedError(
        f"{where}: the header of the encrypted file is malformed: {what}", remedy="restore from another copy or backup"
    )


def encode_base64(data: bytes) -> bytes:
    """Base64 without padding."""
    return base64.b64encode(data).rstrip(b"=")


def decode_base64(text: bytes) -> bytes | None:
    """The reverse; None for anything but the one canonical spelling."""
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None
    return data if encode_base64(data) == text else None


def derive(secret: bytes, *, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 of 32 bytes, age's only derivation."""
    return HKDF(hashes.SHA256(), 32, salt, info).derive(secret)


def encode_header(stanzas: tuple[Stanza, ...], file_key: bytes) -> bytes:
    """The whole header, MAC included."""
    text = VERSION_LINE + b"".join(map(_stanza_text, stanzas)) + _END
    return text + b" " + encode_base64(_mac(file_key, text).finalize()) + b"\n"


def parse_header(head: bytes, where: str) -> Header:
    """The header at the start of ``head``. Raises `BackupDamagedError`; the MAC is not checked yet."""
    head = head[:HEADER_LIMIT]
    if not head.startswith(VERSION_LINE):
        raise malformed(where, "it is no age file of version 1")
    stanzas: list[Stanza] = []
    position = len(VERSION_LINE)
    while not head.startswith(_END, position):
        stanza, position = _parse_stanza(head, position, where)
        stanzas.append(stanza)
    line, end = _line(head, position, where)
    mac = decode_base64(line[len(_END) + 1 :])
    if line[: len(_END) + 1] != _END + b" " or mac is None or len(mac) != _MAC_LENGTH:
        raise malformed(where, "its last line holds no message authentication code")
    if not stanzas:
        raise malformed(where, "it names no recipient")
    return Header(tuple(stanzas), head[: position + len(_END)], mac, end)


def mac_fits(header: Header, file_key: bytes) -> bool:
    """Whether the header is the one that was written for this file key."""
    return constant_time.bytes_eq(_mac(file_key, header.text).finalize(), header.mac)


def _mac(file_key: bytes, text: bytes) -> hmac.HMAC:
    code = hmac.HMAC(derive(file_key, salt=b"", info=b"header"), hashes.SHA256())
    code.update(text)
    return code


def _stanza_text(stanza: Stanza) -> bytes:
    body = encode_base64(stanza.body)
    # one line more where the last is full: every body ends with a short line
    lines = [body[start : start + _COLUMNS] for start in range(0, len(body) + 1, _COLUMNS)]
    return b"-> " + " ".join((stanza.kind, *stanza.arguments)).encode() + b"\n" + b"\n".join(lines) + b"\n"


def _parse_stanza(head: bytes, position: int, where: str) -> tuple[Stanza, int]:
    line, position = _line(head, position, where)
    found = _ARGUMENTS.fullmatch(line)
    if found is None:
        raise malformed(where, "a recipient's line does not begin with -> and its arguments")
    kind, *arguments = found[1].decode("ascii").split(" ")
    body = b""
    while True:
        line, position = _line(head, position, where)
        body += line
        if len(line) < _COLUMNS:
            break
        if len(line) > _COLUMNS:
            raise malformed(where, f"a line of the recipient {kind} is too long")
    decoded = decode_base64(body)
    if decoded is None:
        raise malformed(where, f"the recipient {kind} holds what is not base64")
    return Stanza(kind, tuple(arguments), decoded), position


def _line(head: bytes, position: int, where: str) -> tuple[bytes, int]:
    end = head.find(b"\n", position)
    if end < 0:
        raise malformed(where, "it is cut off, or too long")
    return head[position:end], end + 1
