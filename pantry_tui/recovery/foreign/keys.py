"""Foreign keys of tables whose rows a dump brings after them: put aside while rows come in, and checked at the end.

Such a dump (`pg_dump --disable-triggers`, or a schema and its data one behind the other) disables all triggers of a table,
those of its foreign keys among them, which only a superuser may. An owner may drop a key and add it again; and where a
superuser's rows are never checked, these are.
"""

from __future__ import annotations

from typing import NamedTuple

from pantry_tui.recovery.foreign.session import Session

_TABLE = b"SELECT pg_catalog.format('%s', $1::pg_catalog.regclass), $1::pg_catalog.regclass::pg_catalog.oid"
_KEYS = b"""
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.quote_ident(k.conname),
    pg_catalog.pg_get_constraintdef(k.oid), pg_catalog.quote_literal(pg_catalog.obj_description(k.oid, 'pg_constraint'))
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND $1::pg_catalog.oid IN (k.conrelid, k.confrelid)
ORDER BY 1, 2
"""
_PATH = b"SELECT pg_catalog.current_setting('search_path')"
_SET_PATH = b"SELECT pg_catalog.set_config('search_path', $1, false)"


class _Key(NamedTuple):
    table: str
    name: str
    definition: str
    comment: str | None


class KeysAside:
    """The keys that are not there at the moment."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._keys: list[_Key] = []

    def __len__(self) -> int:
        return len(self._keys)

    def switch_triggers(self, table: str, switch: str) -> None:
        """ENABLE or DISABLE the triggers of a table, which is named as SQL names it; those that its owner may."""
        ((name, _),) = self._session.rows(_TABLE, table)
        self._run(f"ALTER TABLE {name} {switch} TRIGGER USER")

    def put_aside(self, table: str) -> None:
        """Drops the keys that touch a table."""
        ((_, oid),) = self._session.rows(_TABLE, table)
        ((path,),) = self._session.rows(_PATH)
        self._session.rows(_SET_PATH, "")  # definitions then name everything in full
        for row in self._session.rows(_KEYS, oid or ""):
            key = _Key(str(row[0]), str(row[1]), str(row[2]), row[3])
            self._run(f"ALTER TABLE {key.table} DROP CONSTRAINT {key.name}")
            self._keys.append(key)
        self._session.rows(_SET_PATH, path or "")

    def put_back(self) -> None:
        """Adds them again, which checks every row; deferred checks must be done."""
        for key in self._keys:
            self._run(f"ALTER TABLE {key.table} ADD CONSTRAINT {key.name} {key.definition}")
            if key.comment is not None:
                self._run(f"COMMENT ON CONSTRAINT {key.name} ON {key.table} IS {key.comment}")
        self._keys.clear()

    def _run(self, statement: str) -> None:
        self._session.run(statement.encode(errors="surrogateescape"))
