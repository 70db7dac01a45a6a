"""What is read out of the archive's statements: foreign keys in two steps, roles, and what is left for pg_restore."""

from __future__ import annotations

import pytest

from pantry_tui.artifact.toc import TocEntry, use_list
from pantry_tui.recovery.archive import remaining_entries
from pantry_tui.recovery.building import split_foreign_key
from pantry_tui.recovery.requirements import create_statements, requirements


def entry(
    number: int, kind: str, *, section: str = "post-data", tag: str = "x", owner: str = "", statement: str = ""
) -> TocEntry:
    return TocEntry(number, 0, 0, kind, section, "public", tag, owner, "", statement, ())


@pytest.mark.parametrize(
    ("statement", "validate"),
    [
        (
            "ALTER TABLE ONLY a.child\n    ADD CONSTRAINT child_fkey FOREIGN KEY (p) REFERENCES a.parent(id);\n",
            "ALTER TABLE ONLY a.child VALIDATE CONSTRAINT child_fkey;",
        ),
        (
            'ALTER TABLE a."od""d\n    ADD CONSTRAINT"\n    ADD CONSTRAINT "f k" FOREIGN KEY (p) REFERENCES a.b(id);\n',
            'ALTER TABLE a."od""d\n    ADD CONSTRAINT" VALIDATE CONSTRAINT "f k";',
        ),
    ],
)
def test_foreign_key_in_two_steps(statement: str, validate: str) -> None:
    steps = split_foreign_key(statement)
    assert steps == (statement.rstrip()[:-1] + " NOT VALID;", validate)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE ONLY a.b\n    ADD CONSTRAINT f FOREIGN KEY (p) REFERENCES a.c(id) NOT VALID;\n",
        "ALTER TABLE ONLY a.b\n    ADD CONSTRAINT f FOREIGN KEY (p) REFERENCES a.c(id); DROP TABLE a.b;\n",
        "ALTER TABLE ONLY a.b\n    ADD CONSTRAINT f CHECK (p > 0);\n",
        "",
    ],
)
def test_anything_else_stays_one_statement(statement: str) -> None:
    assert split_foreign_key(statement) is None


def test_roles_of_owners_grants_policies_and_mappings() -> None:
    found = requirements(
        [
            entry(1, "TABLE", owner="owner"),
            entry(2, "ACL", statement='GRANT SELECT ON TABLE public."TO x" TO PUBLIC;\nGRANT ALL ON TABLE t TO "a b", c;\n'),
            entry(3, "ACL", statement="SET SESSION AUTHORIZATION grantor;\nREVOKE ALL ON TABLE t FROM loser;\n"),
            entry(4, "POLICY", statement="CREATE POLICY p ON t TO first, \"se\"\"cond\" USING ((a = 'TO other'::text));"),
            entry(5, "DEFAULT ACL", statement="ALTER DEFAULT PRIVILEGES FOR ROLE maker GRANT SELECT ON TABLES TO taker;"),
            entry(6, "USER MAPPING", statement="CREATE USER MAPPING FOR mapped SERVER s OPTIONS (password 'x');"),
            entry(7, "FUNCTION", statement="-- GRANT x TO nobody", owner="owner"),
            entry(8, "DATABASE", owner="owner of the database"),
        ]
    )  # fmt: skip
    assert found.owners == ("owner",)
    assert found.roles == (
        "a b", "c", "first", "grantor", "loser", "maker", "mapped", "owner", 'se"cond', "taker"
    )  # fmt: skip


def test_roles_are_quoted_in_the_remedy() -> None:
    assert create_statements(['a"b', "c"]) == 'CREATE ROLE "a""b"; CREATE ROLE "c";'


def ids(parts: list[tuple[TocEntry, ...]]) -> list[list[int]]:
    return [[one.id for one in part] for part in parts]


def test_event_triggers_come_last_with_their_comments() -> None:
    toc = [
        entry(1, "EVENT TRIGGER"),
        entry(2, "COMMENT", section="none", tag="EVENT TRIGGER watch"),
        entry(3, "TRIGGER"),
        entry(4, "MATERIALIZED VIEW DATA"),
    ]
    assert ids(remaining_entries(toc, set())) == [[3, 4], [1, 2]]


def test_comments_do_not_come_before_what_they_are_about() -> None:
    toc = [
        entry(1, "TABLE", section="pre-data"),
        entry(2, "COMMENT", section="none"),
        entry(3, "INDEX"),
        entry(4, "COMMENT", section="none"),
        entry(5, "TRIGGER"),
        entry(6, "COMMENT", section="none"),
    ]
    assert ids(remaining_entries(toc, {3})) == [[5, 4, 6]]
    assert ids(remaining_entries(toc, {3, 4})) == [[5, 6]]
    assert remaining_entries(toc, {3, 4, 5, 6}) == []
    assert use_list([5, 6]) == b"5;\n6;\n"
