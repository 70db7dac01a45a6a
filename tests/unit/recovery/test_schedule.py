"""Work on a database is handed out as soon as it can begin, and never so that two workers block each other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.errors import InternalError
from pantry_tui.recovery.loading import RunStatement
from pantry_tui.recovery.schedule import Work, WorkSchedule


def work(
    number: int,
    *,
    needs: Iterable[int] = (),
    exclusive: Iterable[int] = (),
    shared: Iterable[int] = (),
    weight: int = 0,
) -> Work:
    return Work(
        number=number,
        command=RunStatement(statement=str(number), doing=""),
        needs=frozenset(needs),
        exclusive=frozenset(exclusive),
        shared=frozenset(shared),
        weight=weight,
        rank=(0, -weight),
    )


async def taken(schedule: WorkSchedule) -> Work:
    found = await schedule.take()
    assert found is not None
    return found


async def test_heaviest_first_and_none_at_the_end() -> None:
    schedule = WorkSchedule([work(1, weight=1), work(2, weight=3), work(3, weight=2)])
    order = []
    while (next_one := await schedule.take()) is not None:
        order.append(next_one.number)
        schedule.done(next_one)
    assert order == [2, 3, 1]


async def test_what_needs_another_waits_for_it() -> None:
    schedule = WorkSchedule([work(1, needs=[2], weight=9), work(2)])
    first = await taken(schedule)
    assert first.number == 2
    waiting = asyncio.ensure_future(schedule.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    schedule.done(first)
    assert await waiting == work(1, needs=[2], weight=9)


async def test_exclusive_work_waits_while_shared_work_runs_together() -> None:
    schedule = WorkSchedule([work(1, shared=[7]), work(2, shared=[7]), work(3, exclusive=[7])])
    readers = [await taken(schedule), await taken(schedule)]
    waiting = asyncio.ensure_future(schedule.take())
    for reader in readers:
        await asyncio.sleep(0)
        assert not waiting.done()
        schedule.done(reader)
    assert (await waiting) == work(3, exclusive=[7])


async def test_a_cycle_is_an_error_and_not_a_hang() -> None:
    with pytest.raises(InternalError, match="2 steps"):
        await WorkSchedule([work(1, needs=[2]), work(2, needs=[1])]).take()


tables = st.frozensets(st.integers(0, 4), max_size=3)


@given(locks=st.lists(st.tuples(tables, tables), max_size=12), workers=st.integers(1, 4), data=st.data())
def test_every_order_ends_and_no_two_locks_conflict(
    locks: list[tuple[frozenset[int], frozenset[int]]], workers: int, data: st.DataObject
) -> None:
    works = [
        work(
            number,
            needs=data.draw(st.frozensets(st.integers(0, number - 1), max_size=2)) if number else (),
            exclusive=exclusive,
            shared=shared - exclusive,
        )
        for number, (exclusive, shared) in enumerate(locks)
    ]

    async def run() -> list[int]:
        schedule = WorkSchedule(works)
        running: list[Work] = []
        finished: list[int] = []

        async def worker() -> None:
            while (one := await schedule.take()) is not None:
                assert one.needs <= set(finished)
                for other in running:
                    assert not one.exclusive & (other.exclusive | other.shared)
                    assert not one.shared & other.exclusive
                running.append(one)
                await asyncio.sleep(0)
                running.remove(one)
                finished.append(one.number)
                schedule.done(one)

        await asyncio.gather(*(worker() for _ in range(workers)))
        return finished

    assert sorted(asyncio.run(run())) == list(range(len(works)))
