"""Retention against a model that says the same in another way: backup by backup, without groups or loops over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantry_tui.models import RetentionPolicy, RetentionVerdict, ScopedPolicy
from pantry_tui.repository.retention import BackupFacts, decide, deletion_order

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
T = TypeVar("T")

NUMBERS = st.none() | st.integers(1, 4)
POLICIES = st.builds(
    RetentionPolicy,
    days=st.none() | st.integers(1, 60),
    count=NUMBERS,
    daily=NUMBERS,
    weekly=NUMBERS,
    monthly=NUMBERS,
    yearly=NUMBERS,
    max_bytes=st.none() | st.integers(1, 60),
    timezone=st.sampled_from(["UTC", "Pacific/Auckland", "America/St_Johns"]),
)
SCOPED = st.builds(
    ScopedPolicy,
    policy=POLICIES,
    database=st.sampled_from([None, "crm", "shop"]),
    schedule=st.sampled_from([None, "", "hourly"]),
)


@st.composite
def repositories(draw: st.DrawFn) -> list[BackupFacts]:
    """Backups of up to two databases over a year, with bases anywhere among those that are older."""
    hours = sorted(draw(st.lists(st.integers(0, 9000), max_size=12)))
    return [_backup(number, hour, draw(st.integers(0, 2**40 - 1))) for number, hour in enumerate(hours)]


def _backup(number: int, hour: int, bits: int) -> BackupFacts:
    """One of them; its properties are drawn as one number, which takes a tenth of the time."""

    def one_of(choices: Sequence[T]) -> T:
        nonlocal bits
        bits, place = divmod(bits, len(choices))
        return choices[place]

    at = BEGINNING + timedelta(hours=hour)
    database = one_of(["crm", "crm", "shop"])
    return BackupFacts(
        id=f"{number:02}",
        database=database,
        source=database,
        at=at,
        finished_at=at + timedelta(minutes=one_of(range(0, 100, 10))),
        bytes=one_of(range(1, 21)),
        schedule=one_of([None, "hourly", "daily"]),
        series=one_of(["", "", "", "schema weekly"]),
        base=one_of([None, None, *(f"{older:02}" for older in range(number))]),
        good=one_of([True, True, True, False]),
        proven=one_of([False, True]),
        pinned=one_of([False, False, False, True]),
        foreign=one_of([False] * 7 + [True]),
    )


class Model:
    """What is kept, asked of one backup at a time."""

    def __init__(self, facts: Sequence[BackupFacts], policies: Sequence[ScopedPolicy], now: datetime) -> None:
        self.facts = list(facts)
        self.policies = policies
        self.now = now

    def kept(self) -> set[str]:
        own = {one.id for one in self.facts if self.by_itself(one)}
        while True:
            every = self.with_bases(own)
            victims = [one for one in self.facts if one.id in own and self.is_too_much(one, every)]
            if not victims:
                return every
            own.remove(min(victims, key=lambda one: (self.place(one), one.order)).id)

    def by_itself(self, one: BackupFacts) -> bool:
        if one.pinned or one.foreign or self.future(one) or self.place(one) is None or self.is_last(one):
            return True
        if one.good:
            return self.by_rule(one)
        rivals = [other for other in self.facts if self.rivals(one, other) and self.by_itself(other)]
        return not rivals or one.order > min(other.order for other in rivals)

    def by_rule(self, one: BackupFacts) -> bool:
        policy = self.policy(one)
        newer = [other for other in self.facts if self.rivals(one, other) and other.order > one.order]
        latest = max(other.at for other in self.facts if other.like == one.like and self.counts(other))
        if not any(getattr(policy, name) for name in ("days", "count", "daily", "weekly", "monthly", "yearly")):
            return policy.max_bytes is not None or latest - one.at <= timedelta(days=30)
        if policy.days is not None and latest - one.at <= timedelta(days=policy.days):
            return True
        if policy.count is not None and len(newer) < policy.count:
            return True
        spans: list[tuple[int | None, Callable[[datetime], object]]] = [
            (policy.daily, lambda at: at.date()),
            (policy.weekly, lambda at: at.isocalendar()[:2]),
            (policy.monthly, lambda at: (at.year, at.month)),
            (policy.yearly, lambda at: at.year),
        ]
        zone = ZoneInfo(policy.timezone)
        for limit, span in spans:
            later = {span(other.at.astimezone(zone)) for other in newer}
            if limit is not None and span(one.at.astimezone(zone)) not in later and len(later) < limit:
                return True
        return False

    def is_last(self, one: BackupFacts) -> bool:
        like = [other for other in self.facts if other.like == one.like and self.counts(other)]
        proven = [other for other in like if other.proven]
        return any(one.id == max(found, key=lambda each: each.order).id for found in (like, proven) if found)

    def is_too_much(self, one: BackupFacts, every: set[str]) -> bool:
        place = self.place(one)
        if one.foreign or self.future(one) or place is None or one.pinned or self.is_last(one):
            return False
        if any(other.base == one.id and other.id in every for other in self.facts):
            return False
        if not any(self.counts(other) and other.like == one.like for other in self.facts):
            return False  # all that is left of it
        limit = self.policies[place].policy.max_bytes
        together = [
            other.bytes
            for other in self.facts
            if other.id in every
            and other.like == one.like
            and self.place(other) == place
            and not other.foreign
            and not self.future(other)
        ]
        return limit is not None and sum(together) > limit

    def with_bases(self, own: set[str]) -> set[str]:
        every = set(own)
        for one in sorted(self.facts, key=lambda each: each.order, reverse=True):  # a base is older
            if one.id in every and one.base is not None:
                every.add(one.base)
        return every

    def place(self, one: BackupFacts) -> int | None:
        fitting = [number for number, scoped in enumerate(self.policies) if scoped.covers(one.database, one.schedule)]
        return fitting[0] if fitting else None

    def policy(self, one: BackupFacts) -> RetentionPolicy:
        place = self.place(one)
        assert place is not None
        return self.policies[place].policy

    def rivals(self, one: BackupFacts, other: BackupFacts) -> bool:
        return self.counts(other) and other.like == one.like and self.place(other) == self.place(one)

    def counts(self, one: BackupFacts) -> bool:
        return one.good and not one.foreign and not self.future(one)

    def future(self, one: BackupFacts) -> bool:
        return one.at > self.now or one.finished_at > self.now


def kept(verdicts: Sequence[RetentionVerdict]) -> set[str]:
    return {verdict.backup_id for verdict in verdicts if verdict.kept}


NOWS = st.integers(-100, 20_000).map(lambda hours: BEGINNING + timedelta(hours=hours))


@settings(max_examples=2500)
@given(repositories(), st.lists(SCOPED, max_size=3), NOWS)
def test_the_rules_are_those_of_the_model(
    facts: list[BackupFacts], policies: list[ScopedPolicy], now: datetime
) -> None:
    verdicts = decide(facts, policies, now)
    assert [verdict.backup_id for verdict in verdicts] == [one.id for one in reversed(facts)]
    assert kept(verdicts) == Model(facts, policies, now).kept()
    assert all(verdict.rules and verdict.reasons for verdict in verdicts)


@settings(max_examples=300)
@given(repositories(), st.lists(SCOPED, max_size=3), NOWS)
def test_what_is_never_deleted(facts: list[BackupFacts], policies: list[ScopedPolicy], now: datetime) -> None:
    staying = kept(decide(facts, policies, now))
    going = [one for one in facts if one.id not in staying]
    assert not [one.id for one in going if one.pinned or one.foreign or one.at > now]
    assert not [one.id for one in facts if one.id in staying and one.base is not None and one.base not in staying]
    for one in (each for each in going if each.good):
        alike = [other for other in facts if other.id in staying and other.like == one.like and other.counts(now)]
        assert alike  # another that stands in for it
        assert any(other.proven for other in alike) or not one.proven


@settings(max_examples=300)
@given(repositories(), st.lists(SCOPED, max_size=3), st.integers(0, 200_000))
def test_time_that_passes_without_backups_takes_nothing(
    facts: list[BackupFacts], policies: list[ScopedPolicy], hours: int
) -> None:
    """The clock jumps ahead, or nobody looks for years: no backup is older than it was beside the newest."""
    now = max((one.finished_at for one in facts), default=BEGINNING)
    assert kept(decide(facts, policies, now + timedelta(hours=hours))) == kept(decide(facts, policies, now))


@settings(max_examples=300)
@given(repositories(), POLICIES, NOWS, st.integers(0, 10_000))
def test_a_clock_that_was_put_back_takes_nothing(
    facts: list[BackupFacts], policy: RetentionPolicy, now: datetime, hours: int
) -> None:
    policies = [ScopedPolicy(policy=msgspec.structs.replace(policy, days=policy.kept_days, max_bytes=None))]
    assert kept(decide(facts, policies, now)) <= kept(decide(facts, policies, now - timedelta(hours=hours)))


@settings(max_examples=300)
@given(repositories(), POLICIES, NOWS)
def test_backups_that_fail_take_nothing(facts: list[BackupFacts], policy: RetentionPolicy, now: datetime) -> None:
    policies = [ScopedPolicy(policy=msgspec.structs.replace(policy, max_bytes=None))]
    good = [one for one in facts if one.good]
    assert kept(decide(good, policies, now)) <= kept(decide(facts, policies, now))


@settings(max_examples=300)
@given(repositories(), st.lists(SCOPED, max_size=3), NOWS)
def test_no_moment_leaves_a_backup_without_its_base(
    facts: list[BackupFacts], policies: list[ScopedPolicy], now: datetime
) -> None:
    verdicts = decide(facts, policies, now)
    left = {one.id: one.base for one in facts}
    for backup_id in deletion_order(verdicts, facts):
        del left[backup_id]
        assert backup_id not in left.values()
    assert set(left) == kept(verdicts)


def backup(day: int, **more: object) -> BackupFacts:
    at = BEGINNING + timedelta(days=day, hours=2)
    plain = BackupFacts(id=f"day-{day:03}", database="crm", source="crm", at=at, finished_at=at, bytes=10)
    return msgspec.structs.replace(plain, **more)


def verdict_of(day: int, facts: Sequence[BackupFacts], policy: RetentionPolicy) -> RetentionVerdict:
    verdicts = decide(facts, [ScopedPolicy(policy=policy)], BEGINNING + timedelta(days=400))
    return next(verdict for verdict in verdicts if verdict.backup_id == f"day-{day:03}")


YEAR = [backup(day) for day in range(365)]


@pytest.mark.parametrize(
    ("policy", "day", "rule", "words"),
    [
        (RetentionPolicy(), 334, "days", "30 days older than the newest; 30 are kept"),
        (RetentionPolicy(), 333, "expired", "no rule keeps it: 30 days"),
        (RetentionPolicy(count=3), 362, "count", "number 3 of the newest 3"),
        (RetentionPolicy(count=3), 361, "expired", "no rule keeps it: the newest 3"),
        (RetentionPolicy(daily=7), 358, "daily", "the last one of 2026-12-25 (daily 7 of 7)"),
        (RetentionPolicy(weekly=2), 360, "weekly", "the last one of week 52 of 2026 (weekly 2 of 2)"),
        (RetentionPolicy(monthly=12), 30, "monthly", "the last one of 2026-01 (monthly 12 of 12)"),
        (RetentionPolicy(monthly=12), 29, "expired", "no rule keeps it: 12 monthly"),
        (RetentionPolicy(yearly=1), 364, "last_valid", "the last valid backup of crm"),
        (RetentionPolicy(max_bytes=25), 0, "max_bytes", "all together would take 3,650 bytes, and 25 are allowed"),
    ],
)
def test_each_verdict_says_which_rule(policy: RetentionPolicy, day: int, rule: str, words: str) -> None:
    verdict = verdict_of(day, YEAR, policy)
    assert (verdict.rules[0], verdict.reasons[0]) == (rule, words)


def test_a_limit_of_size_spares_what_builds_on_a_base() -> None:
    chain = [backup(0), *(backup(day, base="day-000", bytes=1) for day in range(1, 6)), backup(6, pinned=True)]
    kept_days = [one.id for one in chain if verdict_of(int(one.id[4:]), chain, RetentionPolicy(max_bytes=22)).kept]
    assert kept_days == ["day-000", "day-004", "day-005", "day-006"]


def test_the_base_of_a_kept_one_says_who_needs_it() -> None:
    chain = [backup(0), backup(50, base="day-000")]
    verdict = verdict_of(0, chain, RetentionPolicy(days=3))
    assert (verdict.rules, verdict.reasons) == (("needed",), ("day-050 builds on it",))


def test_backups_of_tables_do_not_push_out_those_of_the_whole() -> None:
    facts = [backup(0), *(backup(day, series="part orders") for day in range(1, 9))]
    assert verdict_of(0, facts, RetentionPolicy(count=2)).kept
    assert not verdict_of(6, facts, RetentionPolicy(count=2)).kept


def test_a_schedule_that_stopped_ages_with_those_that_go_on() -> None:
    facts = [backup(0, schedule="hourly"), backup(100, schedule="daily")]
    policies = [ScopedPolicy(policy=RetentionPolicy(days=7), schedule=name) for name in ("hourly", "daily")]
    assert kept(decide(facts, policies, BEGINNING + timedelta(days=101))) == {"day-100"}


def test_an_unknown_time_zone_is_no_policy() -> None:
    for name in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(ValueError, match="no time zone"):
            RetentionPolicy(timezone=name)
