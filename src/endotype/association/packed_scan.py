"""Scores of packed genotypes for many traits in one pass: the fast engine of linear and logistic models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.association import packed_scan_kernels as kernels
from endotype.association.kernels import N_MISSING, N_SUMS
from endotype.association.null_model import Scores
from endotype.association.packed_scan_kernels import PEOPLE_PER_WORD
from endotype.association.panel_sums import OUTER, PANEL, aligned_zeros

SPARSE_SHARE = 8
"""A variant with carriers fewer than one in so many people is added up carrier by carrier."""

PART = 512
"""Common variants that share a table of sums: enough to pay for it, few enough for their sums to stay in
cache."""


@dataclass(frozen=True)
class ScoreGroup:
    """Traits of the same people, covariates and weights, laid out in the order of the genotype store.

    Attributes:
        n: people in the model.
        n_people: people in the store.
        member, case: uint64 (n_words,), who is in the model and who is a case: two bits a person.
        n_covariates: k, the intercept among them.
        basis: float64 (n, 32 n_words, 16), the covariates in panels; ``panels`` without weights.
        weight: float64 (32 n_words,).
        panels: float64 (n_panels, 32 n_words, 16): weighted covariates, then the traits, then ``weight``
            unless all are one, then zeros, cut into panels of 16 columns.
        total: float64 (n_panels, 16), sum of squares of each column.
        n_traits: traits that are scored together.
        weighted: whether the weights are not all one.
    """

    n: int
    n_people: int
    member: np.ndarray
    case: np.ndarray
    n_covariates: int
    basis: np.ndarray
    weight: np.ndarray
    panels: np.ndarray
    total: np.ndarray
    n_traits: int
    weighted: bool


def score_group(
    place: np.ndarray,
    basis: np.ndarray,
    residuals: np.ndarray,
    weight: np.ndarray | None = None,
    case: np.ndarray | None = None,
) -> ScoreGroup:
    """Lay out what is scored together.

    Args:
        place: int64 (n_people,), the row of each person of the store in the model, -1 for people not in it.
        basis: float64 (n, k), covariates and intercept, ``basis' diag(weight) basis = I``.
        residuals: float64 (n, n_traits), traits minus their null expectation, orthogonal to ``basis``.
        weight: float64 (n,), variance of the trait under the null model; all ones without it.
        case: bool (n,), for one binary trait.

    Raises:
        ValueError: the shapes disagree, or a row of the model has no place or two.
    """
    n, k = basis.shape
    n_traits = residuals.shape[1]
    inside = np.flatnonzero(place >= 0)
    order = place[inside]
    if residuals.shape[0] != n or not np.array_equal(np.sort(order), np.arange(n)):
        raise ValueError(f"{len(order)} people have a place, the basis {n} rows, the traits {len(residuals)}")
    n_words = -(-len(place) // PEOPLE_PER_WORD)
    weights = np.zeros(n_words * PEOPLE_PER_WORD)
    weights[inside] = 1.0 if weight is None else weight[order]
    covariates = np.zeros((len(weights), k))
    covariates[inside] = basis[order]
    outcomes = np.zeros((len(weights), n_traits))
    outcomes[inside] = residuals[order]
    columns = [weights[:, None] * covariates, outcomes]
    if weight is not None:
        columns.append(weights[:, None])
    panels = _panels(np.hstack(columns))
    return ScoreGroup(
        n,
        len(place),
        _two_bits(inside, n_words),
        _two_bits(inside[case[order] != 0] if case is not None else inside[:0], n_words),
        k,
        panels if weight is None else _panels(covariates),
        weights,
        panels,
        np.sum(panels * panels, axis=1),
        n_traits,
        weight is not None,
    )


def _panels(rows: np.ndarray) -> np.ndarray:
    """Rows (n, any number of columns) cut into panels of 16 columns, the last one filled up with zeros."""
    panels = aligned_zeros(-(-rows.shape[1] // PANEL), len(rows), PANEL)
    for p, panel in enumerate(panels):
        part = rows[:, p * PANEL : (p + 1) * PANEL]
        panel[:, : part.shape[1]] = part
    return panels


def as_words(packed: np.ndarray) -> np.ndarray:
    """Packed rows (n_variants, n_bytes) as uint64 (n_variants, ceil(n_bytes / 8)), filled up with ones."""
    n_variants, n_bytes = packed.shape
    filled = np.full((n_variants, -(-n_bytes // 8) * 8), 0xFF, np.uint8)
    filled[:, :n_bytes] = packed
    return filled.view("<u8")


def score_block(words: np.ndarray, group: ScoreGroup, missing: str = "drop") -> list[Scores]:
    """Score and information of a block of variants for every trait of a group.

    Args:
        words: of :func:`as_words`.
        group: of :func:`score_group`.
        missing: ``drop`` leaves people without a genotype out, exactly; ``mean`` gives them the mean dosage
            of the called people in the model.

    Returns:
        One :class:`~endotype.association.null_model.Scores` a trait, ``counts`` and ``rank`` shared. A
        variant's numbers are the same bits in any block. Threads may score blocks of their own at once.

    Raises:
        ValueError: the words are of another number of people, or there is no such policy.
    """
    if missing not in ("drop", "mean"):
        raise ValueError(f"missing is '{missing}', not drop or mean")
    if words.shape[1] != len(group.member):
        raise ValueError(f"{words.shape[1]} words a variant for {len(group.member)} of the model")
    m, k = len(words), group.n_covariates
    n_panels = len(group.panels)
    counts, n_carriers, squares = kernels.count_genotypes(words, group.member, group.case)
    rare = n_carriers * SPARSE_SHARE < group.n_people
    sparse, dense = np.flatnonzero(rare), np.flatnonzero(~rare)
    squared = k + group.n_traits if group.weighted else -1
    products = aligned_zeros(n_panels, m, PANEL)
    most = int(n_carriers[sparse].max(initial=0))
    kernels.add_carriers(words, group.member, sparse, group.panels, squared, most, products)
    table, totals = aligned_zeros(16, 16, PANEL), aligned_zeros(min(PART, len(dense)), PANEL)
    for first in range(0, len(dense), PART):
        part = dense[first : first + PART]
        kernels.add_pairs(words, part, group.panels, squared, table, totals[: len(part)], products)
    raw = products[squared // PANEL, :, squared % PANEL] if group.weighted else squares
    sums = np.zeros((group.n_traits, m, N_SUMS))
    rank = np.empty(m, np.int64)
    kernels.take_out_covariates(
        words,
        group.member,
        counts,
        raw.astype(float),
        products,
        group.panels,
        group.weight,
        k,
        group.total,
        missing == "mean",
        aligned_zeros(n_panels, PANEL),
        sums,
        rank,
    )
    gaps = np.flatnonzero(counts[:, N_MISSING])
    if missing == "drop" and len(gaps):
        kernels.leave_out_missing(
            words,
            group.member,
            gaps,
            raw.astype(float),
            products,
            k,
            group.basis,
            group.panels,
            group.total,
            aligned_zeros(n_panels, -(-k // OUTER) * OUTER, PANEL),
            aligned_zeros(n_panels, PANEL),
            aligned_zeros(kernels.n_lane_rows(k, group.n_traits), PANEL),
            sums,
            rank,
        )
    return [Scores(counts, of_trait, rank, missing == "mean") for of_trait in sums]


def _two_bits(people: np.ndarray, n_words: int) -> np.ndarray:
    words = np.zeros(n_words, np.uint64)
    shift = (2 * (people % PEOPLE_PER_WORD)).astype(np.uint64)
    np.bitwise_or.at(words, people // PEOPLE_PER_WORD, np.uint64(1) << shift)
    return words
