"""What a request wishes around its job, as schedules and other clients say it."""

from __future__ import annotations

import msgspec

from pantry_tui.models import (
    Around,
    DatabaseTarget,
    JobState,
    MarkRequest,
    RepositoryTarget,
    RetentionPolicy,
    RetentionRequest,
    ScopedPolicy,
)
from pantry_tui.runner.client import RunnerClient
from tests.engine.runner.conftest import backup_request, ended

NEWEST = Around(retention=RetentionPolicy(count=1))


async def test_a_schedules_policy_is_for_its_own_backups(
    client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    plain = backup_request(crm, backups)
    hourly = msgspec.structs.replace(plain, schedule="hourly", around=NEWEST)
    made = [
        (await ended(client, await client.submit(request))).backup_id
        for request in (plain, msgspec.structs.replace(hourly, schedule="daily"), hourly, hourly)
    ]

    listed = await client.backups(backups)
    assert [(backup.id, backup.schedule) for backup in listed] == [
        (made[3], "hourly"),
        (made[1], "daily"),
        (made[0], None),
    ]
    policies = (ScopedPolicy(policy=RetentionPolicy(count=1), schedule=""),)
    report = await client.preview_retention(backups, RetentionRequest(policies=policies))
    assert [verdict.rules[-1] for verdict in report.verdicts] == ["last_valid", "no_policy", "count"]


async def test_a_pinned_backup_stays_and_that_is_no_trouble(
    client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    first = await ended(client, await client.submit(backup_request(crm, backups)))
    await client.mark_backup(backups, str(first.backup_id), MarkRequest(pinned=True))
    request = msgspec.structs.replace(backup_request(crm, backups), around=NEWEST)
    job = await ended(client, await client.submit(request))
    assert (job.state, job.warnings) == (JobState.SUCCEEDED, 0)
    assert "retention: 0 backups deleted" in "\n".join(await client.job_log(job.id))
    assert len(await client.backups(backups)) == 2
