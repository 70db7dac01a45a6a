"""Where an export goes: what its name says, and packing, encrypting and writing on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import TypeAlias

from pantry_tui.artifact.age import Recipient, SealedWriter, new_file
from pantry_tui.artifact.compression import Codec, packer
from pantry_tui.artifact.content import SEALED_SUFFIX
from pantry_tui.errors import UsageError
from pantry_tui.models import STANDARD_OUTPUT, BackupFormat

Write: TypeAlias = "Callable[[bytes | bytearray | memoryview], object]"

_CODECS = {".gz": Codec.GZIP, ".zst": Codec.ZSTD}
_SUFFIXES = {".sql": BackupFormat.SQL, ".json": BackupFormat.JSON, ".csv": BackupFormat.CSV, ".zip": BackupFormat.CSV}


def codec_of_output(output: str, rows_format: BackupFormat, *, encrypted: bool) -> Codec:
    """How the text is packed, by the name of the file; a zip file packs its entries itself.

    Raises `UsageError` for a name that says something else than what the file will be.
    """
    if output == STANDARD_OUTPUT:
        return Codec.PLAIN
    name = PurePath(output.lower())  # of the ending alone
    if encrypted and name.suffix != SEALED_SUFFIX:
        raise UsageError(f"{output}: the name does not say that it is encrypted", remedy=f"add {SEALED_SUFFIX} to it")
    if not encrypted and name.suffix == SEALED_SUFFIX:
        raise UsageError(
            f"{output}: the name says that it is encrypted, and it would not be",
            remedy=f"name whom to encrypt to with --recipient, or leave {SEALED_SUFFIX} out",
        )
    inner = name.with_suffix("") if encrypted else name
    if rows_format is BackupFormat.CSV:
        if inner.suffix != ".zip":
            raise UsageError(f"{output}: format csv is a zip file", remedy="end the name with .zip")
        return Codec.PLAIN
    codec = _CODECS.get(inner.suffix, Codec.PLAIN)
    said = _SUFFIXES.get((inner.with_suffix("") if codec is not Codec.PLAIN else inner).suffix)
    if said is None:
        endings = ", ".join(f".{rows_format}{packed}" for packed in ("", *_CODECS))
        raise UsageError(
            f"{output}: the name does not end in a way that says what the file is",
            remedy=f"end it with one of {endings}; or choose another format with -f",
        )
    if said is not rows_format:
        raise UsageError(
            f"{output}: the name says format {said}, and it would be in format {rows_format}",
            remedy=f"choose the format with -f {said}, or another name",
        )
    return codec


class Output:
    """Takes the content of the exported file from front to back."""

    def __init__(self, write: Write, codec: Codec, recipients: tuple[Recipient, ...]) -> None:
        """``write`` takes the bytes of the file. Raises what `new_file` does for recipients that are none."""
        self.size = 0  # bytes of the file so far
        self.content = 0  # bytes before they were packed
        self._target = write
        self._packer = packer(codec)
        self._sealed = SealedWriter(self._put, *new_file(recipients)) if recipients else None

    def write(self, content: bytes) -> None:
        """Adds content."""
        self.content += len(content)
        self._pass_on(self._packer.compress(content))

    def finish(self) -> None:
        """Nothing follows."""
        self._pass_on(self._packer.flush())
        if self._sealed is not None:
            self._sealed.finish()

    def _pass_on(self, packed: bytes) -> None:
        if not packed:
            return
        if self._sealed is not None:
            self._sealed.write(packed)
        else:
            self._put(packed)

    def _put(self, data: bytes | bytearray | memoryview) -> None:
        self._target(data)
        self.size += len(data)
