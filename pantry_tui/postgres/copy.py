"""COPY statements and the text they make, with every name quoted."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql


def page_condition(first_page: int, last_page: int | None, *, always: bool = False) -> str | None:
    """The WHERE condition of a range of pages `[first, last)`; None for the whole table, unless ``always`` one is wanted."""
    conditions = []
    if first_page or always:
        conditions.append(f"ctid >= '({first_page},0)'::pg_catalog.tid")
    if last_page is not None:
        conditions.append(f"ctid < '({last_page},0)'::pg_catalog.tid")
    return " AND ".join(conditions) or None


def copy_out(
    schema: str, table: str, columns: Sequence[str], pages: str | None = None, *, encoding: str | None = None
) -> sql.Composed:
    """The statement that sends rows of a table, never those of its inheritance children.

    ``encoding``: of the rows, where it is not the connection's; the server's own costs no conversion.
    """
    name = sql.Identifier(schema, table)
    options = sql.SQL(" WITH (ENCODING {})").format(sql.Literal(encoding)) if encoding else sql.SQL("")
    if pages is None:
        return sql.SQL("COPY {}{} TO STDOUT{}").format(name, column_list(columns), options)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    condition = sql.SQL(pages)  # made by page_condition, of numbers
    return sql.SQL("COPY (SELECT {} FROM ONLY {} WHERE {}) TO STDOUT{}").format(names, name, condition, options)


def copy_in(
    schema: str, table: str, columns: Sequence[str], *, freeze: bool = False, encoding: str | None = None
) -> sql.Composed:
    """The statement that takes rows, written in ``encoding`` where that is not the connection's.

    ``freeze`` needs the table created or truncated in the same transaction.
    """
    wanted: list[sql.Composable] = [sql.SQL("FREEZE")] if freeze else []
    if encoding:
        wanted.append(sql.SQL("ENCODING {}").format(sql.Literal(encoding)))
    options = sql.SQL(" WITH ({})").format(sql.SQL(", ").join(wanted)) if wanted else sql.SQL("")
    return sql.SQL("COPY {}{} FROM STDIN{}").format(sql.Identifier(schema, table), column_list(columns), options)


def document_header(schema: str, table: str, columns: Sequence[str]) -> sql.Composed:
    """The line above the rows in the document, as psql reads it (search_path is empty there: the name is qualified)."""
    name = sql.Identifier(schema, table)
    return sql.SQL("COPY {}{} FROM stdin;\n").format(name, column_list(columns))


def column_list(columns: Sequence[str]) -> sql.Composable:
    """The names in parentheses, for a COPY; a table without columns takes no list."""
    return sql.SQL(" ({})").format(sql.SQL(", ").join(map(sql.Identifier, columns))) if columns else sql.SQL("")
