"""The second reading of a dump, which runs it, in one transaction; the first has only looked (`artifact.foreign.script`)."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Flag

from pantry_tui.artifact.foreign.inspection import (
    FILE_FUNCTIONS,
    Treatment,
    Way,
    table_of,
    treatment,
)
from pantry_tui.artifact.foreign.lexer import Lexer
from pantry_tui.artifact.foreign.script import Inspected, Script, Watched
from pantry_tui.artifact.foreign.statement import Statement
from pantry_tui.errors import RestoreError
from pantry_tui.recovery.foreign.containment import Outside, Roles
from pantry_tui.recovery.foreign.findings import Findings
from pantry_tui.recovery.foreign.keys import KeysAside
from pantry_tui.recovery.foreign.session import Session, StatementError

_NOT_THE_OWNER = "42501"
_NOT_THERE = frozenset({"42P01", "42704", "42883", "3F000", "42703"})
_UNKNOWN_SETTING = frozenset({"42704", "22023"})
# Under the dump's own search_path, which may hold operators of its making.
_NAME = (
    b"SELECT n.nspname, c.relname FROM pg_catalog.pg_class c"
    b" JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
    b" WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)::pg_catalog.oid"
)
_CHANGED = "the file is not what it was a moment ago, when it was looked through"


class Run:
    """The second reading."""

    def __init__(self, script: Script, session: Session, stop: Flag, moved: Callable[[], None]) -> None:
        self.findings = Findings()
        self._script = script
        self._session = session
        self._source = Watched(script.pieces(), stop, moved)
        self._lexer = Lexer(iter(self._source), script.place, FILE_FUNCTIONS)
        self._keys = KeysAside(session)
        self._names: dict[str, tuple[str, str]] = {}
        self._roles = Roles(session)

    def run(self, inspected: Inspected, *, analyze: bool) -> None:
        """Runs every statement, and commits when all have succeeded and the script was the one that was inspected.

        Raises `RestoreError` naming line and statement, `RefusedError` where code of the dump wrote outside of its database.
        """
        self._session.run(b"BEGIN")
        outside = Outside(self._session)
        for statement in self._lexer.statements():
            self._one(statement)
        if self._source.digest() != inspected.digest:
            raise RestoreError(_CHANGED, remedy="nothing of it is kept; see who writes to it, then try again")
        self._at_the_end("checking the foreign keys that were put aside", self._put_keys_back)
        if analyze:
            self._at_the_end("analyzing", lambda: self._session.run(b"ANALYZE"))
        self._at_the_end("checking deferred constraints", outside.require_untouched)
        self._at_the_end("committing", self._session.commit)
        outside.require_still_untouched()

    def _put_keys_back(self) -> None:
        if len(self._keys):
            self.findings.remark(
                f"{len(self._keys)} foreign keys were put aside while rows came in, and every row is checked"
            )
            self._session.run(b"SET CONSTRAINTS ALL IMMEDIATE")  # what is pending would stand in their way
            self._keys.put_back()

    def _at_the_end(self, doing: str, step: Callable[[], object]) -> None:
        try:
            step()
        except StatementError as failure:
            raise RestoreError(
                f"everything was run, but {doing} failed: {failure.error.message}",
                remedy="nothing of it is kept",
                detail=failure.error.detail,
            ) from failure

    def _one(self, statement: Statement) -> None:
        treated = treatment(statement, self._script.place)
        self.findings.statements += 1
        if statement.words[0] in (b"SET", b"SELECT"):  # either may change what a name without a schema means
            self._names.clear()
        try:
            self._treat(statement, treated)
        except StatementError as failure:
            raise self._failed(statement, failure) from failure
        if self._session.escapes != self._lexer.escapes:
            raise RestoreError(
                f"{self._script.place(statement.line)}: this changed standard_conforming_strings in a way that no dump does:"
                f" {statement.beginning}",
                remedy="nothing of it is kept; take the dump with pg_dump",
            )

    def _treat(self, statement: Statement, treated: Treatment) -> None:
        match treated.way:
            case Way.COPY:
                self._copy(statement)
            case Way.RUN:
                self._run(statement)
            case Way.OWNER | Way.GRANT:
                self._run_for_roles(statement, treated)
            case Way.COMMENT:
                self._run_or(statement, {_NOT_THE_OWNER}, "comments that only the object's owner may make are left out")
            case Way.SETTING:
                self._run_or(
                    statement, _UNKNOWN_SETTING, f"left out, as this server does not know it: {statement.beginning}"
                )
            case Way.DROP:
                self._run_or(statement, _NOT_THERE, "statements that drop what is not there are left out")
            case Way.DISABLE_TRIGGERS:
                self._keys.put_aside(table_of(statement.words))
                self._keys.switch_triggers(table_of(statement.words), "DISABLE")
            case Way.ENABLE_TRIGGERS:
                self._keys.switch_triggers(table_of(statement.words), "ENABLE")
            case Way.AUTHORIZATION:
                self.findings.left_out("changes of the role are left out: everything belongs to the role that restores")
            case Way.LANGUAGE | Way.TRANSACTION:
                pass  # plpgsql is there; and everything is one transaction

    def _run(self, statement: Statement) -> None:
        touched = self._session.run(statement.text)
        if statement.words[:2] == (b"INSERT", b"INTO"):
            self.findings.took(*self._name_of(table_of(statement.words)), touched)

    def _run_or(self, statement: Statement, states: set[str] | frozenset[str], otherwise: str) -> None:
        """Runs it; where the server refuses with one of these SQLSTATEs it is left out, which leaves a transaction whole."""
        self._session.run(b"SAVEPOINT pantry_tui")
        if self._session.run_tolerantly(statement.text, states) is not None:
            self._session.run(b"ROLLBACK TO SAVEPOINT pantry_tui")
            self.findings.left_out(otherwise)
        self._session.run(b"RELEASE SAVEPOINT pantry_tui")

    def _run_for_roles(self, statement: Statement, treated: Treatment) -> None:
        strange = [role for role in treated.roles if role not in self._roles.ours]
        absent = [role for role in treated.grantees if role not in self._roles.all]
        if strange:
            self.findings.left_out(
                f"nothing is made in the name of role {strange[0]}, for which the restoring role may not act"
            )
        elif absent:
            self.findings.left_out(f"privileges of role {absent[0]}, which is not there, are left out")
        else:
            self._run(statement)

    def _copy(self, statement: Statement) -> None:
        name = table_of(statement.words)
        self._session.begin_copy(statement.text)
        lines = 0
        for piece in self._lexer.rows():
            lines += piece.count(b"\n")
            self._session.write(piece)
        rows = self._session.end_copy()
        if rows != lines:
            raise RestoreError(
                f"{self._script.place(statement.line)}: {lines:,} rows were sent, the server took {rows:,}:"
                f" {statement.beginning}",
                remedy="nothing of it is kept; a trigger of the dump may swallow rows, or it is not as pg_dump writes it",
            )
        self.findings.lines += lines
        self.findings.took(*self._name_of(name), rows)

    def _name_of(self, name: str) -> tuple[str, str]:
        """Schema and name of a table that a statement names, as people read them."""
        if name not in self._names:
            found = self._session.rows(_NAME, name)
            schema, table = found[0] if found else ("", name)
            self._names[name] = _shown(schema), _shown(table)
        return self._names[name]

    def _failed(self, statement: Statement, failure: StatementError) -> RestoreError:
        return RestoreError(
            f"{self._script.place(statement.line)}: {failure.error.message.partition(': ')[2]}: {statement.beginning}",
            remedy=_remedy(failure.state),
            detail=failure.error.detail,
        )


def _shown(name: str | None) -> str:
    return (name or "").encode(errors="surrogateescape").decode(errors="replace")


def _remedy(state: str) -> str:
    remedies = {
        _NOT_THE_OWNER: "nothing of it is kept. What a superuser alone may make (event triggers, untrusted extensions and"
        " languages, functions in C) cannot be restored from a dump of an unknown hand: leave it out when taking the dump",
        "42704": "nothing of it is kept. A role, type or extension that it names is not there: make it first, or leave it out"
        " when taking the dump",
        "53200": "nothing of it is kept. Everything is one transaction: raise max_locks_per_transaction on the server",
    }
    return remedies.get(state, "nothing of it is kept; see what the server said")
