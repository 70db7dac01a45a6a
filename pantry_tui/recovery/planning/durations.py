"""How long a recovery is expected to take, by rates that were measured: never by a constant.

What was measured on the same server serves best, then drills on this machine, then a probe, then how long the backup itself
took. Each comes with a range that is wider the less it says.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from pantry_tui.models import Estimate, Measurement, PlannedPhase, RecoveryWay

MOST_USED = 5  # measurements, those nearest in size
LEAST_SHARE = 0.1  # of the bytes, below which a measurement says nothing of the rate
# Their time goes with the number of tables; that of all others with the bytes.
_BY_TABLES = frozenset({"create", "pre-data", "post-data", "finish"})
_NOT_OURS = "server"  # a drill's: starting one
_WHOLE = (RecoveryWay.NEW, RecoveryWay.SIDE_BY_SIDE)


class Work(NamedTuple):
    """How much is to be done. ``indexed_rows``: rows times the indexes over them; ``rows_now``: in tables that are exchanged.

    ``statements`` make what is not rows: entries of the archive. Of a whole database ``rows_now`` says nothing.
    """

    way: RecoveryWay
    raw_bytes: int
    stored_bytes: int
    rows: int
    indexed_rows: int
    tables: int
    jobs: int
    rows_now: int = 0
    statements: int = 0


class Rates(NamedTuple):
    """What a probe measured: bytes or rows a second, one connection or process at work. None: it could not be tried."""

    check: float | None  # stored bytes, read and hashed
    unpack: float | None  # bytes of rows' text
    load: float  # bytes of rows' text, by COPY
    indexing: float  # rows, into one index
    scan: float  # bytes of rows' text, fingerprinted
    statement: float  # seconds, of one that makes a table
    beginning: float = 0.0  # seconds, of connecting and reading the archive's contents: however few rows there are


def from_history(work: Work, server: str, measurements: Sequence[Measurement]) -> Estimate | None:
    """By earlier recoveries and drills on this server, of the same way; None where none of them was large enough."""
    own = [each for each in measurements if each.server == server and not each.private and _is_alike(work, each)]
    used = _nearest(work, own)
    if not used:
        return None
    margin = _margin(work, used)
    latest = max(used, key=lambda each: each.at)
    words = f"{_counted(len(used), 'recovery', 'recoveries')} on this server, the latest on {latest.at:%Y-%m-%d}"
    return _scaled(work, used, source="history", margin=margin, words=words)


def from_drills(work: Work, measurements: Sequence[Measurement]) -> Estimate | None:
    """By drills on private servers of this machine, which sync nothing to the disk: so the range is wider."""
    used = _nearest(work, [each for each in measurements if each.private and _is_alike(work, each)])
    if not used:
        return None
    words = f"{_counted(len(used), 'drill', 'drills')} on a private server of this machine"
    return _scaled(work, used, source="drills", margin=_margin(work, used) * 1.5, words=words)


def from_probe(work: Work, rates: Rates, *, backup_seconds: float) -> Estimate:
    """By a probe. How well workers share the server is not known: from not at all to perfectly.

    Starting tools, making and syncing files take their time whatever the rows; a probe does not show it, but what the backup
    took has the like of it.
    """
    alone, together = _probed(work, rates, 1), _probed(work, rates, work.jobs)
    phases = tuple(PlannedPhase(name=name, seconds=round(math.sqrt(alone[name] * together[name]), 3)) for name in alone)
    words = [f"COPY {_rate(rates.load)}", f"index {rates.indexing:,.0f} rows/s", f"compare {_rate(rates.scan)}"]
    words.append(f"{1000 * rates.statement:,.1f} ms a statement")
    words += [f"unpack {_rate(rates.unpack)}"] if rates.unpack is not None else []
    words += [f"check {_rate(rates.check)}"] if rates.check is not None else []
    least = sum(together.values()) / 2
    most = sum(alone.values()) * 2 + backup_seconds * 2
    return Estimate(
        seconds=round(math.sqrt(least * most), 3),
        least=round(least, 3),
        most=round(most, 3),
        source="probe",
        confidence="rough",
        rates=(f"a probe of this server, with rows made up for it: {', '.join(words)}",),
        phases=phases,
    )


def from_backup(work: Work, *, seconds: float, raw_bytes: int) -> Estimate | None:
    """By the time that taking the backup took: a restore has to do no less, and builds the indexes too."""
    if seconds <= 0:
        return None
    share = work.raw_bytes / raw_bytes if raw_bytes else 1.0
    taken = seconds * share * (2 if work.way is RecoveryWay.BESIDE else 1)  # rows travel twice
    return Estimate(
        seconds=round(taken * 3, 3),
        least=round(taken, 3),
        most=round(taken * 10, 3),
        source="backup",
        confidence="rough",
        rates=(f"the backup was taken in {seconds:,.1f} s; nothing was measured of restores on this server",),
    )


def judged(estimate: Estimate, rto_seconds: float | None) -> Estimate:
    """The estimate beside the objective."""
    return msgspec.structs.replace(estimate, rto_seconds=rto_seconds, within_rto=within(estimate, rto_seconds))


def within(estimate: Estimate, rto_seconds: float | None) -> bool | None:
    """Whether the objective is met: True and False are sure of the whole range; None is neither, or there is none."""
    if rto_seconds is None:
        return None
    if estimate.most <= rto_seconds:
        return True
    return False if estimate.least > rto_seconds else None


def _probed(work: Work, rates: Rates, workers: int) -> dict[str, float]:
    """The seconds of each phase, with so many workers that do not hinder each other."""
    flow = min(rates.load, rates.unpack or math.inf)
    check = rates.beginning + (work.stored_bytes / rates.check if rates.check else 0.0)
    indexing = work.indexed_rows / rates.indexing
    if work.way is not RecoveryWay.IN_PLACE:
        rows = (work.raw_bytes / flow + indexing) / workers
        phases = {
            "check": check,
            "pre-data": work.statements * rates.statement,
            "rows": rows,
            "verify": work.raw_bytes / rates.scan / workers,
        }
        if work.way is RecoveryWay.BESIDE:  # from the working database into the other, by one connection
            phases["carry"] = work.raw_bytes / rates.load + indexing + work.raw_bytes / rates.scan * 2
        return phases
    # One connection does it all. From comparing both sides, where little differs, to writing every row.
    share = work.rows_now / work.rows if work.rows else 1.0
    comparing = work.raw_bytes * (1 + share) / rates.scan
    writing = work.raw_bytes * (1 + share) / rates.load + indexing
    exchange = comparing if workers > 1 else comparing + writing
    return {"check": check, "stage": work.raw_bytes / flow, "exchange": exchange, "verify": comparing}


def _is_alike(work: Work, measurement: Measurement) -> bool:
    ways = _WHOLE if work.way in _WHOLE else (work.way,)
    return measurement.way in ways and measurement.raw_bytes >= work.raw_bytes * LEAST_SHARE


def _nearest(work: Work, measurements: Iterable[Measurement]) -> list[Measurement]:
    return sorted(measurements, key=lambda each: (_distance(work, each), -each.at.timestamp()))[:MOST_USED]


def _distance(work: Work, measurement: Measurement) -> float:
    """How many times larger one of the two is than the other."""
    sizes = sorted((max(1, work.raw_bytes), max(1, measurement.raw_bytes)))
    return sizes[1] / sizes[0]


def _margin(work: Work, used: Sequence[Measurement]) -> float:
    """By how much the range is wider than what was measured, which differs from time to time."""
    farthest = max(_distance(work, each) for each in used)
    margin = 1.25 if len(used) >= 3 else 1.5
    return margin if farthest <= 2 else margin * math.sqrt(farthest)


def _scaled(work: Work, used: Sequence[Measurement], *, source: str, margin: float, words: str) -> Estimate:
    each = [_phases(work, measurement) for measurement in used]
    totals = [sum(phases.values()) for phases in each]
    names = dict.fromkeys(name for phases in each for name in phases)
    phases = tuple(
        PlannedPhase(name=name, seconds=round(statistics.median(one.get(name, 0.0) for one in each), 3))
        for name in names
    )
    confidence = "good" if margin <= 1.25 else "fair" if margin <= 2 else "rough"
    return Estimate(
        seconds=round(statistics.median(totals), 3),
        least=round(min(totals) / margin, 3),
        most=round(max(totals) * margin, 3),
        source=source,
        confidence=confidence,
        rates=(words, *_rates(used)),
        phases=phases,
    )


def _phases(work: Work, measurement: Measurement) -> dict[str, float]:
    by_bytes = work.raw_bytes / max(1, measurement.raw_bytes)
    by_tables = work.tables / max(1, measurement.tables)
    return {
        name: seconds * (by_tables if name in _BY_TABLES else by_bytes)
        for name, seconds in measurement.phases.items()
        if name != _NOT_OURS
    }


def _rates(used: Sequence[Measurement]) -> Iterable[str]:
    for name, title in (
        ("rows", "rows and indexes"), ("stage", "bringing rows"), ("exchange", "exchanging"), ("verify", "comparing")
    ):  # fmt: skip
        found = [each.raw_bytes / each.phases[name] for each in used if each.phases.get(name)]
        if found:
            yield f"{title} {_rate(statistics.median(found))}"


def _rate(number: float) -> str:
    return f"{number / 1e6:,.1f} MB/s" if number >= 1e5 else f"{number / 1e3:,.1f} kB/s"


def _counted(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
