"""Files of later stages that are read once before any job, so that their faults stand on the same page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from endotype.annotation.acmg.inputs import table_readers
from endotype.association.inputs import set_readers
from endotype.association.prediction_list import prediction_readers
from endotype.cohort.report_settings import report_readers
from endotype.engine import engine_readers
from endotype.subtypes.views.settings import view_readers
from endotype.targets.inputs import target_readers


def later_readers(config: Mapping[str, Any]) -> list[Callable[[], object]]:
    """Calls that read them; each raises InputError."""
    association = config["association"]
    return [
        *table_readers(config["acmg"]),
        *set_readers(association),
        *prediction_readers(association),
        *view_readers(config),
        *target_readers(config["targets"]),
        *report_readers(config),
        *engine_readers(config["engine"]),
    ]
