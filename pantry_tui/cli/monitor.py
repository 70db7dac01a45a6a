"""`pantry-tui monitor`: would the databases survive today, what is wrong, who takes care of it, what was measured."""

from __future__ import annotations

import argparse

from pantry_tui.cli import monitor_view as view
from pantry_tui.cli.monitor_metrics import add_metric_commands
from pantry_tui.cli.output import note, print_document, print_line
from pantry_tui.cli.parser import Parser, command, positive
from pantry_tui.cli.session import ask_runner, configuration, look_up
from pantry_tui.errors import HealthCriticalError, HealthWarningError, NotFoundError
from pantry_tui.models import Health, HealthStatus

MOST_DAYS = 366


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    health = command(
        commands,
        "health",
        check_health,
        summary="look at everything now: would each database survive today?",
        description="Looks at every database, repository and schedule, and at this host; says of each database whether it\n"
        "would survive today, and of what is wrong what mends it. Opens and resolves alerts; a runner that is there tells\n"
        "people of them, and without one `--alert-on-failure` does. Exit status 0: all is well, "
        f"{HealthWarningError.exit_status}: somebody should look, {HealthCriticalError.exit_status}: critical.",
        examples=("pantry-tui monitor health", "pantry-tui monitor health -d crm --json"),
    )
    health.add_argument("-d", "--database", metavar="DATABASE", help="show, and judge by, this database alone")
    health.add_argument("--alert-on-failure", action="store_true", help="tell people of alerts, without a runner too")
    health.add_argument("-v", "--verbose", action="store_true", help="show the checks that are well, too")
    alerts = command(
        commands,
        "alerts",
        list_alerts,
        summary="what is wrong and not resolved",
        description="Lists the alerts that are not resolved, the worst first; what another one explains stands below it.",
        examples=("pantry-tui monitor alerts", "pantry-tui monitor alerts --all --json"),
    )
    alerts.add_argument("--all", action="store_true", help="those that are resolved too, the last 30 days")
    for name, action, summary, description in (
        ("ack", acknowledge, "say that you take care of an alert", "Nobody else is told of it, unless it gets worse."),
        ("resolve", resolve, "say that an alert is over", "Where it is not, the next look opens it again."),
    ):
        change = command(
            commands,
            name,
            action,
            summary=summary,
            description=description,
            examples=(f"pantry-tui monitor {name} 20261124T020000Z-backup-failed-7f3a",),
        )
        change.add_argument("alert", metavar="ALERT", help="an alert's id, or the beginning or end of it")
    days = command(
        commands,
        "compliance",
        show_compliance,
        summary="what became of each schedule's runs, day by day",
        description="Shows for each schedule and day whether its runs were done, late, failed or missed.",
        examples=("pantry-tui monitor compliance --days 30",),
    )
    days.add_argument("--days", type=positive, default=14, metavar="N", help="the last so many days (default: 14)")
    add_metric_commands(commands)


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def check_health(args: argparse.Namespace) -> int:
    """Looks at everything, and says how bad it is."""
    from pantry_tui.runner.inline import Expects

    notify = True if args.alert_on_failure else None
    health = ask_runner(configuration(args), lambda runner: runner.check_health(notify=notify), expects=Expects.LOOK)
    if args.database is not None:
        health = view.of_database(health, args.database)
        if not health.databases:
            raise NotFoundError(
                f"the database {args.database!r} is not watched",
                remedy="watched are those of the configuration, and those that schedules back up: pantry-tui monitor health",
            )
    if args.json:
        print_document(health)
    else:
        view.print_health(health, verbose=args.verbose)
    return exit_status(health)


def exit_status(health: Health) -> int:
    """0, or the status of the worst."""
    if health.status is HealthStatus.CRITICAL:
        return HealthCriticalError.exit_status
    return HealthWarningError.exit_status if health.status is HealthStatus.WARNING else 0


def list_alerts(args: argparse.Namespace) -> int:
    """Lists the alerts."""
    found = look_up(configuration(args), lambda reads: reads.alerts(resolved=args.all))
    if args.json:
        print_document(found)
    elif found:
        view.print_alerts(found)
    else:
        note(args, "there is no alert")
    return 0


def acknowledge(args: argparse.Namespace) -> int:
    """Says that somebody takes care of an alert."""
    from pantry_tui.runner.inline import Expects

    alert = ask_runner(
        configuration(args), lambda runner: runner.acknowledge_alert(args.alert), expects=Expects.NOTHING
    )
    if args.json:
        print_document(alert)
    else:
        print_line(f"acknowledged: {alert.summary}")
    return 0


def resolve(args: argparse.Namespace) -> int:
    """Says that an alert is over."""
    from pantry_tui.runner.inline import Expects

    alert = ask_runner(configuration(args), lambda runner: runner.resolve_alert(args.alert), expects=Expects.NOTHING)
    if args.json:
        print_document(alert)
    else:
        print_line(f"resolved: {alert.summary}")
    return 0


def show_compliance(args: argparse.Namespace) -> int:
    """Shows what became of the schedules' runs."""
    days = min(args.days, MOST_DAYS)
    found = look_up(configuration(args), lambda reads: reads.compliance(days=days))
    if args.json:
        print_document(found)
    elif found:
        view.print_compliance(found)
    else:
        note(args, "there is no schedule")
    return 0
