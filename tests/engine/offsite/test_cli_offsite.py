"""Copies by the command line and the runner, and a host that is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import CommandLine
from tests.servers import TestServer
from tests.stores import KEYS, Fault, Proxy, refuses


@pytest.fixture
def configured(cli: CommandLine, proxy: Proxy, bucket: str) -> CommandLine:
    """A configuration in which each backup is copied to a store."""
    config = cli.home / "config.toml"
    config.write_text(
        f"""
        [repositories.near]
        path = "{cli.repository}"
        copy_to = ["offsite"]

        [repositories.offsite]
        url = "s3://{bucket}/hosts/one"
        retention_policy = "few"
        endpoint = "{proxy.endpoint}"
        access_key = "env:OFFSITE_KEY"
        secret_key = "env:OFFSITE_SECRET"

        [policies.few]
        count = 1
        """
    )
    config.chmod(0o600)
    cli.environment |= {"PANTRY_CONFIG": str(config), "OFFSITE_KEY": "AKIATESTKEY", "OFFSITE_SECRET": "hush-hush"}
    return cli


@pytest.fixture
def elsewhere(tmp_path: Path, crm: DatabaseTarget, proxy: Proxy) -> Iterator[CommandLine]:
    """A machine that has nothing but the address of the bucket and its keys."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    machine = CommandLine(directory, crm)
    machine.environment |= {**KEYS, "AWS_ENDPOINT_URL": proxy.endpoint}
    yield machine
    machine.end_runner()


def copies_of(cli: CommandLine, backup_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cli.json("backup", "show", backup_id)["copies"]
    return found


def test_a_backup_is_copied_when_it_is_taken(configured: CommandLine) -> None:
    created = configured.succeed("backup", "create", "-n", "daily")
    assert "copied to offsite by a job of its own" in created.err
    [made] = [each["id"] for each in configured.json("backup", "list")]
    [copy] = copies_of(configured, made)
    assert (copy["repository"], copy["ok"], copy["verified_at"] is not None) == ("offsite", True, True)
    jobs = {job["kind"]: job for job in configured.json("job", "list")}
    assert (jobs["backup"]["state"], jobs["copy"]["state"]) == ("succeeded", "succeeded")
    assert f"{made} is in offsite" in configured.succeed("job", "log", jobs["copy"]["id"]).out
    assert "offsite" in configured.succeed("backup", "list").out
    shown = configured.succeed("backup", "show", made).out
    assert "copy in offsite" in shown
    assert [each["id"] for each in configured.json("backup", "list", "--repository", "offsite")] == [made]
    assert configured.succeed("catalog", "check").out.strip() == "Sound"
    doctor = [each for each in configured.json("doctor")["findings"] if each["check"] == "repository"]
    assert [each["message"].rpartition(" ")[2] for each in doctor if "offsite" in each["message"]] == ["answers"]
    written = b"".join(path.read_bytes() for path in configured.data.rglob("*") if path.is_file())
    assert b"hush-hush" not in written


def test_a_copy_that_fails_is_seen_and_fetched_later(configured: CommandLine, proxy: Proxy) -> None:
    proxy.faults = [Fault(refuses(403, "AccessDenied"), of="data/", times=99)]
    made = configured.json("backup", "create", "-n", "daily")["id"]
    [copy] = copies_of(configured, made)
    assert (copy["ok"], copy["copied_at"]) == (False, None)
    assert "this host may not" in copy["problem"]
    assert "offsite FAILED" in configured.succeed("backup", "list").out
    failed = configured.run("backup", "copy", "missing", "offsite")
    assert failed.status == 24
    assert "remedy" in failed.err or "give its credentials" in failed.err
    del configured.environment["OFFSITE_KEY"]
    assert "OFFSITE_KEY is not set" in configured.run("config", "check").out
    configured.environment["OFFSITE_KEY"] = "AKIATESTKEY"
    proxy.faults = []
    configured.succeed("schedule", "create", "copies", "30 4 * * *", "--kind", "copy")
    configured.succeed("schedule", "execute", "copies")
    [job, *_] = configured.json("job", "list")
    assert [(each["backup_id"], each["sent_bytes"] > 0) for each in job["result"]["copied"]] == [(made, True)]
    assert configured.json("backup", "copy", "missing", "offsite")["copied"] == []
    assert copies_of(configured, made)[0]["ok"]
    preview = configured.json("retention", "preview", "--repository", "offsite")
    assert (preview["kept"], preview["backups"][0]["rules"]) == (1, ["last_valid", "count"])


def test_a_host_is_lost(server: TestServer, configured: CommandLine, elsewhere: CommandLine, bucket: str) -> None:
    made = configured.json("backup", "create", "-n", "daily")["id"]
    signer = configured.json("backup", "show", made)["signer"]
    for lost in (configured.repository, configured.data):
        shutil.rmtree(lost)
    url = f"s3://{bucket}/hosts/one"

    assert [each["id"] for each in elsewhere.json("backup", "list", "--repository", url)] == [made]
    assert elsewhere.json("backup", "peek", made, "public.contacts", "--repository", url)["total_rows"] == 500
    target = server.drop_after_test("after the fire")
    command = ("recovery", "execute", "latest", "--repository", url, "--target", target.name, "--yes")
    asked = elsewhere.run(*command)
    assert (asked.status, signer in asked.err) == (7, True)
    elsewhere.succeed(*command, "--trust", signer)
    assert server.execute(target, "SELECT count(*) FROM notes") == [(500,)]
    assert not elsewhere.repository.exists()

    elsewhere.environment["BACKUP_DIR"] = url
    assert elsewhere.json("catalog", "rebuild")["backups"] == 1
    refused = elsewhere.run("backup", "create", "-n", "daily")
    assert (refused.status, "is an object store" in refused.err) == (5, True)


def test_what_is_set_wrongly(cli: CommandLine) -> None:
    config = cli.home / "config.toml"
    cli.environment["PANTRY_CONFIG"] = str(config)
    for text, message in (
        ('url = "s3://bucket/x"\naccess_key = "AKIA123"\nsecret_key = "env:S"', "must be a reference to the key"),
        ('url = "s3://bucket/x"\nendpoint = "http://store.example"', "without TLS"),
        ('url = "gs://bucket/x"', "gs:// is no kind of store"),
        ('url = "s3://bucket/../x"', "cannot be a prefix"),
        ('url = "s3://bucket/x"\npath = "/var/x"', "a path or a url, one of them"),
        ('path = "/var/x"\nregion = "here"', "region is for object stores"),
        ('path = "/var/x"\ncopy_to = ["nowhere"]', "copy_to names 'nowhere'"),
    ):
        config.write_text(f"[repositories.one]\n{text}\n")
        config.chmod(0o600)
        outcome = cli.run("config", "check")
        assert (outcome.status, message in outcome.err) == (3, True), outcome.err
        assert "AKIA123" not in outcome.err
