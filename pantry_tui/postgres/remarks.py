"""What a person should know of a database before relying on its backup: what it cannot hold, and what a restore changes."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg

from pantry_tui.postgres.privileges import listed

Connection = psycopg.AsyncConnection[Any]

_OF_USERS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"


class _Remark(NamedTuple):
    """A query for names, and what is said where it finds any; ``{names}`` and ``{count}`` stand for them."""

    query: str
    says: str


_REMARKS = (
    _Remark(
        f"""SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'f' AND {_OF_USERS} ORDER BY 1""",  # noqa: S608  # a constant of this program
        "rows of {count} foreign tables are not included: they live on other servers ({names})",
    ),
    _Remark(
        """SELECT DISTINCT pg_catalog.format('%I for %I', srvname, usename) FROM pg_catalog.pg_user_mappings ORDER BY 1""",
        "user mappings are stored with their options, passwords among them where this role may read them: {names}",
    ),
    _Remark(
        f"""SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'i' AND NOT i.indisvalid AND {_OF_USERS} ORDER BY 1""",  # noqa: S608  # a constant of this program
        "invalid indexes are left out, as pg_dump does; REINDEX or drop them: {names}",
    ),
    _Remark(
        """SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY prepared""",
        "the rows of prepared transactions are not included: COMMIT PREPARED or ROLLBACK PREPARED {names}",
    ),
    _Remark(
        """SELECT DISTINCT pg_catalog.format('pid %s', l.pid) FROM pg_catalog.pg_locks l
        JOIN pg_catalog.pg_database d ON d.oid = l.database
        WHERE l.mode = 'SIReadLock' AND d.datname = pg_catalog.current_database() AND l.pid IS NOT NULL ORDER BY 1""",
        "transactions here are SERIALIZABLE; the snapshot is one of REPEATABLE READ, which may show a state that no order of"
        " them has: {names}",
    ),
    _Remark(
        """SELECT subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
        WHERE d.datname = pg_catalog.current_database() ORDER BY 1""",
        "subscriptions are restored disabled and without their slots; what the archive has of their connections may hold"
        " a password: {names}",
    ),
    _Remark(
        "SELECT extname FROM pg_catalog.pg_extension WHERE extname = 'timescaledb'",
        "the extension {names} keeps hypertables that a plain restore does not rebuild: prove this backup by a restore,"
        " with timescaledb_pre_restore() in the target",
    ),
    _Remark(
        "SELECT extname FROM pg_catalog.pg_extension WHERE extname = 'pg_cron'",
        "the jobs of {names} come back switched off by `pantry-tui recovery`; restored by other means they run there, too:"
        " unschedule them in a copy",
    ),
    _Remark(
        "SELECT extname FROM pg_catalog.pg_extension WHERE extname IN ('supabase_vault', 'pgsodium')",
        "secrets that {names} encrypts can be read only with the key of the original server: keep that key, too",
    ),
)

_MONEY = """
SELECT pg_catalog.count(*), pg_catalog.current_setting('lc_monetary')
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class k ON k.oid = a.attrelid
WHERE a.atttypid = 'pg_catalog.money'::pg_catalog.regtype AND NOT a.attisdropped AND k.relkind = 'r'
"""
_TABLES = f"""
SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND {_OF_USERS} LIMIT 1
"""

# What runs them while a restore builds it: indexes, CHECK constraints, generated columns, materialised views.
_FUNCTIONS = f"""
SELECT DISTINCT ON (p.oid) p.oid::pg_catalog.int8, pg_catalog.format('%I.%I', n.nspname, p.proname),
    pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
LEFT JOIN pg_catalog.pg_class i ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.oid = d.objid
LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
LEFT JOIN pg_catalog.pg_class m ON m.oid = r.ev_class
LEFT JOIN pg_catalog.pg_attrdef f ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND f.oid = d.objid
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND l.lanname = 'sql' AND p.oid >= 16384 AND {_OF_USERS}
    AND p.prosqlbody IS NULL AND NOT COALESCE(p.proconfig::pg_catalog.text ~ 'search_path=', false)
    AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') AND pg_catalog.has_language_privilege(l.oid, 'USAGE')
    AND (i.relkind IN ('i', 'I') OR m.relkind = 'm' OR a.attgenerated = 's'
        OR d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass)
ORDER BY p.oid, 3
"""  # noqa: S608  # made of constants of this program


async def remarks(connection: Connection) -> list[str]:
    """What is worth a warning in every backup of this database."""
    found = []
    if await (await connection.execute(_TABLES)).fetchone() is None:
        found.append("the database has no tables")
    for query, says in _REMARKS:
        names = [str(name) for (name,) in await (await connection.execute(query.encode())).fetchall()]
        if names:
            found.append(says.format(names=listed(names), count=len(names)))
    row = await (await connection.execute(_MONEY)).fetchone()
    if row is not None and row[0]:
        found.append(f"{row[0]} columns of type money are written for lc_monetary {row[1]!r}: restore under the same")
    return found


async def unresolved_functions(connection: Connection) -> list[str]:
    """Functions that a restore runs and that find their tables only by the search_path of a session: it would fail there.

    Only functions in SQL can be judged without running them: the server's own validator resolves their names. In no
    transaction, because each that does not pass is an error.
    """
    await connection.execute("SET check_function_bodies = on")
    found = []
    for oid, name, used_by in await (await connection.execute(_FUNCTIONS.encode())).fetchall():
        try:
            await connection.execute("SELECT pg_catalog.fmgr_sql_validator(%s::pg_catalog.oid)", (oid,))
        except (
            psycopg.errors.UndefinedTable,
            psycopg.errors.UndefinedFunction,
            psycopg.errors.UndefinedObject,
        ) as error:
            found.append(
                f"{used_by} uses {name}, for which {error.diag.message_primary}, unless search_path is set: a restore will"
                f" fail there. Qualify the names in it, or ALTER FUNCTION {name} SET search_path"
            )
        except (psycopg.ProgrammingError, psycopg.DataError, psycopg.InternalError, psycopg.NotSupportedError):
            continue  # another fault of the function, or it is gone by now: nothing to judge
    return found
