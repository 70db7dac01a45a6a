"""The content of a database's large objects as one number: what each holds, and under which number it is found.

Read in pieces, so that no object is in memory as a whole, by the server alone: nothing of them comes over the connection.
"""

from __future__ import annotations

from pantry_tui.postgres.snapshot import Connection

_PIECE_BYTES = 1 << 20

# A piece that is not full is an object's last. OFFSET 0 keeps the server from reading each piece twice. The sum is free of
# order, and additive, as the fingerprints of tables are; 64 bits of SHA-256 go into it.
_FINGERPRINT = f"""
WITH RECURSIVE pieces AS (
    SELECT m.oid, 0::pg_catalog.int8 AS number, p.bytes, p.digest
    FROM pg_catalog.pg_largeobject_metadata m CROSS JOIN LATERAL (
        SELECT pg_catalog.octet_length(l.piece) AS bytes, pg_catalog.sha256(l.piece) AS digest
        FROM (SELECT pg_catalog.lo_get(m.oid, 0, {_PIECE_BYTES}) AS piece OFFSET 0) l) p
    UNION ALL
    SELECT q.oid, q.number + 1, p.bytes, p.digest
    FROM pieces q CROSS JOIN LATERAL (
        SELECT pg_catalog.octet_length(l.piece) AS bytes, pg_catalog.sha256(l.piece) AS digest
        FROM (SELECT pg_catalog.lo_get(q.oid, (q.number + 1) * {_PIECE_BYTES}, {_PIECE_BYTES}) AS piece OFFSET 0) l) p
    WHERE q.bytes = {_PIECE_BYTES}
)
SELECT COALESCE(pg_catalog.sum(('x' || pg_catalog.encode(pg_catalog.substring(pg_catalog.sha256(
    pg_catalog.convert_to(oid || ' ' || number || ' ', 'UTF8') || digest), 1, 8), 'hex'))::pg_catalog.bit(64)::pg_catalog.int8
    ::pg_catalog.numeric), 0)::pg_catalog.text
FROM pieces
"""  # noqa: S608  # made of constants of this program


async def large_objects_fingerprint(connection: Connection) -> str:
    """Of all that this connection's database has, as its transaction sees them.

    Raises `psycopg.Error`: 42501 where this role may not read one of them.
    """
    row = await (await connection.execute(_FINGERPRINT.encode())).fetchone()
    return "0" if row is None else str(row[0])
