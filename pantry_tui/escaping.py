"""Names and texts of others, shown without letting them steer what shows them."""

from __future__ import annotations


def escape(text: str) -> str:
    r"""``text`` with everything made visible that would move the cursor, hide or reorder: `\x1b`, `\n`, `\u202e`."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _visible(character) for character in text)


def _visible(character: str) -> str:
    named = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(character)
    if named:
        return named
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
