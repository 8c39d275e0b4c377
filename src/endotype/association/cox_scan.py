"""Cox scores of packed genotypes, block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.association import cox_kernels, cox_scan_kernels, packed_scan_kernels
from endotype.association.cox_risk_sets import RiskSets
from endotype.association.kernels import N_MISSING, N_SUMS
from endotype.association.null_model import Scores
from endotype.association.packed_scan import PART, SPARSE_SHARE, _two_bits
from endotype.association.packed_scan_kernels import PEOPLE_PER_WORD
from endotype.association.panel_sums import PANEL, aligned_zeros


@dataclass(frozen=True)
class CoxRows:
    """What a null Cox model makes of each person; n people, c covariates, D times of events.

    Attributes:
        columns: float64 (c, n), covariates with information I.
        rows: float64 (c + 2, n): ``sum g rows`` is the information between dosage and each covariate, then
            the score (rows of martingale residuals), then the expected events, which belong to ``g^2``.
        squares: float64 (4, D + 1), see :func:`~endotype.association.cox_scan_kernels.square_of_means`.
    """

    columns: np.ndarray
    rows: np.ndarray
    squares: np.ndarray


def cox_rows(sets: RiskSets, covariates: np.ndarray, hazard: np.ndarray, information: np.ndarray) -> CoxRows:
    """Rows of a null model.

    Args:
        sets: of n people.
        covariates: float64 (n, c).
        hazard: float64 (n,).
        information: float64 (c, c), of the covariates, positive definite.
    """
    event, first, last, n_times, efron = sets.arrays
    n, c = covariates.shape
    columns = np.ascontiguousarray(np.linalg.solve(np.linalg.cholesky(information), covariates.T))
    n_events = int(event.sum())
    at, share = np.empty(n_events, np.int64), np.empty(n_events)
    inverse, many, expected = np.empty(n_events), np.empty(n_events), np.empty(n)
    n_slots, _ = cox_kernels.find_slots(
        hazard, np.ones(n), event, first, last, n_times, efron, expected, at, share, inverse, many
    )
    at, share, inverse, many = at[:n_slots], share[:n_slots], inverse[:n_slots], many[:n_slots]

    def by_position(values: np.ndarray) -> np.ndarray:
        return np.append(0.0, np.bincount(at, values, n_times)) if n_times else np.zeros(1)

    squares = np.empty((4, n_times + 1))
    for power in range(3):
        squares[power] = by_position(many * share**power * inverse**2)
    squares[3] = np.cumsum(squares[0])
    rows = np.empty((c + 2, n))
    rows[c], rows[c + 1] = event - expected, expected
    for j in range(c):
        sums = np.empty(n_slots)
        cox_kernels.slot_sums(hazard * columns[j], event, first, last, n_times, at, share, sums)
        until = np.cumsum(by_position(many * sums * inverse**2))
        tied = by_position(share * sums * inverse**2)
        pulled = until[last] - until[first] - np.where(event, tied[last], 0.0)
        rows[j] = expected * columns[j] - hazard * pulled
    return CoxRows(columns, rows, squares)


@dataclass(frozen=True)
class CoxLayout:
    """A null model laid out in the order of the genotype store, and its sums over risk sets by position.

    See :mod:`endotype.association.cox_scan_kernels` for what the arrays are.
    """

    n: int
    n_people: int
    n_covariates: int
    efron: bool
    member: np.ndarray
    case: np.ndarray
    hazard: np.ndarray
    event: np.ndarray
    first: np.ndarray
    last: np.ndarray
    panels: np.ndarray
    columns: np.ndarray
    squares: np.ndarray
    risk: np.ndarray
    tied: np.ndarray
    n_events: np.ndarray
    risk_x: np.ndarray
    tied_x: np.ndarray
    risk_xx: np.ndarray
    tied_xx: np.ndarray
    event_x: np.ndarray


def cox_layout(place: np.ndarray, sets: RiskSets, hazard: np.ndarray, of_people: CoxRows) -> CoxLayout:
    """Lay a null model out.

    Args:
        place: int64 (n_people,), the row of each person of the store in the model, -1 for people not in it.
        sets, hazard, of_people: of the model.
    """
    n, c = len(hazard), len(of_people.columns)
    inside = np.flatnonzero(place >= 0)
    order = place[inside]
    if not np.array_equal(np.sort(order), np.arange(n)):
        raise ValueError(f"{len(order)} people have a place in a model of {n}")
    n_words = -(-len(place) // PEOPLE_PER_WORD)
    size = n_words * PEOPLE_PER_WORD

    def spread(values: np.ndarray) -> np.ndarray:
        found = np.zeros(size, values.dtype)
        found[inside] = values[order]
        return found

    event, first, last, n_times, efron = sets.arrays
    seen = event.astype(bool)
    x = of_people.columns

    def at_risk(values: np.ndarray) -> np.ndarray:
        came = np.bincount(last, values, n_times + 1) - np.bincount(first, values, n_times + 1)
        return np.cumsum(came[::-1])[::-1]

    def tied(values: np.ndarray) -> np.ndarray:
        return np.bincount(last[seen], values[seen], n_times + 1)

    pairs = [(j, q) for j in range(c) for q in range(j + 1)]
    length = n_times + 1
    any_ties = efron and int(seen.sum()) > n_times
    nothing = aligned_zeros(1, 1, PANEL)
    return CoxLayout(
        n,
        len(place),
        c,
        efron,
        _two_bits(inside, n_words),
        _two_bits(inside[seen[order]], n_words),
        spread(hazard),
        spread(event),
        spread(first),
        spread(last),
        _in_panels([spread(row) for row in of_people.rows], size),
        _in_panels([spread(row) for row in x], size),
        of_people.squares,
        at_risk(hazard),
        tied(hazard),
        np.bincount(last[seen], minlength=length),
        _in_panels([at_risk(hazard * row) for row in x], length),
        _in_panels([tied(hazard * row) for row in x], length) if any_ties else nothing,
        _in_panels([at_risk(hazard * x[j] * x[q]) for j, q in pairs], length),
        _in_panels([tied(hazard * x[j] * x[q]) for j, q in pairs], length) if any_ties else nothing,
        _in_panels(list(x[:, seen].sum(axis=1)[:, None]), 1)[:, 0],
    )


def _in_panels(rows: list[np.ndarray], length: int) -> np.ndarray:
    panels = aligned_zeros(max(1, -(-len(rows) // PANEL)), length, PANEL)
    for j, row in enumerate(rows):
        panels[j // PANEL, :, j % PANEL] = row
    return panels


def score_cox_block(words: np.ndarray, layout: CoxLayout, missing: str = "drop") -> Scores:
    """Score and information of a block of variants.

    Args:
        words: of :func:`~endotype.association.packed_scan.as_words`.
        layout: of :func:`cox_layout`.
        missing: ``drop`` leaves people without a genotype out of every risk set, exactly; ``mean`` gives
            them the mean dosage of the called people in the model.

    Returns:
        A variant's numbers are the same bits in any block. Threads may score blocks of their own at once.

    Raises:
        ValueError: the words are of another number of people, or there is no such policy.
    """
    if missing not in ("drop", "mean"):
        raise ValueError(f"missing is '{missing}', not drop or mean")
    if words.shape[1] != len(layout.member):
        raise ValueError(f"{words.shape[1]} words a variant for {len(layout.member)} of the model")
    m, c = len(words), layout.n_covariates
    counts, n_carriers, _ = packed_scan_kernels.count_genotypes(words, layout.member, layout.case)
    apart = (counts[:, N_MISSING] > 0) & (missing == "drop")
    whole = np.flatnonzero(~apart)
    rare = n_carriers[whole] * SPARSE_SHARE < layout.n_people
    sparse, dense = whole[rare], whole[~rare]
    products = aligned_zeros(len(layout.panels), m, PANEL)
    most = int(n_carriers[sparse].max(initial=0))
    packed_scan_kernels.add_carriers(words, layout.member, sparse, layout.panels, c + 1, most, products)
    table, totals = aligned_zeros(16, 16, PANEL), aligned_zeros(min(PART, len(dense)), PANEL)
    for start in range(0, len(dense), PART):
        part = dense[start : start + PART]
        packed_scan_kernels.add_pairs(words, part, layout.panels, c + 1, table, totals[: len(part)], products)
    sums, rank = np.zeros((m, N_SUMS)), np.full(m, c, np.int64)
    of_people = (layout.hazard, layout.event, layout.first, layout.last)
    cox_scan_kernels.score_complete(
        words,
        layout.member,
        whole,
        counts,
        products,
        c,
        *of_people,
        layout.panels,
        layout.squares,
        sums,
    )
    cox_scan_kernels.score_among_called(
        words,
        layout.member,
        np.flatnonzero(apart),
        counts,
        c,
        *of_people,
        layout.columns,
        layout.efron,
        layout.risk,
        layout.tied,
        layout.n_events,
        layout.risk_x,
        layout.tied_x,
        layout.risk_xx,
        layout.tied_xx,
        layout.event_x,
        sums,
        rank,
    )
    return Scores(counts, sums, rank)
