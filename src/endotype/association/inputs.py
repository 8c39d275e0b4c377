"""What a user may give to the tests of sets, read once before any job to find its faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from endotype.association.masks import mask_rules
from endotype.association.set_files import AnyVariant
from endotype.association.set_input import read_sets


def set_readers(section: Mapping[str, Any]) -> list[Callable[[], object]]:
    """Calls that check the masks, and the set file if there is one; each raises InputError."""
    path = section["set_file"]
    return [partial(mask_rules, section), *([partial(check_set_file, path)] if path else [])]


def check_set_file(path: str | Path) -> None:
    """Read a set file whose genotypes are not at hand yet.

    Raises:
        InputError: every fault but variants that the genotypes lack.
    """
    read_sets(path, AnyVariant())
