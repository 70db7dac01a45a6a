"""The encrypted content of an age file: chunks of 64 KiB, each sealed by itself, so that any of them opens alone.

A chunk's nonce is its number and whether it is the last one: chunks that were reordered, left out or cut off do not open
(STREAM). Chunk n lies 65,552 · n bytes behind the header.
"""

from __future__ import annotations

from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from pantry_tui.errors import BackupDamagedError

Data: TypeAlias = "bytes | bytearray | memoryview"

CHUNK = 64 * 1024
TAG = 16
SEALED_CHUNK = CHUNK + TAG
KEY_LENGTH = 32
_COUNTER_LENGTH = 11


class PayloadKey:
    """The key of one file's content. One object may be used by several threads; its repr shows nothing."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._cipher = ChaCha20Poly1305(secret)

    def __repr__(self) -> str:
        return "PayloadKey(…)"

    def secret(self) -> bytes:
        """The 32 bytes themselves, to hand the key to another process: `PayloadKey(secret)` is the same key."""
        return self._secret

    def seal(self, number: int, text: Data, *, last: bool, into: bytearray | memoryview | None = None) -> memoryview:
        """Seals the chunk ``number`` and those behind it, one after the other, from one buffer.

        ``text`` is whole chunks; only with ``last`` may the final one be shorter. ``into`` is where the result goes, at
        least `sealed_size(len(text))` bytes; a buffer used again saves the system handing out fresh memory, which costs
        as much as the cipher. A number must never be sealed twice with other content.
        """
        if not last and (len(text) % CHUNK or not text):
            raise ValueError("only the last chunk may be shorter than the others")
        source = memoryview(text)
        length = sealed_size(len(text))
        target = memoryview(bytearray(length) if into is None else into)[:length]
        chunks = -(-length // SEALED_CHUNK)
        for place in range(chunks):
            self._cipher.encrypt_into(
                _nonce(number + place, last=last and place == chunks - 1),
                source[place * CHUNK : (place + 1) * CHUNK],
                None,
                target[place * SEALED_CHUNK : (place + 1) * SEALED_CHUNK],
            )
        return target

    def open(
        self,
        number: int,
        sealed: Data,
        *,
        last: bool,
        into: bytearray | memoryview | None = None,
        where: str = "the encrypted file",
    ) -> memoryview:
        """Opens the chunk ``number`` and those behind it. Nothing is returned unless all of them are what was written.

        Raises `BackupDamagedError` naming ``where`` and the chunk.
        """
        length = opened_size(len(sealed))
        if length is None or (not last and len(sealed) % SEALED_CHUNK):
            raise damaged(where, number + len(sealed) // SEALED_CHUNK, "is cut off")
        source = memoryview(sealed)
        target = memoryview(bytearray(length) if into is None else into)[:length]
        chunks = -(-len(sealed) // SEALED_CHUNK)
        for place in range(chunks):
            self._open_chunk(
                number + place,
                source[place * SEALED_CHUNK : (place + 1) * SEALED_CHUNK],
                target[place * CHUNK : (place + 1) * CHUNK],
                last=last and place == chunks - 1,
                where=where,
            )
        return target

    def _open_chunk(self, number: int, sealed: memoryview, target: memoryview, *, last: bool, where: str) -> None:
        if last and number and not target:
            raise damaged(where, number, "is empty, which only the first may be")
        try:
            self._cipher.decrypt_into(_nonce(number, last=last), sealed, None, target)
        except InvalidTag as error:
            raise damaged(where, number, self._reason(number, sealed, last=last)) from error

    def open_misplaced(self, number: int, sealed: Data, *, last: bool) -> memoryview | None:
        """The content of a chunk that does not open as ``last`` says, but does as the opposite; else None."""
        try:
            return memoryview(self._cipher.decrypt(_nonce(number, last=not last), sealed, None))
        except InvalidTag:
            return None

    def _reason(self, number: int, sealed: memoryview, *, last: bool) -> str:
        if self.open_misplaced(number, sealed, last=last) is None:
            return "is not what was written"
        return "is whole, but those that followed it are cut off" if last else "was the last one, and more follows"


def sealed_size(length: int) -> int:
    """How many bytes that many bytes of content take when they are sealed. An empty file has one empty chunk."""
    return length + TAG * max(1, -(-length // CHUNK))


def opened_size(length: int) -> int | None:
    """The reverse; None for a length that no sealed content has."""
    chunks, rest = divmod(length, SEALED_CHUNK)
    if not length or 0 < rest < TAG:
        return None
    return length - TAG * (chunks + bool(rest))


def damaged(where: str, number: int, what: str) -> BackupDamagedError:
    """The error for a chunk that does not open."""
    return BackupDamagedError(
        f"{where}: encrypted chunk {number:,} {what}", remedy="restore from another copy or backup"
    )


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_COUNTER_LENGTH, "big") + (b"\x01" if last else b"\x00")
