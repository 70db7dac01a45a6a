"""What is documented parses; what this version cannot do is refused, not ignored."""

from __future__ import annotations

import shlex

import pytest

from pantry_tui.cli import main as cli
from pantry_tui.cli.main import GROUPS, build_parser, main
from pantry_tui.cli.parser import Parser, global_defaults
from pantry_tui.errors import UsageError

DOCUMENTED = """
demo
demo --headless
backup create -n daily
backup create -n daily -d crm -f sql --kind full --compression gzip --jobs 4 --no-fingerprints --no-wait
backup create -n daily --compression
backup create --name daily --database crm --format sql
backup list
backup list -l 5 -d crm
backup show latest
backup validate latest
backup export latest -o x.sql.gz
backup export latest -o x.zip -f csv -t a.b -t 'c.*' --recipient age1 --identity i
backup delete 20261123T020000Z-daily-7f3a --force
recovery execute latest --target new
recovery execute latest -s replace -t public.a -t public.b --target postgresql://h/d --no-validate --yes --jobs 2
job list
job show J
job log J
job wait J
job cancel J
catalog check
catalog rebuild
key generate
key generate -o identity.age --passphrase-file words --card card.txt --post-quantum
key show
key show identity.age --passphrase-file words
key rotate --add age1a --add age1b --retire age1c
config init
config check
config show
doctor
audit list
audit verify
runner
runner --foreground
runner start
runner stop
runner status
runner install-unit
recovery execute latest --target new -s append
recovery execute latest --target new -x public.t
recovery execute latest --target new -s merge
recovery execute latest --target new --dry-run
recovery execute latest --target new --no-checkpoint
recovery rollback 20261123T020000Z-7f3a12 --force
recovery release 20261123T020000Z-7f3a12 --yes
recovery list -l 3
recovery show 20261123T020000Z-7f3a12
recovery report 20261123T020000Z-7f3a12 -o incident.md
recovery plan latest -t public.contacts -s merge --batch-size 10 --no-probe
recovery execute latest -t public.contacts --batch-size 10 --yes
"""

UNSUPPORTED = """
backup create -n x -d '*'
"""

WRONG = """
nonsense
backup
backup nonsense
backup create
backup create -n
backup create -n x --nonsense
backup create -n x --jobs 0
backup create -n x --jobs many
backup create -n x -f xml
backup list -l -1
backup create -n x --no-wai
recovery execute
job show
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize("line", lines(DOCUMENTED))
def test_documented_commands_parse(line: str) -> None:
    args = build_parser().parse_args(shlex.split(line), namespace=global_defaults())
    assert args.group == shlex.split(line)[0]


@pytest.mark.parametrize("line", lines(UNSUPPORTED))
def test_options_of_other_versions_are_refused(
    line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql:///crm")
    assert main(shlex.split(line)) == UsageError.exit_status
    assert "not supported by this version" in capsys.readouterr().err


@pytest.mark.parametrize("line", lines(WRONG))
def test_what_cannot_be_meant_is_refused(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(line)) == UsageError.exit_status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--help" in captured.err


@pytest.mark.parametrize(
    "line", ["--json --config F backup list", "backup --json --config F list", "backup list --json --config F"]
)
def test_global_options_stand_anywhere(line: str) -> None:
    args = build_parser().parse_args(shlex.split(line), namespace=global_defaults())
    assert (args.json, args.config, args.quiet, args.no_color) == (True, "F", False, False)


def test_every_group_has_commands_with_a_description() -> None:
    parser = build_parser()
    assert set(parser.commands) == {group.name for group in GROUPS}
    for name, command in walk(parser):
        assert command.description, name
        assert all(action.help for action in command.options), name


def walk(parser: Parser, prefix: str = "") -> list[tuple[str, Parser]]:
    found = [(prefix, parser)]
    for name, command in parser.commands.items():
        found += walk(command, f"{prefix} {name}")
    return found


def test_help_goes_to_standard_output_and_names_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    written = capsys.readouterr().out
    assert "11 server_unreachable" in written
    assert "31 verification_failed" in written


def test_only_the_module_of_the_group_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    imported: list[str] = []

    def record(name: str) -> type[_Nothing]:
        imported.append(name)
        return _Nothing

    monkeypatch.setattr("pantry_tui.cli.parser.import_module", record)
    build_parser().parse_args(["doctor"], namespace=global_defaults())
    assert imported == ["pantry_tui.cli.doctor"]


class _Nothing:
    @staticmethod
    def add_arguments(parser: Parser) -> None:
        """Declares nothing."""


def test_without_a_terminal_the_application_says_what_to_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 60
    assert "pantry-tui backup list" in capsys.readouterr().err
