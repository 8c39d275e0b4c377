"""A discovery and a replication half that are fixed before anything is tested."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from endotype.association.design import Design, describe
from endotype.errors import input_error

DISCOVERY, REPLICATION = "discovery", "replication"

_RANGE = 2**64


@dataclass(frozen=True)
class Split:
    """How people are split.

    Attributes:
        salt: text that the ids are hashed with; another salt is another split.
        discovery: share of people in discovery, between 0 and 1.
    """

    salt: str
    discovery: float

    def __post_init__(self) -> None:
        """Refuse a split that is none."""
        if not 0 < self.discovery < 1:
            raise input_error(
                "config", f"a discovery share of {self.discovery:g}", "a number between 0 and 1"
            )
        if not self.salt:
            raise input_error("config", "an empty salt for the split", "any text that is kept unchanged")

    def part(self, patient: str) -> str:
        """``discovery`` or ``replication``.

        The first eight bytes of SHA-256 over ``salt``, a NUL and the id, as a number, are compared with the
        share. So nobody moves when others join or leave, and the order of people plays no role.
        """
        digest = hashlib.sha256(f"{self.salt}\0{patient}".encode()).digest()
        return DISCOVERY if int.from_bytes(digest[:8], "big") < self.discovery * _RANGE else REPLICATION

    def parts(self, patients: Iterable[str]) -> np.ndarray:
        """The part of each patient, an array of text."""
        return np.array([self.part(p) for p in patients], dtype=object)


def take_part(design: Design, split: Split, part: str) -> Design:
    """The design restricted to one part; the other people keep their rows with ``in_analysis`` false.

    Covariates and traits are judged anew, because what varies in everybody may be constant in a part. Take
    relatives out before the split: a pair across the parts would make replication easier than it is.

    Returns:
        A design whose ``info`` has ``split``: ``part salt discovery rule n_discovery n_replication``, the
        numbers among the people in the analysis.

    Raises:
        InputError: no such part.
    """
    if part not in (DISCOVERY, REPLICATION):
        raise input_error("config", f"the part '{part}'", f"{DISCOVERY} or {REPLICATION}")
    parts = split.parts(design.frame["patient"].astype(str))
    analysed = design.frame["in_analysis"].to_numpy(bool)
    frame = design.frame.assign(in_analysis=analysed & (parts == part))
    info = describe(frame, _kinds(design.info), _covariates(design), design.info["notes"])
    excluded = dict(design.info["samples"]["excluded"])
    other = REPLICATION if part == DISCOVERY else DISCOVERY
    n_part = {p: int((analysed & (parts == p)).sum()) for p in (DISCOVERY, REPLICATION)}
    excluded[f"in the {other} part"] = n_part[other]
    info["samples"] |= {
        "excluded": excluded,
        "relatives_left_out": design.info["samples"]["relatives_left_out"],
    }
    info["split"] = {
        "part": part,
        "salt": split.salt,
        "discovery": split.discovery,
        "rule": "SHA-256 of salt, NUL and patient id, first 8 bytes as a share of 2^64",
        "n_discovery": n_part[DISCOVERY],
        "n_replication": n_part[REPLICATION],
    }
    return Design(frame, info)


def _kinds(info: dict[str, Any]) -> dict[str, str]:
    """The model, or the reason why not, of each trait."""
    return {name: trait["type"] for name, trait in info["traits"].items()} | dict(info["not_assessed"])


def _covariates(design: Design) -> list[str]:
    """All covariates, those with precedence first."""
    known = [*design.info["covariates"]["kept"], *design.info["covariates"]["dropped"]]
    return [c for c in design.frame.columns if c in set(known)]
