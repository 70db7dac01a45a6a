"""Which client tools are taken for which server; versions no installation has, so that nothing else is found."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pantry_tui.errors import ClientToolError
from pantry_tui.postgres.tools import PROGRAMS, find_client_tools, version_number, version_text

Install = Callable[[str], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts client tools of a version on the PATH."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    def make(version: str) -> Path:
        place = tmp_path / version
        place.mkdir()
        for program in PROGRAMS:
            file = place / program
            file.write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) {version} (Debian {version}-1.pgdg120+1)'\n")
            file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{place}")
        return place

    return make


@pytest.mark.parametrize(
    ("installed", "chosen"),
    [
        (["90.2", "90.3", "90.4", "91.9"], "90.3"),  # the server's own version
        (["90.2", "90.5", "90.4", "91.9"], "90.4"),  # else the next minor
        (["91.2"], "91.2"),  # else the next major
        (["93.1", "91.2"], "91.2"),
    ],
)
async def test_the_best_that_is_not_older(install: Install, installed: list[str], chosen: str) -> None:
    places = {version: install(version) for version in installed}
    tools = await find_client_tools(900003)
    assert (tools.version, tools.directory, tools.source) == (chosen, str(places[chosen]), "PATH")
    assert tools.path("pg_restore") == str(places[chosen] / "pg_restore")
    assert bool(tools.warnings) is not chosen.startswith("90")


async def test_an_older_minor_is_refused(install: Install) -> None:
    install("90.2")
    with pytest.raises(ClientToolError, match=r"too old for the server 90\.3: .*90\.2 in") as caught:
        await find_client_tools(900003)
    assert "postgresql-client-90" in (caught.value.remedy or "")
    assert "does not restore" in (caught.value.remedy or "")


async def test_a_newer_major_is_a_last_resort_with_a_warning(install: Install) -> None:
    install("91.0")
    (warning,) = (await find_client_tools(900003)).warnings
    assert "version 91.0" in warning
    assert "postgresql-client-90" in warning


@pytest.mark.parametrize(
    ("server", "tools", "fits"),
    [
        (150020, "17.11", False),  # a newer major, but of an older date: seen to write what restores nowhere
        (150020, "17.12", True),
        (150019, "17.10", True),
        (130022, "17.10", True),
        (170012, "18.6", False),
        (190000, "19.0", True),
    ],
)
async def test_newer_majors_of_an_older_date_are_refused(install: Install, server: int, tools: str, fits: bool) -> None:
    place = str(install(tools))
    if fits:
        assert (await find_client_tools(server, directory=place)).version == tools
    else:
        with pytest.raises(ClientToolError, match="too old"):
            await find_client_tools(server, directory=place)


async def test_a_configured_directory_is_the_only_one(install: Install, tmp_path: Path) -> None:
    install("90.3")
    newer = install("90.7")
    assert (await find_client_tools(900003, directory=str(newer))).version == "90.7"
    (newer / "pg_restore").unlink()
    with pytest.raises(ClientToolError, match="pg_restore cannot be run there"):
        await find_client_tools(900003, directory=str(newer))
    with pytest.raises(ClientToolError, match="pg_dump, pg_restore, pg_dumpall cannot be run"):
        await find_client_tools(900003, directory=str(tmp_path / "absent"))


async def test_an_incomplete_installation_is_passed_over(install: Install) -> None:
    (install("90.3") / "pg_dumpall").unlink()
    complete = install("90.4")
    assert (await find_client_tools(900003)).directory == str(complete)


async def test_a_wrapper_is_passed_over(install: Install) -> None:
    place = install("90.3")
    (place / "pg_dump").rename(place / "pg_wrapper")
    (place / "pg_dump").symlink_to("pg_wrapper")
    complete = install("90.4")
    assert (await find_client_tools(900003)).directory == str(complete)


async def test_an_upgrade_while_we_run_is_noticed(install: Install) -> None:
    place = install("90.3")
    assert (await find_client_tools(900003, directory=str(place))).version == "90.3"
    replacement = place / "new"
    replacement.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 90.4'\n")
    replacement.chmod(0o755)
    replacement.replace(place / "pg_dump")
    assert (await find_client_tools(900003, directory=str(place))).version == "90.4"


@pytest.fixture
def planted(install: Install, tmp_path: Path) -> Iterator[Path]:
    """Tools beside a running program called postgres, where everybody can write; run, they leave a file `ran`."""
    place = install("90.3")
    os.environ["PATH"] = "/usr/bin:/bin"
    for program in PROGRAMS:
        (place / program).write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\necho '{program} (PostgreSQL) 90.3'\n")
    shutil.copy("/bin/sleep", place / "postgres")
    place.chmod(0o777)
    with subprocess.Popen([place / "postgres", "infinity"]) as process:
        yield place
        process.kill()


async def test_what_another_user_could_have_planted_is_not_run(planted: Path, tmp_path: Path) -> None:
    with pytest.raises(ClientToolError) as caught:
        await find_client_tools(900003)
    assert f"{planted} was passed over: everybody can write to {planted}" in (caught.value.detail or "").splitlines()
    assert not (tmp_path / "ran").exists()
    planted.chmod(0o755)
    assert (await find_client_tools(900003)).source == "a server running here"


async def test_a_configured_directory_is_not_run_either(planted: Path, tmp_path: Path) -> None:
    with pytest.raises(ClientToolError, match=f"not safe to run: everybody can write to {planted}") as caught:
        await find_client_tools(900003, directory=str(planted))
    assert "chmod go-w" in (caught.value.remedy or "")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("version", "shown"), [("92devel", "92devel"), ("92beta2", "92beta2"), ("92.1", "92.1")])
async def test_versions_before_a_release(install: Install, version: str, shown: str) -> None:
    assert (await find_client_tools(920000, directory=str(install(version)))).version == shown


def test_version_text() -> None:
    assert version_text(150020) == "15.20"


@pytest.mark.parametrize(
    ("text", "number"),
    [("15.20", 150020), ("19beta1", 190000), ("18", 180000), ("", None), ("15.x", None), ("15.20 (Debian)", None)],
)
def test_version_number(text: str, number: int | None) -> None:
    assert version_number(text) == number
