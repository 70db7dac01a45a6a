"""`pantry-tui job`: list, show, follow and cancel the runner's jobs."""

from __future__ import annotations

import argparse

from pantry_tui.cli.follow import OnInterrupt, follow
from pantry_tui.cli.output import (
    Column,
    age,
    duration,
    moment,
    note,
    print_document,
    print_fields,
    print_line,
    print_table,
    size,
)
from pantry_tui.cli.parser import Parser, command, positive
from pantry_tui.cli.session import ask_runner, configuration, look_up
from pantry_tui.errors import InterruptedJobError
from pantry_tui.models import Job, JobState, utc_now

_LIST = (
    Column("ID"),
    Column("STATE"),
    Column("WHAT", least=24),
    Column("AGE", right=True),
    Column("TOOK", right=True, spare=1),
    Column("DONE", right=True, spare=2),
)


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    listing = command(
        commands,
        "list",
        list_jobs,
        summary="list jobs, newest first",
        description="Lists jobs, newest first: those at work and those of the last 30 days.",
        examples=("pantry-tui job list -l 5",),
    )
    listing.add_argument("-l", "--limit", type=positive, default=20, metavar="N", help="at most so many (default: 20)")
    for name, action, summary, description in (
        ("show", show_job, "one job with its outcome", "Shows a job: state, progress, times, and why it failed."),
        ("log", print_log, "what a job did", "Prints the log of a job, with times in UTC."),
        (
            "wait",
            wait_for_job,
            "follow a job to its end",
            "Shows a job's progress until it ends, with the job's own exit status. Ctrl+C ends the watching only.",
        ),
        ("cancel", cancel_job, "cancel a job", "Cancels a job that waits or works; nothing of it is kept."),
    ):
        one = command(commands, name, action, summary=summary, description=description)
        one.add_argument("id", metavar="JOB", help="a job's id")


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def list_jobs(args: argparse.Namespace) -> int:
    """Lists jobs, newest first."""
    jobs = look_up(configuration(args), lambda reads: reads.jobs(limit=args.limit), args)
    if args.json:
        print_document(jobs)
    elif jobs:
        rows = [(job.id, _state(job), job.title, age(job.queued_at), _took(job), f"{job.share:.0%}") for job in jobs]
        print_table(_LIST, rows)
    else:
        note(args, "no jobs")
    return 0


def show_job(args: argparse.Namespace) -> int:
    """Shows one job."""
    job = look_up(configuration(args), lambda reads: reads.job(args.id), args)
    if args.json:
        print_document(job)
        return 0
    print_fields([field for field in _fields(job) if field[1]])
    return 0


def print_log(args: argparse.Namespace) -> int:
    """Prints a job's log."""
    lines = look_up(configuration(args), lambda reads: reads.job_log(args.id), args)
    if args.json:
        print_document({"id": args.id, "lines": lines})
    else:
        for line in lines:
            for part in line.split("\n"):
                print_line(part)
    return 0


def wait_for_job(args: argparse.Namespace) -> int:
    """Follows a job; its failure is ours."""
    result = ask_runner(configuration(args), lambda runner: follow(runner, args.id, args, OnInterrupt.LEAVE))
    if args.json:
        print_document(result)
    else:
        print_line(f"{JobState.SUCCEEDED}: {args.id}")
    return 0


def cancel_job(args: argparse.Namespace) -> int:
    """Cancels a job."""
    job = ask_runner(configuration(args), lambda runner: runner.cancel(args.id))
    if args.json:
        print_document(job)
    else:
        print_line(f"{job.id}: {job.state if job.state.is_final else 'is being cancelled'}")
    return 0


def _fields(job: Job) -> list[tuple[str, str]]:
    failure = job.failure
    return [
        ("id", job.id),
        ("what", job.title),
        ("state", _state(job)),
        ("phase", f"{job.phase} {job.share:.0%}" if job.state is JobState.RUNNING else ""),
        ("time left", duration(job.seconds_left) if job.seconds_left is not None and not job.state.is_final else ""),
        ("database", job.database or ""),
        ("backup", job.backup_id or ""),
        ("started by", job.started_by),
        ("due", moment(job.due_at)),
        ("queued", moment(job.queued_at)),
        ("started", moment(job.started_at)),
        ("finished", moment(job.finished_at)),
        ("took", _took(job)),
        ("used", _used(job)),
        ("warnings", str(job.warnings or "")),
        ("failed", failure.message if failure else ""),
        ("remedy", (failure.remedy or "") if failure else ""),
        ("status", str(failure.exit_status) if failure else ""),
    ]


def _state(job: Job) -> str:
    """The state; a job that was cut off did not fail by itself."""
    cut_off = job.failure is not None and job.failure.code == InterruptedJobError.code
    return "interrupted" if cut_off else job.state


def _took(job: Job) -> str:
    if job.started_at is None or (job.state.is_final and job.finished_at is None):  # nobody knows when it ended
        return ""
    return duration(max(0.0, ((job.finished_at or utc_now()) - job.started_at).total_seconds()))


def _used(job: Job) -> str:
    """What its processes used; the server's are not among them."""
    if (usage := job.usage) is None:
        return ""
    return (
        f"{duration(usage.user_seconds + usage.system_seconds)} of CPU time, {size(usage.peak_bytes)} of memory in one "
        f"process; {size(usage.read_bytes)} read, {size(usage.written_bytes)} written"
    )
