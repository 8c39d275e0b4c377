"""The tables that a user may give to the classification, read once before any job to find their faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from endotype.annotation.acmg.overrides import read_overrides
from endotype.annotation.acmg.regions import read_regions
from endotype.annotation.acmg.settings import read_settings, read_thresholds

TABLES = {"thresholds": read_thresholds, "regions": read_regions, "overrides": read_overrides}


def settings_of(section: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of the configuration's section ``acmg``, without its tables."""
    return {name: value for name, value in section.items() if name not in TABLES}


def table_readers(section: Mapping[str, Any]) -> list[Callable[[], object]]:
    """Calls that read each table of the section ``acmg`` and check its numbers; each raises InputError."""
    given = [partial(read, section[name]) for name, read in TABLES.items() if section[name]]
    return [partial(read_settings, settings_of(section)), *given]
