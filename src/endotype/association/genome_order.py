"""The order of chromosomes that people expect, whatever the order of the file."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from endotype.cohort.assembly import bare_name

_SEX = {"X": 0, "Y": 1, "XY": 2, "PAR1": 2, "PAR2": 3, "MT": 4}


def in_genome_order(chromosomes: Iterable[str]) -> list[str]:
    """Names once each: 1 to 22 as numbers, X, Y, MT, then others by name, numbers in them as numbers."""
    return sorted(dict.fromkeys(chromosomes), key=_key)


def genome_rank(chrom: pd.Series) -> np.ndarray:
    """The place of each row's chromosome in :func:`in_genome_order` of all of them, int64."""
    codes, names = pd.factorize(chrom)
    place = {name: i for i, name in enumerate(in_genome_order(names))}
    return np.array([place[name] for name in names], np.int64)[codes]


def _key(name: str) -> tuple[int, int, tuple[tuple[int, int, str], ...], str]:
    bare = bare_name(name)
    if bare.isascii() and bare.isdigit():
        return 0, int(bare), (), name
    if bare.upper() in _SEX:
        return 1, _SEX[bare.upper()], (), name
    parts = re.findall(r"[0-9]+|[^0-9]+", bare)
    return 2, 0, tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts), name
