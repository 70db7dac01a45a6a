"""Bech32, the spelling of age's keys: a prefix that says what it is, the data, and a checksum against typing errors.

BIP 173, without its limit of 90 characters.
"""

from __future__ import annotations

from collections.abc import Iterable

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_LENGTH = 6


def encode(prefix: str, data: bytes) -> str:
    """``data`` under ``prefix``; in capitals when the prefix is."""
    values = _regroup(data, 8, 5)
    if values is None:  # filling up bytes never fails
        raise AssertionError
    lower = prefix.lower()
    remainder = _polymod([*_expanded(lower), *values, *[0] * _CHECKSUM_LENGTH]) ^ 1
    checksum = [remainder >> 5 * (_CHECKSUM_LENGTH - 1 - place) & 31 for place in range(_CHECKSUM_LENGTH)]
    text = f"{lower}1{''.join(_ALPHABET[value] for value in [*values, *checksum])}"
    return text if prefix == lower else text.upper()


def decode(text: str) -> tuple[str, bytes] | None:
    """The prefix, as it is written, and the data; None when this is no Bech32 or was mistyped."""
    if text not in (text.lower(), text.upper()):
        return None
    prefix, mark, rest = text.rpartition("1")
    values = [_VALUES.get(character, -1) for character in rest.lower()]
    if not (prefix and mark and prefix.isascii() and prefix.isprintable()):
        return None
    if len(values) < _CHECKSUM_LENGTH or -1 in values or _polymod([*_expanded(prefix.lower()), *values]) != 1:
        return None
    data = _regroup(values[:-_CHECKSUM_LENGTH], 5, 8)
    return None if data is None else (prefix, bytes(data))


def _expanded(prefix: str) -> list[int]:
    return [*(ord(character) >> 5 for character in prefix), 0, *(ord(character) & 31 for character in prefix)]


def _polymod(values: Iterable[int]) -> int:
    remainder = 1
    for value in values:
        top = remainder >> 25
        remainder = (remainder & 0x1FFFFFF) << 5 ^ value
        for place, coefficient in enumerate(_GENERATOR):
            if top >> place & 1:
                remainder ^= coefficient
    return remainder


def _regroup(values: Iterable[int], width: int, into: int) -> list[int] | None:
    """The same bits in groups of another width. Fills up to whole groups of 5; None where bytes do not come out even."""
    bits = filled = 0
    groups = []
    for value in values:
        bits, filled = bits << width | value, filled + width
        while filled >= into:
            filled -= into
            groups.append(bits >> filled & (1 << into) - 1)
        bits &= (1 << filled) - 1
    if into < width:
        return [*groups, bits << into - filled] if filled else groups
    return None if filled >= width or bits else groups
