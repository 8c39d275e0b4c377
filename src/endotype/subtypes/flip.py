"""The smallest change of what was observed that would change the call.

Only values that were seen are moved, each to a plausible one: a binary feature to its other value, a
category to another level, a measurement or a count to the mean of another group, and of a measurement the
nearest value on the way there that suffices is told, in recorded units. All single moves are tried, then all
pairs (of very many moves, the pairs of those with the most effect), then moves are added greedily. A change
of the call is another subtype or no call for a called patient, and a call for one who is not called. It says
what the call rests on, not what would happen to the patient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from endotype.subtypes.calls import Calls, decide
from endotype.subtypes.kernels import BINARY, CATEGORY, COUNT, GAUSSIAN
from endotype.subtypes.mixture import Data
from endotype.subtypes.model import SubtypeModel

MAX_SIZE = 4
"""Features in the largest set that is looked for."""

MAX_PAIRS = 5000
MAX_SETS = 3
"""Sets of the smallest size that are told."""

_BISECTIONS = 20
UNMOVABLE = ("failed_qc", "insufficient_data", "out_of_reference")
"""Reasons that no other value of a seen feature removes."""


@dataclass(frozen=True)
class Move:
    """New model values of the columns of one feature."""

    block: int
    columns: tuple[int, ...]
    values: tuple[float, ...]


Moves = tuple[Move, ...]


@dataclass(frozen=True)
class Flip:
    """Moves that together change the outcome, and to what: a subtype's name, or a reason against a call."""

    moves: Moves
    outcome: str


def flips(model: SubtypeModel, data: Data, failed: bool, ancestry: str) -> list[Flip]:
    """The smallest sets of moves that change the outcome of one patient; none if there are none.

    Args:
        model: a model with two groups or more.
        data: model values of the patient, n = 1.
        failed: whether quality control failed.
        ancestry: status of the patient's ancestry.
    """
    search = _Search(model, data, failed, ancestry)
    if search.start in UNMOVABLE:
        return []
    moves = _moves(model, data)
    if not moves:
        return []
    outcomes, effect = search.outcomes([(m,) for m in moves])
    found: list[Moves] = [(m,) for m, o in zip(moves, outcomes, strict=True) if search.flipped(o)]
    if not found:
        order = np.argsort(-effect, kind="stable")
        most = int((1 + (1 + 8 * MAX_PAIRS) ** 0.5) / 2)
        strongest = [moves[i] for i in order[:most]]
        pairs: list[Moves] = [
            (a, b) for i, a in enumerate(strongest) for b in strongest[i + 1 :] if a.block != b.block
        ]
        if pairs:
            outcomes, effect = search.outcomes(pairs)
            found = [pair for pair, o in zip(pairs, outcomes, strict=True) if search.flipped(o)]
            best = pairs[int(effect.argmax())]
            for _ in range(2, MAX_SIZE):
                if found:
                    break
                larger: list[Moves] = [
                    (*best, m) for m in strongest if m.block not in {b.block for b in best}
                ]
                if not larger:
                    break
                outcomes, effect = search.outcomes(larger)
                found = [sets for sets, o in zip(larger, outcomes, strict=True) if search.flipped(o)]
                best = larger[int(effect.argmax())]
    nearest = [search.nearest(chosen) for chosen in found]
    nearest = sorted(nearest, key=lambda sets: search.distance(sets))
    kept: list[Moves] = []
    for chosen in nearest:
        if not any({m.block for m in chosen} == {m.block for m in other} for other in kept):
            kept.append(chosen)
    outcomes, _ = search.outcomes(kept[:MAX_SETS])
    return [Flip(chosen, outcome) for chosen, outcome in zip(kept, outcomes, strict=False)]


class _Search:
    """Outcomes of one patient with some values moved."""

    def __init__(self, model: SubtypeModel, data: Data, failed: bool, ancestry: str) -> None:
        self.model, self.data = model, data
        self.failed, self.ancestry = failed, ancestry
        (self.start,), _ = self._decide(data)
        self.called = self.start in model.names

    def _decide(self, data: Data) -> tuple[list[str], Calls]:
        n = data.n
        calls = decide(self.model, data, np.full(n, self.failed), np.full(n, self.ancestry))
        names = self.model.names
        return [str(r) or names[b] for r, b in zip(calls.reason, calls.best, strict=True)], calls

    def outcomes(self, sets: list[Moves]) -> tuple[list[str], np.ndarray]:
        """The outcome of each set of moves, and how far it goes, larger for nearer to a flip."""
        if not sets:
            return [], np.empty(0)
        moved = self.data.rows(np.zeros(len(sets), np.int64))
        x = moved.x.copy()
        for i, chosen in enumerate(sets):
            for move in chosen:
                x[i, list(move.columns)] = move.values
        result, calls = self._decide(replace(moved, x=x))
        if self.called:
            return result, -calls.posterior[:, self.model.names.index(self.start)]
        return result, calls.posterior.max(axis=1) + calls.typicality.max(axis=1)

    def flipped(self, outcome: str) -> bool:
        """Whether an outcome is another call, or a call where there was none."""
        return outcome != self.start if self.called else outcome in self.model.names

    def nearest(self, chosen: Moves) -> Moves:
        """A single move of a measurement cut to the least that flips, by bisection; others as they are."""
        if len(chosen) != 1 or self.data.kind[chosen[0].columns[0]] != GAUSSIAN:
            return chosen
        (move,) = chosen
        column, now = move.columns[0], float(self.data.x[0, move.columns[0]])
        low, high = 0.0, 1.0
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            tried = Move(move.block, (column,), (now + middle * (move.values[0] - now),))
            if self.flipped(self.outcomes([(tried,)])[0][0]):
                high = middle
            else:
                low = middle
        return (Move(move.block, (column,), (now + high * (move.values[0] - now),)),)

    def distance(self, chosen: Moves) -> float:
        """How far values move, in model units; binary features and categories count 1."""
        total = 0.0
        for move in chosen:
            kind, now = self.data.kind[move.columns[0]], self.data.x[0, move.columns[0]]
            far = abs(move.values[0] - now)
            total += 1.0 if kind in (BINARY, CATEGORY) else float(np.log1p(far) if kind == COUNT else far)
        return total


def _moves(model: SubtypeModel, data: Data) -> list[Move]:
    moves: list[Move] = []
    for block in np.unique(data.block):
        columns = np.flatnonzero(data.block == block)
        j = int(columns[0])
        if not data.seen[0, j]:
            continue
        now = float(data.x[0, j])
        if data.kind[j] == CATEGORY:
            level = int(data.x[0, columns].argmax())
            others = [row for i, row in enumerate(np.eye(len(columns))) if i != level]
            moves += [Move(int(block), tuple(columns.tolist()), tuple(row.tolist())) for row in others]
        elif data.kind[j] == BINARY:
            moves.append(Move(int(block), (j,), (1.0 - now,)))
        else:
            means = model.mixture.location[:, j]
            targets = {float(np.round(m)) if data.kind[j] == COUNT else float(m) for m in means} - {now}
            moves += [Move(int(block), (j,), (target,)) for target in sorted(targets)]
    return moves


def described(model: SubtypeModel, data: Data, raw: pd.Series, move: Move) -> str:
    """A move in recorded units, as ``feature before -> after unit``.

    Args:
        model: the model.
        data: model values of the patient, n = 1.
        raw: the recorded values that ``data`` was made from, by feature.
        move: the new model values.
    """
    direct = model.transform.direct
    if move.block >= len(direct):
        name = model.transform.columns[move.columns[0]]
        return f"{name} {data.x[0, move.columns[0]]:.3g} -> {move.values[0]:.3g} (component)"
    scale = direct[move.block]
    if scale.kind == "category":
        return f"{scale.name} {raw[scale.name]} -> {scale.levels[int(np.argmax(move.values))]}"
    limits = model.ranges.get(scale.name)
    unit = f" {limits.unit}" if limits is not None and limits.unit else ""
    after = recorded_value(model, data, float(raw[scale.name]), move)
    return f"{scale.name} {float(raw[scale.name]):g} -> {after:.4g}{unit}"


def recorded_value(model: SubtypeModel, data: Data, raw: float, move: Move) -> float:
    """A move of a feature with one column in recorded units; ``raw`` is what was recorded."""
    (column,) = move.columns
    if data.kind[column] != GAUSSIAN:
        return move.values[0]
    scale = model.transform.direct[move.block]
    now = np.log(raw) if scale.transform == "log" else raw
    # What confounders took off stays off.
    then = now + scale.scale * (move.values[0] - float(data.x[0, column]))
    return float(np.exp(then)) if scale.transform == "log" else float(then)
