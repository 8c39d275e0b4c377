"""Polygenic scores, whole and by mechanism, as features of patients.

A person's score is the sum, over the variants that a score file and the cohort share
(:mod:`endotype.subtypes.score_match`), of the weight times the copies of the effect allele; dominant rows
count one or two copies as one, recessive rows two copies as one and one as none. It is a sum, not a mean, and
is in the units of the file. X is counted as it is stored, 2 for the one copy of a male, as plink2's default
is; Y and MT aren't counted.

A missing call counts as what the people with a call have on average. For an additive row that is twice the
frequency of the effect allele, plink2's default; for a dominant or recessive row it is the share of people
who show the effect, where plink2 takes the frequency of the allele. Each person's share of missing calls is
told, of calls and of absolute weight; a person of whom more than a quarter of the weight is missing has no
score. A score of which less than three quarters are in the cohort, by rows or by absolute weight, is not
assessed in anybody.

A score of a mechanism is the same sum over the variants that lie in the mechanism's genes
(:func:`endotype.subtypes.score_match.mechanism_scores`). A variant that is in genes of two mechanisms counts
in both; one between genes counts in none.

All scores are summed in one pass over the genotypes, a block of variants at a time.

*Missing data*: as above; nothing else is imputed. *Checked against*: a slow twin; plink2 ``--score`` of
PGS001229 on chromosome 22 of 2,504 people, to the six digits that it prints, and its count of alleles.
*Not claimed*: that a score means the same in people of another ancestry than those it was made in. A score is
correlated with ancestry even where the trait isn't: use it with the ancestry axes as confounders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from endotype.errors import InputError, input_error, visible
from endotype.subtypes.score_file import ScoreFile, read_score_file
from endotype.subtypes.score_kernels import add_effects, count_genotypes
from endotype.subtypes.score_match import USABLE, Match, match_score, mechanism_scores
from endotype.variants.plink import GenotypeStore

__all__ = [
    "Match",
    "ScoreFile",
    "ScoreResult",
    "match_score",
    "mechanism_scores",
    "read_score_file",
    "score_people",
]

MAX_IMPUTED = 0.25
_BLOCK_BYTES = 1 << 26
_SHARES = ["hom_ref", "het", "hom_alt"]


@dataclass(frozen=True)
class ScoreResult:
    """Scores of people.

    Attributes:
        names: of the scores, in the order of the columns below.
        sums: float64 (n_people, n_scores). NaN: the score is not assessed, the person isn't usable, or too
            much of the person's weight is missing.
        n_alleles: int64 (n_people, n_scores), alleles that were called, two a row (plink2's ALLELE_CT).
        imputed_share: float64 (n_people, n_scores), share of the rows whose call is missing.
        imputed_weight: the same of their absolute weight.
        summary: that of the matches, one row a score, with ``n_never_called``: matched rows that nobody
            usable has a call of; they add 0. ``n_people`` who have a score.
        genotype_shares: ``variant_id hom_ref het hom_alt`` of the variants that were used, among usable
            people with a call; NaN where there is none. What missing calls of later people count as.
    """

    names: tuple[str, ...]
    sums: np.ndarray
    n_alleles: np.ndarray
    imputed_share: np.ndarray
    imputed_weight: np.ndarray
    summary: pd.DataFrame
    genotype_shares: pd.DataFrame


def score_people(
    store: GenotypeStore,
    matches: Match | Sequence[Match],
    usable: np.ndarray,
    genotype_shares: pd.DataFrame | None = None,
    max_imputed: float = MAX_IMPUTED,
) -> ScoreResult:
    """Every score of every person, in one pass over the variants that any of them needs.

    Args:
        store: the genotypes that the matches were made with.
        matches: of the files, and of mechanisms.
        usable: bool (n_people,), whose genotypes are looked at. Others have no score, and their calls don't
            count in frequencies.
        genotype_shares: of an earlier result, to take instead of those of these people.
        max_imputed: share of the absolute weight of which a person's calls may be missing.

    Raises:
        InputError: two scores have one name.
    """
    if usable.shape != (store.n_people,):
        raise ValueError(f"usable has the shape {usable.shape} of {store.n_people} people")
    matches = [matches] if isinstance(matches, Match) else list(matches)
    _check_names(matches)
    names = tuple(name for match in matches for name in match.names)
    usable = np.ascontiguousarray(usable, bool)
    variants, first, score, effect, size = _entries(matches)
    n_rows = np.bincount(score, minlength=len(names))
    whole = np.bincount(score, size, minlength=len(names))
    totals = np.zeros((len(names), store.n_people))
    n_missing = np.zeros(totals.shape, np.int64)
    missing_size = np.zeros(totals.shape)
    never = np.zeros(len(names), np.int64)
    ids = store.variants["id"].to_numpy(object)[variants]
    shares = np.full((len(variants), 3), np.nan)
    if genotype_shares is not None:
        table = genotype_shares.drop_duplicates("variant_id").set_index("variant_id")
        shares = table[_SHARES].reindex(ids).to_numpy(float)
    step = max(1, min(1024, _BLOCK_BYTES // max(store.n_people, 1)))
    for start in range(0, len(variants), step):
        block = slice(start, min(start + step, len(variants)))
        dosages = store.dosages(variants[block])
        if genotype_shares is None:
            counts = count_genotypes(dosages, usable)
            called = counts.sum(axis=1, keepdims=True)
            np.divide(counts, called, out=shares[block], where=called > 0)
        inside = slice(first[block.start], first[block.stop])
        of_entry = np.repeat(shares[block], np.diff(first[block.start : block.stop + 1]), axis=0)
        unknown = np.isnan(of_entry).any(axis=1)
        mean = (of_entry * effect[inside]).sum(axis=1)
        filled = np.column_stack([effect[inside], np.where(unknown, 0.0, mean)])
        never += np.bincount(score[inside][unknown], minlength=len(names))
        add_effects(
            dosages,
            first[block.start : block.stop + 1] - first[block.start],
            score[inside],
            filled,
            size[inside],
            totals,
            n_missing,
            missing_size,
        )
    empty_summary = pd.DataFrame({"score": [], "status": []}, dtype="str")
    summary = pd.concat([m.summary for m in matches], ignore_index=True) if matches else empty_summary
    share = np.divide(n_missing, n_rows[:, None], out=np.ones(totals.shape), where=n_rows[:, None] > 0)
    weight = np.divide(missing_size, whole[:, None], out=share.copy(), where=whole[:, None] > 0)
    assessed = (summary["status"] == USABLE).to_numpy(bool)
    # Sums of the same weights in another order may differ in the last bit.
    known = assessed[:, None] & usable[None, :] & (weight <= max_imputed + 1e-12)
    sums = np.where(known, totals, np.nan)
    return ScoreResult(
        names,
        np.ascontiguousarray(sums.T),
        np.ascontiguousarray(2 * (n_rows[:, None] - n_missing).T),
        np.ascontiguousarray(share.T),
        np.ascontiguousarray(np.minimum(weight, 1.0).T),
        summary.assign(n_never_called=never, n_people=known.sum(axis=1)),
        pd.DataFrame(
            {"variant_id": pd.Series(ids, dtype="str"), **dict(zip(_SHARES, shares.T, strict=True))}
        ),
    )


def _check_names(matches: Sequence[Match]) -> None:
    times = Counter(name for match in matches for name in match.names)
    problems = []
    for name in sorted(name for name, n in times.items() if n > 1):
        files = [match.file for match in matches if name in match.names]
        found = f"the score {visible(name)}, which {files[0]} has too"
        hint = "give one of them another pgs_id or column name"
        problems += input_error(files[-1], found, "names that no other score has", hint).problems
    if problems:
        raise InputError(problems)


def _entries(
    matches: Sequence[Match],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What each variant adds to which score, by row of the store, then by score, then by row of its file.

    Returns:
        Rows of the store (n,), sorted; first entry of each (n + 1,); of each entry the score (e,), the
        effects of 0, 1 and 2 copies of ALT (e, 3), and the absolute weight (e,).
    """
    variant, score, effect, size = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros((0, 3))], []
    before = 0
    for match in matches:
        n = len(match.names)
        variant.append(np.repeat(match.variant, n))
        score.append(np.tile(np.arange(before, before + n), len(match.variant)))
        effect.append(match.effect.reshape(-1, 3))
        size.append(np.abs(match.weight).reshape(-1))
        before += n
    variants, scores = np.concatenate(variant), np.concatenate(score)
    order = np.lexsort((scores, variants))
    rows, counts = np.unique(variants, return_counts=True)
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    sizes = np.concatenate([np.zeros(0), *size])
    return rows, first, scores[order], np.concatenate(effect)[order], sizes[order]
