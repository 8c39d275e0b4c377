"""The tables of a user that this stage reads, for a check before any job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from endotype.targets.credible import read_credible_sets
from endotype.targets.diseases import read_diseases
from endotype.targets.findings import read_alterations, read_hotspots


def target_readers(section: Mapping[str, Any]) -> list[Callable[[], object]]:
    """Calls that read the tables of the configuration's ``targets``; each raises InputError."""
    readers: dict[str, Callable[[str], object]] = {
        "diseases": read_diseases,
        "hotspots": read_hotspots,
        "alterations": read_alterations,
        "credible_sets": read_credible_sets,
    }
    return [partial(read, section[name]) for name, read in readers.items() if section[name]]
