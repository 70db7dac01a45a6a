"""Which backups are kept and which may go, by which rules: a pure function of what is known of them.

A rule keeps; nothing deletes but that no rule keeps. Ages count back from the newest good backup, not from the clock: while
backups fail, or are not taken at all, none gets older. What is dated in the future is neither counted nor deleted, so that
a clock that was wrong takes nothing away when it is right again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pantry_tui.models import Model, RetentionPolicy, RetentionVerdict, ScopedPolicy
from pantry_tui.repository.retention_rules import Kept, kept_by_rules


class BackupFacts(Model, frozen=True, kw_only=True):
    """What the rules know of one backup. ``good``: as far as can be told without reading its data, its base's too."""

    id: str
    database: str  # what the backup calls it
    source: str  # what its server calls it
    at: datetime  # when it was begun
    finished_at: datetime
    bytes: int
    schedule: str | None = None  # that took it
    series: str = ""  # of what is no whole database: its kind and name, among whose like it counts
    base: str | None = None
    good: bool = True
    refuted: bool = False  # not good, because a drill showed that it does not restore
    proven: bool = False  # a restore of it compared equal
    pinned: bool = False
    foreign: bool = False  # a dump that others made

    @property
    def order(self) -> tuple[datetime, str]:
        """Newer ones are greater."""
        return self.at, self.id

    @property
    def flaw(self) -> str:
        """What is wrong with one that is not good, in words."""
        return "shown by a drill not to restore" if self.refuted else "damaged"

    @property
    def like(self) -> tuple[str, str, str]:
        """What one can stand in for another: of the same database, and as much of it."""
        return self.database, self.source, self.series

    def counts(self, now: datetime) -> bool:
        """Whether it may stand in for another."""
        return self.good and not self.foreign and not self.is_future(now)

    def is_future(self, now: datetime) -> bool:
        """Whether it says to be of a time that has not come."""
        return max(self.at, self.finished_at) > now


class _Group(NamedTuple):
    """Backups that count among each other, newest first."""

    place: int  # of its policy
    policy: RetentionPolicy
    members: list[BackupFacts]

    @property
    def good(self) -> list[BackupFacts]:
        return [member for member in self.members if member.good]


def decide(facts: Iterable[BackupFacts], policies: Sequence[ScopedPolicy], now: datetime) -> list[RetentionVerdict]:
    """What becomes of each backup, newest first. Of ``policies`` the first counts that covers a backup."""
    every = sorted(facts, key=lambda each: each.order, reverse=True)
    kept: dict[str, list[Kept]] = defaultdict(list)
    newest = _newest(every, now)
    groups = _grouped(every, policies, now, kept)
    protected = _protect(every, now, kept)
    for group in groups:
        good = group.good
        for backup_id, reason in kept_by_rules(good, group.policy, newest[good[0].like]) if good else ():
            kept[backup_id].append(reason)
        _keep_damaged(group, kept)
    protected |= {each.id for each in every if each.like not in newest}  # what is left may be all that is left
    bases = {each.id: each.base for each in every if each.base is not None}
    too_much = _limit_sizes(groups, kept, protected, bases)
    needed = _needed(kept, bases)
    policy_of = {member.id: group.policy for group in groups for member in group.members}
    return [_verdict(each, kept, needed, too_much, policy_of) for each in every]


def deletion_order(verdicts: Iterable[RetentionVerdict], facts: Iterable[BackupFacts]) -> list[str]:
    """The backups that go, each before its base: no moment leaves one whose base is gone."""
    going = {verdict.backup_id for verdict in verdicts if not verdict.kept}
    bases = {each.id: each.base for each in facts}

    def depth(backup_id: str) -> int:
        steps, base = 0, bases.get(backup_id)
        while base is not None and steps < len(bases):
            steps, base = steps + 1, bases.get(base)
        return steps

    return sorted(going, key=lambda backup_id: (-depth(backup_id), backup_id))


def _grouped(
    every: Sequence[BackupFacts], policies: Sequence[ScopedPolicy], now: datetime, kept: dict[str, list[Kept]]
) -> list[_Group]:
    """The groups; backups that are in none are kept, and say why."""
    groups: dict[tuple[tuple[str, str, str], int], _Group] = {}
    for each in every:
        place = next((n for n, scoped in enumerate(policies) if scoped.covers(each.database, each.schedule)), None)
        if each.foreign:
            kept[each.id].append(Kept("foreign", "a dump that others made: only people delete it"))
        elif each.is_future(now):
            kept[each.id].append(Kept("future", f"dated in the future: {each.at:%Y-%m-%d %H:%M} UTC"))
        elif place is None:
            whose = f"backups of the schedule {each.schedule}" if each.schedule else "it"
            kept[each.id].append(Kept("no_policy", f"no policy is for {whose}"))
        else:
            groups.setdefault((each.like, place), _Group(place, policies[place].policy, [])).members.append(each)
    return list(groups.values())


def _newest(every: Sequence[BackupFacts], now: datetime) -> dict[tuple[str, str, str], datetime]:
    """When the newest was taken of those that can stand in for others."""
    newest: dict[tuple[str, str, str], datetime] = {}
    for each in every:
        if each.counts(now):
            newest.setdefault(each.like, each.at)
    return newest


def _protect(every: Sequence[BackupFacts], now: datetime, kept: dict[str, list[Kept]]) -> set[str]:
    """Keeps what no limit takes away: pinned ones, and of each database the last good and the last proven one."""
    protected: set[str] = set()
    seen: set[tuple[tuple[str, str, str], str]] = set()
    for each in every:
        what = each.series or f"of {each.database}"
        marks = [
            (each.pinned, "pinned", "pinned"),
            (each.counts(now) and (each.like, "last_valid") not in seen, "last_valid", f"the last valid backup {what}"),
            (
                each.counts(now) and each.proven and (each.like, "last_proven") not in seen,
                "last_proven",
                f"the last backup {what} of which a restore compared equal",
            ),
        ]
        for holds, rule, words in marks:
            if holds:
                seen.add((each.like, rule))
                protected.add(each.id)
                kept[each.id].append(Kept(rule, words))
    return protected


def _keep_damaged(group: _Group, kept: dict[str, list[Kept]]) -> None:
    """What is damaged, or does not restore, counts for nothing; it goes when it is older than all good ones that rules keep."""
    oldest = min((member.order for member in group.good if kept.get(member.id)), default=None)
    for member in group.members:
        if not member.good and (oldest is None or member.order > oldest):
            kept[member.id].append(Kept("damaged", f"{member.flaw}, and not older than all that are kept"))


def _limit_sizes(
    groups: Sequence[_Group], kept: dict[str, list[Kept]], protected: set[str], bases: Mapping[str, str]
) -> dict[str, str]:
    """Takes the oldest away until every group fits its limit, or only what is protected or needed is left; why each goes."""
    too_much: dict[str, str] = {}
    limited = [group for group in groups if group.policy.max_bytes is not None]
    while limited:
        needed = _needed(kept, bases)
        found = [oldest for group in limited if (oldest := _oldest_of_too_many(group, kept, protected, needed))]
        if not found:
            break
        backup_id, why = min(found)[-1]
        del kept[backup_id]
        too_much[backup_id] = why
    return too_much


def _oldest_of_too_many(
    group: _Group, kept: Mapping[str, list[Kept]], protected: set[str], needed: Mapping[str, str]
) -> tuple[int, tuple[datetime, str], tuple[str, str]] | None:
    """The backup that goes first where a group takes too much: its place and age, by which one is chosen, its id, and why."""
    limit = group.policy.max_bytes
    staying = [member for member in group.members if kept.get(member.id) or member.id in needed]
    total = sum(member.bytes for member in staying)
    free = [member for member in staying if member.id not in protected and member.id not in needed]
    if limit is None or total <= limit or not free:
        return None
    oldest = min(free, key=lambda member: member.order)
    why = f"all together would take {total:,} bytes, and {limit:,} are allowed"
    return group.place, oldest.order, (oldest.id, why)


def _needed(kept: Mapping[str, object], bases: Mapping[str, str]) -> dict[str, str]:
    """The backups on which kept ones build, and by which of them each is needed."""
    needed: dict[str, str] = {}
    waiting = [backup_id for backup_id, reasons in kept.items() if reasons]
    while waiting:
        child = waiting.pop()
        base = bases.get(child)
        if base is not None and base not in needed:
            needed[base] = child
            waiting.append(base)
    return needed


def _verdict(
    each: BackupFacts,
    kept: Mapping[str, list[Kept]],
    needed: Mapping[str, str],
    too_much: Mapping[str, str],
    policy_of: Mapping[str, RetentionPolicy],
) -> RetentionVerdict:
    found = list(kept.get(each.id, ()))
    if each.id in needed:
        found.append(Kept("needed", f"{needed[each.id]} builds on it"))
    why = found or [_why_it_goes(each, too_much.get(each.id), policy_of[each.id])]
    return RetentionVerdict(
        backup_id=each.id,
        database=each.database,
        schedule=each.schedule,
        at=each.at,
        bytes=each.bytes,
        kept=bool(found),
        rules=tuple(reason.rule for reason in why),
        reasons=tuple(reason.words for reason in why),
    )


def _why_it_goes(each: BackupFacts, too_much: str | None, policy: RetentionPolicy) -> Kept:
    if too_much is not None:
        return Kept("max_bytes", too_much)
    if not each.good:
        return Kept("damaged", f"{each.flaw}, and older than all that are kept")
    return Kept("expired", f"no rule keeps it: {policy.words}")
