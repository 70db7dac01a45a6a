"""Cutting a script into statements, as psql does it, without ever doing anything else that psql does.

The rules are those of psql's lexer (psqlscan.l): quotes of every kind, standard_conforming_strings, continued strings, nested
comments, dollar quotes, parentheses, BEGIN ATOMIC bodies. What psql would take for a meta-command ends the reading. Should
this lexer and the server's ever disagree, no harm comes of it: the server takes one statement at a time, or refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pantry_tui.artifact.foreign.buffered import Buffered
from pantry_tui.artifact.foreign.statement import EXCERPT, EndLine, Place, Statement
from pantry_tui.errors import BackupDamagedError, PantryError, RefusedError

# Bytes. A larger one, with the copies that are made of it, would take too much memory.
STATEMENT_LIMIT = 128 * 1024 * 1024
WORDS_KEPT = 64  # of each statement, outside of parentheses
_VALUE_KEPT = 64  # bytes of a quoted word
_LONGEST_NAME = 64 * 1024
_LONGEST_MARK = 200
_LONGEST_LINE = 512  # of those that must be seen whole to be known
_COMPLETE = b"-- PostgreSQL database dump complete"
_OURS = re.compile(rb"-- pantry-tui: backup \S+")
_OURS_COMPLETE = re.compile(rb"-- pantry-tui: end of backup \S+: (\d{1,15}) tables, (\d{1,15}) rows")
_NOISE = re.compile(rb"\\(?:un)?restrict[ \t]+[A-Za-z0-9]+[ \t]*\r?(?:\n|\Z)")
_SPACE = re.compile(rb"[ \t\n\r\f\v]+")
_DULL = re.compile(rb"[ \t\n\r\f\v,0-9.:=]+")  # in parentheses, where words are not kept
_WORD = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z_0-9$\x80-\xff]*")
_NUMBER = re.compile(rb"\$?[0-9]+")
_DOLLAR = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z_0-9\x80-\xff]*)?\$")
_MAYBE_DOLLAR = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z_0-9\x80-\xff]*)?\Z")
_REST_OF_LINE = re.compile(rb"[ \t\r]*(?:\n|\Z)")
_COMMENT_MARK = re.compile(rb"/\*|\*/")
# Possessive, or dashes could be taken apart in very many ways.
_GAP = re.compile(rb"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*+[\n\r])*+")
_MAYBE_GAP = re.compile(rb"(?:[ \t\n\r\f\v]|--[^\n\r]*+)*+-?\Z")
_LINE_END = re.compile(rb"[\n\r]")
_QUOTE = re.compile(rb"'")
_QUOTE_OR_ESCAPE = re.compile(rb"['\\]")
_OFF = frozenset({b"OFF", b"OF", b"FALSE", b"FALS", b"FAL", b"FA", b"F", b"NO", b"N", b"0"})
_ROUTINE = re.compile(rb"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)(?: .*)?")


class Lexer:
    """Reads a script from front to back. What it keeps in memory is one statement, or one piece of rows."""

    def __init__(self, pieces: Iterator[bytes], place: Place, watched: frozenset[bytes] = frozenset()) -> None:
        """``watched``: names, in small letters, that `Statement.calls` is to tell of."""
        self._text = Buffered(pieces, self._no_text)
        self._place = place
        self._watched = watched
        self.escapes = False  # in plain strings: standard_conforming_strings is off
        self.is_complete = False  # an end mark has been read, and no statement since
        self.end_line: EndLine | None = None
        self._is_ours = False  # each section of such a document ends as a dump does; only its own end line is its end
        self._next_statement()

    @property
    def line(self) -> int:
        """The line that is being read, from 1."""
        return self._text.line

    def statements(self) -> Iterator[Statement]:
        """The statements; behind one that `copies_in`, `rows` must be read to the end before the next.

        Raises `RefusedError` for what psql would take for a meta-command, `BackupDamagedError` for a script that is cut off.
        """
        while self._text.has(1):
            if self._step():
                statement = self._taken()
                yield statement
        if self._begun:
            raise self._cut_off(f"in the middle of the statement that begins in line {self._begun}")

    def rows(self) -> Iterator[bytes]:
        r"""The rows behind a COPY … FROM stdin, up to their `\.`, in pieces that end anywhere."""
        begin = self.line
        self._text.see_line(_LONGEST_LINE)
        rest = _REST_OF_LINE.match(self._text.buffer, self._text.at)
        if rest is None or not (rest[0].endswith(b"\n") or self._text.is_over):
            raise self._refused("something follows a COPY … FROM stdin in its line, where its rows should begin")
        self._text.drop(rest.end())
        yield from self._text.until_end_of_rows(
            lambda: self._cut_off(f"in the rows of the COPY that ends in line {begin}")
        )

    # The statement at hand

    def _next_statement(self) -> None:
        self._begun = 0  # the line of its first word; 0: there is none yet
        self._words: list[bytes] = []
        self._calls: set[bytes] = set()
        self._plain: list[bytes] = []  # the first four words that are not quoted
        self._is_routine = False
        self._previous = b""
        self._depth = 0  # of parentheses
        self._bodies = 0  # of BEGIN … END, and CASE … END within

    def _taken(self) -> Statement:
        text = self._text
        statement = Statement(
            self._begun, bytes(text.buffer[: text.at - 1]), tuple(self._words), frozenset(self._calls)
        )
        text.drop(text.at)
        self._next_statement()
        self._mind_setting(statement.words)
        return statement

    def _mind_setting(self, words: tuple[bytes, ...]) -> None:
        rest = words[2:] if words[1:2] in ((b"SESSION",), (b"LOCAL",)) else words[1:]
        if words[:1] == (b"SET",) and rest[:1] == (b"STANDARD_CONFORMING_STRINGS",) and len(rest) > 2:
            self.escapes = rest[2].strip(b"'").upper() in _OFF

    def _begin(self) -> None:
        """A word of a statement begins here; what stood before the first is dropped."""
        if not self._begun:
            self._text.drop(self._text.at)
            self._begun = self._text.line
            self.is_complete = False
        elif self._text.at > STATEMENT_LIMIT:
            raise self._too_long()

    def _word(self, word: bytes) -> None:
        self._previous = word
        if self._depth == 0 and len(self._words) < WORDS_KEPT:
            self._words.append(word)

    # One step at a time: each reads a word, a quoted text or a comment, and returns whether the statement ends with it.

    def _step(self) -> bool:
        text = self._text
        byte = text.buffer[text.at]
        if self._depth and (dull := _DULL.match(text.buffer, text.at)):
            text.at = dull.end()
            return False
        if byte in b" \t\n\r\f\v":
            self._skip_space()
            return False
        if byte == 0x2D and text.starts(b"--"):
            self._skip_line_comment()
            return False
        if byte == 0x2F and text.starts(b"/*"):
            self._skip_block_comment()
            return False
        if byte == 0x5C:
            self._skip_noise()
            return False
        self._begin()
        return self._significant(text.buffer[text.at])

    def _significant(self, byte: int) -> bool:
        text = self._text
        if byte == 0x27:  # '
            self._string(escapes=self.escapes)
        elif byte == 0x22:  # "
            self._quoted_name()
        elif byte == 0x24:  # $
            self._dollar()
        elif 0x30 <= byte <= 0x39:
            self._number()
        elif byte >= 0x80 or byte == 0x5F or chr(byte).isalpha():
            self._name()
        else:
            text.at += 1
            return self._sign(byte)
        return False

    def _sign(self, byte: int) -> bool:
        if byte == 0x3B and self._depth == 0 and self._bodies == 0:  # ;
            if self._words:
                return True
            self._text.drop(self._text.at)  # nothing but the semicolon
            self._next_statement()
            return False
        if byte == 0x28:  # (
            name = self._previous.strip(b'"').lower()
            if name in self._watched:
                self._calls.add(name)
            self._word(b"(")
            self._depth += 1
        elif byte == 0x29:  # )
            self._depth = max(0, self._depth - 1)
            self._word(b")")
        else:
            self._word(bytes((byte,)))
        return False

    def _skip_space(self) -> None:
        text = self._text
        found = _SPACE.match(text.buffer, text.at)
        text.at = found.end() if found else text.at
        if not self._begun:
            text.drop(text.at)

    def _skip_line_comment(self) -> None:
        text = self._text
        if not self._begun:
            text.drop(text.at)
        start = text.at
        text.at = text.find(_LINE_END, start + 2, too_long=self._too_long_at)
        if not self._begun and text.at <= _LONGEST_MARK:
            self._mind_mark(bytes(text.buffer[: text.at]))
        if not self._begun:
            text.drop(text.at)

    def _mind_mark(self, comment: bytes) -> None:
        self._is_ours = self._is_ours or _OURS.fullmatch(comment.rstrip()) is not None
        ours = _OURS_COMPLETE.fullmatch(comment.rstrip())
        if ours is not None:
            self.end_line = EndLine(int(ours[1]), int(ours[2]))
        if ours is not None or (comment.rstrip() == _COMPLETE and not self._is_ours):
            self.is_complete = True

    def _skip_block_comment(self) -> None:
        text = self._text
        begin, depth = self.line, 1
        text.at += 2
        while depth:
            at = text.find(_COMMENT_MARK, text.at, overlap=1, forget=not self._begun)
            if at == len(text.buffer):
                raise self._cut_off(f"in the comment that begins in line {begin}")
            depth += 1 if text.buffer[at] == 0x2F else -1
            text.at = at + 2

    def _skip_noise(self) -> None:
        r"""The `\restrict` and `\unrestrict` of pg_dump are noise where psql is not; any other backslash is refused."""
        text = self._text
        text.see_line(_LONGEST_LINE)
        noise = _NOISE.match(text.buffer, text.at) if not self._begun and text.is_fresh_line else None
        if noise is None:
            command = text.rest(EXCERPT).split(b"\n")[0].decode(errors="replace").strip()
            raise self._refused(f"psql would take this for a meta-command: {command}")
        text.drop(noise.end())

    def _name(self) -> None:
        text = self._text
        found = text.match(_WORD, _LONGEST_NAME)
        if len(found) > _LONGEST_NAME:
            raise self._refused("a name is too long to be one")
        if len(found) == 1 and found in b"eEbBxXnN" and text.has(2) and text.buffer[text.at + 1] == 0x27:
            text.at += 1
            self._string(escapes=found in b"eE" or (found in b"nN" and self.escapes))
            return
        text.at += len(found)
        word = found.upper()
        self._word(word)
        if self._depth == 0:
            self._mind_body(word)

    def _mind_body(self, word: bytes) -> None:
        """A routine's body in SQL, BEGIN ATOMIC … END, holds semicolons of its own."""
        if len(self._plain) < 4:
            self._plain.append(word)
            self._is_routine = _ROUTINE.fullmatch(b" ".join(self._plain)) is not None
        if not self._is_routine:
            return
        if word == b"BEGIN" or (word == b"CASE" and self._bodies):
            self._bodies += 1
        elif word == b"END" and self._bodies:
            self._bodies -= 1

    def _number(self) -> None:
        found = self._text.match(_NUMBER, _LONGEST_NAME)
        self._text.at += len(found)
        self._word(found[:_VALUE_KEPT])

    def _quoted_name(self) -> None:
        text = self._text
        start = text.at
        text.at += 1
        while True:
            text.at = text.find_byte(b'"', text.at, self._too_long_at)
            if text.at == len(text.buffer):
                raise self._cut_off(f"in the quoted name that begins in line {text.line_at(start)}")
            text.at += 1
            if not (text.has(1) and text.buffer[text.at] == 0x22):
                break
            text.at += 1
        self._word(self._kept(start))

    def _string(self, *, escapes: bool) -> None:
        text = self._text
        start = text.at
        text.at += 1
        stops = _QUOTE_OR_ESCAPE if escapes else _QUOTE
        while True:
            text.at = text.find(stops, text.at, too_long=self._too_long_at)
            if text.at == len(text.buffer):
                raise self._cut_off(f"in the quoted text that begins in line {text.line_at(start)}")
            escaped = text.buffer[text.at] == 0x5C
            text.at += 1
            if escaped or (text.has(1) and text.buffer[text.at] == 0x27):
                text.at += 1 if text.has(1) else 0
            elif not self._is_continued():
                break
        self._word(self._kept(start))

    def _is_continued(self) -> bool:
        """Whether the same text goes on in another line, after another quote; the reading is then behind that."""
        text = self._text
        while (maybe := _MAYBE_GAP.match(text.buffer, text.at)) and maybe.end() == len(text.buffer) and text.fetch():
            self._too_long_at(len(text.buffer))
        gap = _GAP.match(text.buffer, text.at)
        if gap is None or gap.end() >= len(text.buffer) or text.buffer[gap.end()] != 0x27:
            return False
        text.at = gap.end() + 1
        return True

    def _dollar(self) -> None:
        text = self._text
        while _MAYBE_DOLLAR.match(text.buffer, text.at) and text.fetch():
            self._too_long_at(len(text.buffer))
        found = _DOLLAR.match(text.buffer, text.at)
        if found is None:
            if text.has(2) and 0x30 <= text.buffer[text.at + 1] <= 0x39:
                self._number()
            else:
                text.at += 1
                self._word(b"$")
            return
        start, tag = text.at, bytes(text.buffer[text.at : found.end()])
        text.at = text.find_byte(tag, found.end(), self._too_long_at)
        if text.at == len(text.buffer):
            raise self._cut_off(
                f"in the text quoted by {tag.decode(errors='replace')} that begins in line {text.line_at(start)}"
            )
        text.at += len(tag)
        self._word(b"$$")

    def _kept(self, start: int) -> bytes:
        quoted = self._text.buffer[start : self._text.at]
        return bytes(quoted) if len(quoted) <= 2 * _VALUE_KEPT + 2 else bytes(quoted[:1])

    # What is wrong

    def _too_long_at(self, length: int) -> None:
        if length > STATEMENT_LIMIT:
            raise self._too_long()

    def _too_long(self) -> RefusedError:
        return RefusedError(
            f"{self._place(self._begun)}: a statement has more than {STATEMENT_LIMIT // 1024 // 1024} MB",
            remedy="take the dump with COPY, as pg_dump does unless told otherwise, or with fewer rows in each INSERT",
        )

    def _refused(self, what: str) -> RefusedError:
        return RefusedError(
            f"{self._place(self.line)}: {what}",
            remedy="no part of the dump was run; take it with pg_dump, without --create, or look at that line",
        )

    def _cut_off(self, where: str) -> BackupDamagedError:
        return BackupDamagedError(
            f"{self._place(self.line)}: the dump is cut off {where}",
            remedy="no part of it was run; bring the whole dump",
        )

    def _no_text(self, line: int) -> PantryError:
        return RefusedError(
            f"{self._place(line)}: a byte of value zero, which no script holds",
            remedy="no part of it was run; a dump that was saved as UTF-16 must be taken again: pg_dump --file=NAME",
        )
