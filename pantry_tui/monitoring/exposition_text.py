"""Prometheus's text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from pantry_tui.escaping import escape

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricType(StrEnum):
    """What Prometheus is told of how a value behaves."""

    GAUGE = "gauge"  # goes up and down
    COUNTER = "counter"  # goes up, and begins anew at 0


class Definition(NamedTuple):
    """One metric: its name, what it means in a sentence, and the labels that each of its values has."""

    name: str
    type: MetricType
    help: str
    labels: tuple[str, ...] = ()


class Sample(NamedTuple):
    """One value of a metric. A label that is None is left empty, which Prometheus takes for absent."""

    labels: Mapping[str, str | None]
    value: float


class Family(NamedTuple):
    """A metric with its values."""

    definition: Definition
    samples: tuple[Sample, ...]


def exposition_text(families: Iterable[Family]) -> str:
    """The families that have any value, as text; names of others can neither end a line nor steer a terminal."""
    lines: list[str] = []
    for definition, samples in families:
        if samples:
            lines.append(f"# HELP {definition.name} {_help(definition.help)}")
            lines.append(f"# TYPE {definition.name} {definition.type}")
            lines += [f"{definition.name}{_labels(definition, sample)} {_value(sample.value)}" for sample in samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(definition: Definition, sample: Sample) -> str:
    pairs = [f'{name}="{_quoted(sample.labels.get(name) or "")}"' for name in definition.labels]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _quoted(value: str) -> str:
    """What would steer a terminal is made visible; a backslash is doubled before that, so that no two names become one."""
    visible = escape(value.replace("\\", r"\\"))
    return visible.replace("\\", r"\\").replace('"', r"\"")


def _help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _value(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))
