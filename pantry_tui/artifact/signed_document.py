"""A small JSON document with its signature inside: `{"signed": …, "signature": {…}}`.

The signature covers the bytes of ``signed`` as they stand in the file, so that no other program has to spell JSON as
this one does in order to check it. For records and tombstones, which are one file each and appear at once.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from pantry_tui.artifact.signing import Signer, SigningKey, verify
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import Model


class Signed(NamedTuple):
    """What was signed, and by whom."""

    data: bytes
    signer: Signer


class _Document(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    signed: msgspec.Raw
    signature: msgspec.Raw


def sign_document(data: bytes, key: SigningKey, *, purpose: str) -> bytes:
    """The file for ``data``, which is JSON. ``purpose`` is needed again to open it."""
    return _compose(data, key.sign(data, purpose=purpose))


def open_document(document: bytes, *, purpose: str, where: str) -> Signed:
    """What a file holds, and who signed it; ``where`` names it in errors.

    Raises `BackupDamagedError` when it is no such document or any byte of it was changed.
    """
    try:
        found = _Document.from_json(document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupDamagedError(f"{where} is not a readable signed document", detail=str(error)) from error
    data, signature = bytes(found.signed), bytes(found.signature) + b"\n"
    if _compose(data, signature) != document:
        raise BackupDamagedError(f"{where} is not spelled as this program writes it: it was changed")
    return Signed(data, verify(data, signature, purpose=purpose, where=where))


def _compose(data: bytes, signature: bytes) -> bytes:
    return b'{"signed": ' + data + b',\n"signature": ' + signature.removesuffix(b"\n") + b"}\n"
