"""What the chapters of a report are set from."""

from __future__ import annotations

from dataclasses import dataclass

from endotype.reports.blocks import (
    Block,
    text,
)
from endotype.reports.inputs import Row
from endotype.reports.language import N_, _


@dataclass(frozen=True)
class Context:
    """A report, its claims by id and the colours of its subtypes."""

    report: Row
    claims: dict[str, Row]
    colours: dict[str, str]


FAILED = N_("The genotypes failed quality control: nothing in this chapter is more than uncertain.")


def failed(context: Context) -> list[Block]:
    """A warning at the top of a chapter that rests on genotypes that failed quality control."""
    return [text(_(FAILED), "alarm")] if context.report["quality"]["verdict"] == "fail" else []
