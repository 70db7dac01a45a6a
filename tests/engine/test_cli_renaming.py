"""`recovery execute --rename-schema`, as somebody uses it who wants yesterday's rows beside today's."""

from __future__ import annotations

from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import CommandLine
from tests.servers import TestServer


def test_yesterday_beside_today(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    cli.succeed("backup", "create", "-n", "daily")
    server.execute(crm, "DELETE FROM notes WHERE id <= 100; UPDATE contacts SET name = 'lost' WHERE id = 7")
    execute = ("recovery", "execute", "latest", "--rename-schema", "public=yesterday")
    silent = cli.run(*execute)
    assert (silent.status, "--yes" in silent.err) == (5, True)
    dry = cli.json(*execute, "--dry-run")
    assert (dry["dry_run"], dry["way"], dry["status"]) == (True, "beside", "succeeded")

    done = cli.succeed(*execute, "--yes")
    lines = done.out.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["yesterday.contacts", "500"], ["yesterday.notes", "500"]]
    assert lines[-2].startswith("Restored and verified: 2 tables, 1,000 rows in database ")
    assert "in 1 schema beside the others" in lines[-2]
    assert lines[-1] == 'To remove it: DROP SCHEMA "yesterday" CASCADE'
    missing = "SELECT count(*) FROM yesterday.notes WHERE id NOT IN (SELECT id FROM public.notes)"
    assert server.execute(crm, missing) == [(100,)]
    changed = "SELECT y.name FROM yesterday.contacts y JOIN public.contacts USING (id) WHERE y.name <> contacts.name"
    assert server.execute(crm, changed) == [("contact 7",)]

    for wrong in ("public", "=x", "public="):
        refused = cli.run("recovery", "execute", "latest", "--rename-schema", wrong, "--yes")
        assert (refused.status, "not two names" in refused.err) == (2, True)
    (last, first) = cli.json("recovery", "list")
    assert (last["result"]["way"], first["result"]["dry_run"]) == ("beside", True)
    assert cli.left_behind() == []


def test_a_new_server_and_a_managed_one(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    """The options reach the restore: a role that is missing is made, and one of few rights restores what it may."""
    with server.tidy():
        server.execute("postgres", "CREATE ROLE crm_reader LOGIN; CREATE ROLE crm_guest LOGIN CREATEDB")
        server.execute(crm, "GRANT SELECT ON contacts TO crm_reader")
        cli.succeed("backup", "create", "-n", "daily")
        server.execute(crm, "DROP OWNED BY crm_reader; DROP ROLE crm_reader")
        guest = server.target("as guest", role="crm_guest")
        server.drop_after_test("as guest")
        managed = cli.json("recovery", "execute", "latest", "--target", guest.conninfo, "--managed", "--yes")
        assert managed["status"] == "succeeded"
        assert any("acl public.TABLE contacts" in warning for warning in managed["warnings"])
        target = server.drop_after_test("with roles").name
        refused = cli.run("recovery", "execute", "latest", "--target", target, "--yes")
        assert (refused.status, "(--create-roles)" in refused.err) == (30, True)
        cli.succeed("recovery", "execute", "latest", "--target", target, "--create-roles", "--yes")
        assert server.execute(target, "SELECT has_table_privilege('crm_reader', 'contacts', 'SELECT')") == [(True,)]
    server.execute("postgres", "DROP ROLE crm_reader, crm_guest")
