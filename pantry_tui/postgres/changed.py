"""Which rows have changed since a snapshot, as the server itself can tell.

A row's `xmin` names the transaction that wrote it, and stays readable when the row is frozen. What is not older than the
horizon of the snapshot (its `xmin`: every transaction before it had ended) counts as changed. That is more than changed since
the snapshot, never less: snapshots list no subtransactions, so what the snapshot itself saw is not asked. `age` compares
around the wrap of 32 bits and is the same for all rows of a transaction.
"""

from __future__ import annotations

from pantry_tui.errors import InternalError

XID_BITS = 32
FIRST_NORMAL_XID = 3
FARTHEST = 2**31 - 100_000_000  # transactions: beyond 2**31, 32 bits tell no order, and more end while a backup runs


def changed_since(horizon: int) -> str:
    """The SQL condition for rows changed since a snapshot of that horizon, which has 64 bits."""
    xid = horizon % 2**XID_BITS
    if xid < FIRST_NORMAL_XID:
        raise InternalError(f"{horizon} is the id of no transaction")
    return f"pg_catalog.age(xmin) BETWEEN 1 AND (SELECT pg_catalog.age('{xid}'::pg_catalog.xid))"
