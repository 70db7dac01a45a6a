"""The text of a rows segment: the COPY line above, the rows, the end mark below.

Only what this program writes is accepted: a schema-qualified name, a column list, `FROM stdin;`. Names stand in the
encoding of the document, which is the source database's.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import Model

END_OF_ROWS = b"\\.\n"
HEADER_LIMIT = 1 << 20  # 1,600 columns of 63 bytes, each quoted, are far below

_COPY = b"COPY "
_FROM = b" FROM stdin;\n"
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz_0123456789$") | frozenset(range(0x80, 0x100))

_CODECS = {
    "SQL_ASCII": "latin-1",  # bytes without a meaning: names are kept as they came
    "UTF8": "utf-8",
    "EUC_CN": "gb2312",
    "EUC_JIS_2004": "euc_jis_2004",
    "EUC_JP": "euc_jp",
    "EUC_KR": "euc_kr",
    "KOI8R": "koi8-r",
    "KOI8U": "koi8-u",
    **{f"LATIN{n}": f"iso8859-{n}" for n in range(1, 5)},
    **{f"LATIN{n}": f"iso8859-{part}" for n, part in zip(range(5, 11), (9, 10, 13, 14, 15, 16), strict=True)},
    **{f"ISO_8859_{n}": f"iso8859-{n}" for n in range(5, 9)},
    **{f"WIN{n}": f"cp{n}" for n in (866, 874, *range(1250, 1259))},
}


class CopyHeader(Model, frozen=True, kw_only=True):
    """The line above the rows of a segment. ``length`` counts its bytes; names are in the document's encoding."""

    schema: bytes
    table: bytes
    columns: tuple[bytes, ...]
    length: int


def codec_of(encoding: str) -> str | None:
    """Python's name for a server encoding; None for the two that Python cannot read (EUC_TW, MULE_INTERNAL)."""
    name = _CODECS.get(encoding)
    return codecs.lookup(name).name if name else None


def parse_header(text: bytes) -> CopyHeader:
    """Reads the COPY line at the beginning of ``text``. Raises `BackupDamagedError` when there is none."""
    if not text.startswith(_COPY):
        raise _malformed(text)
    schema, position = _name(text, len(_COPY))
    if text[position : position + 1] != b".":
        raise _malformed(text)
    table, position = _name(text, position + 1)
    columns: list[bytes] = []
    if text[position : position + 2] == b" (":
        columns, position = _column_list(text, position + 2)
    if not text.startswith(_FROM, position):
        raise _malformed(text)
    return CopyHeader(schema=schema, table=table, columns=tuple(columns), length=position + len(_FROM))


def names_agree(header: CopyHeader, schema: str, table: str, columns: Sequence[str], encoding: str) -> bool:
    """Whether the line names that table and those columns, in their order.

    In an encoding that Python cannot read, names beyond ASCII are compared in number only.
    """
    if len(header.columns) != len(columns):
        return False
    codec = codec_of(encoding)
    wanted = (schema, table, *columns)
    found = (header.schema, header.table, *header.columns)
    return all(_same(name, stored, codec) for name, stored in zip(wanted, found, strict=True))


def _same(name: str, stored: bytes, codec: str | None) -> bool:
    if codec is None:
        return not name.isascii() or name.encode() == stored
    try:
        return name.encode(codec) == stored
    except UnicodeEncodeError:
        return False


def _name(text: bytes, start: int) -> tuple[bytes, int]:
    if text[start : start + 1] == b'"':
        return _quoted_name(text, start + 1)
    end = start
    while end < len(text) and text[end] in _PLAIN:
        end += 1
    if end == start:
        raise _malformed(text)
    return text[start:end], end


def _quoted_name(text: bytes, start: int) -> tuple[bytes, int]:
    end = text.find(b'"', start)
    while text[end + 1 : end + 2] == b'"':
        end = text.find(b'"', end + 2)
    if end <= start:
        raise _malformed(text)
    return text[start:end].replace(b'""', b'"'), end + 1


def _column_list(text: bytes, position: int) -> tuple[list[bytes], int]:
    columns: list[bytes] = []
    while True:
        name, position = _name(text, position)
        columns.append(name)
        if text[position : position + 1] == b")":
            return columns, position + 1
        if text[position : position + 2] != b", ":
            raise _malformed(text)
        position += 2


def _malformed(text: bytes) -> BackupDamagedError:
    return BackupDamagedError(
        "a segment of rows does not begin with a COPY line",
        remedy="restore from another backup",
        detail=repr(text[:200]),
    )
