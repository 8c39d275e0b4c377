"""Polygenic predictions of REGENIE's first step, one set for each left-out chromosome, as offsets.

A null model with the offset of chromosome c explains a trait by its covariates and by everything *outside*
c, relatedness and structure included (Mbatchou et al. 2021). Formats:
https://rgcgithub.github.io/regenie/options/#output
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.association.design import Trait
from endotype.association.linear import LinearModel, fit_linear
from endotype.association.log_odds import expit
from endotype.association.logistic import LogisticModel
from endotype.association.newton import CERTAIN, Derivatives, maximise, standardised
from endotype.association.prediction_list import predictions_of, read_prediction_list, text_lines
from endotype.association.reconcile import reconcile, require_overlap
from endotype.errors import InputError, Problem, input_error, visible
from endotype.variants.plink import GenotypeStore

_HEADER = "FID_IID"
_SEX_CHROMOSOMES = {"X": "23", "XY": "23", "PAR1": "23", "PAR2": "23"}
_MAX_PROBLEMS = 20


@dataclass(frozen=True)
class LocoFile:
    """The predictions of one trait, as written.

    Attributes:
        path: of the file.
        chroms: REGENIE's numbers of the chromosomes left out, X being 23.
        keys: ``FID_IID`` of the people.
        values: float64 (n_chroms, n_people), NaN for people without a prediction.
    """

    path: str
    chroms: tuple[str, ...]
    keys: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True)
class LocoOffsets:
    """The predictions of one trait for the people of a genotype store.

    Attributes:
        path: of the file.
        by_chrom: row of ``values`` by REGENIE's number of the chromosome.
        values: float64 (n_chroms, n_people of the store), NaN for people without a prediction.
        reconciliation: which people matched; see :func:`~endotype.association.reconcile.reconcile`.
        matched_by: how the ids were matched, e.g. ``FID_IID``.
    """

    path: str
    by_chrom: dict[str, int]
    iids: pd.Index
    values: np.ndarray
    reconciliation: pd.DataFrame
    matched_by: str

    def of(self, chrom: str, patients: Sequence[str]) -> np.ndarray:
        """Offsets of people, by IID, for testing variants of a chromosome; NaN without a prediction.

        Raises:
            InputError: the file has no prediction that leaves out this chromosome.
        """
        self.require([chrom])
        row = self.values[self.by_chrom[regenie_chromosome(chrom)]]
        at = self.iids.get_indexer(pd.Index(patients))
        return np.where(at >= 0, row[at], np.nan)

    def require(self, chroms: Iterable[str]) -> None:
        """See that every chromosome that will be tested was left out once.

        Raises:
            InputError: it lists all that are missing.
        """
        wanted = list(dict.fromkeys(chroms))
        missing = [c for c in wanted if regenie_chromosome(c) not in self.by_chrom]
        if missing:
            has = ", ".join(self.by_chrom) or "none"
            raise InputError(
                [
                    Problem(self.path, None, "", f"no row for chromosome {visible(c)}", f"one of {has}")
                    for c in missing
                ]
            )


def regenie_chromosome(chrom: str) -> str:
    """REGENIE's number of a chromosome: without ``chr``, X and the pseudoautosomal parts as 23."""
    bare = chrom[3:] if chrom[:3].lower() == "chr" else chrom
    return _SEX_CHROMOSOMES.get(bare.upper(), bare.lstrip("0") or bare)


def read_loco(path: str | Path) -> LocoFile:
    """Read a ``.loco`` file, plain or gzip: a header of people, then a row for each chromosome.

    Raises:
        InputError: not such a file; a person or a chromosome twice; a row of another length; a value that is
            neither a finite number nor ``NA``; or a person with predictions for some chromosomes only.
    """
    lines = text_lines(Path(path))
    header = next(lines, "").split()
    if not header or header[0] != _HEADER:
        found = visible(header[0]) if header else "an empty file"
        raise input_error(path, found, f"a header that begins with {_HEADER}")
    keys = header[1:]
    problems = [
        Problem(str(path), 1, "", f"{visible(k)} again", "a person once")
        for k in pd.Index(keys)[pd.Index(keys).duplicated()][:_MAX_PROBLEMS]
    ]
    chroms: dict[str, int] = {}
    rows: list[np.ndarray] = []
    for number, line in enumerate(lines, 2):
        words = line.split()
        if not words:
            continue
        if len(words) != len(header):
            expected = f"{len(header)}, as in the header"
            problems.append(Problem(str(path), number, "", f"{len(words)} words", expected))
            continue
        chrom = regenie_chromosome(words[0])
        if chrom in chroms:
            problems.append(Problem(str(path), number, _HEADER, f"{visible(words[0])} again", "a row once"))
            continue
        values, bad = _numbers(words[1:])
        if bad is not None:
            found, column = visible(words[1 + bad]), visible(keys[bad])
            problems.append(Problem(str(path), number, column, found, "a finite number or NA"))
        chroms[chrom] = len(rows)
        rows.append(values)
    if problems:
        raise InputError(problems[:_MAX_PROBLEMS])
    if not rows:
        raise input_error(path, "no row", "a row for each chromosome")
    matrix = np.array(rows)
    missing = np.isnan(matrix)
    partial = np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0))
    if partial.size:
        examples = ", ".join(visible(keys[i]) for i in partial[:5])
        raise input_error(
            path, f"{partial.size} people with NA on some chromosomes only ({examples})", "NA on all or none"
        )
    return LocoFile(str(path), tuple(chroms), tuple(keys), matrix)


def match_people(file: LocoFile, people: pd.DataFrame) -> LocoOffsets:
    """Find the people of a genotype store in a ``.loco`` file.

    Keys join two words that may hold ``_`` themselves, so they are never taken apart: those of the store are
    put together as ``FID_IID``, or, for a fileset that was written with other family ids, as ``IID_IID``,
    ``0_IID`` or plain ``IID``. The first of these that matches anybody is taken and named in the result.

    Args:
        file: what :func:`read_loco` read.
        people: columns ``fid iid``, in the order of the .fam.

    Raises:
        InputError: two people would have one key, or nobody matches.
    """
    fid, iid = people["fid"].astype(str), people["iid"].astype(str)
    there = ~np.isnan(file.values).all(axis=0)
    index = pd.Index(file.keys)
    written = {"FID_IID": fid + "_" + iid, "IID_IID": iid + "_" + iid, "0_IID": "0_" + iid, "IID": iid}
    matched_by = next((how for how, keys in written.items() if keys.isin(index).any()), "FID_IID")
    keys = written[matched_by]
    at = index.get_indexer(pd.Index(keys))
    if keys.duplicated().any() or iid.duplicated().any():
        again = keys[keys.duplicated()].tolist() or iid[iid.duplicated()].tolist()
        raise input_error(file.path, f"{visible(again[0])} for two people of the .fam", "one key a person")
    table = reconcile("loco", keys.tolist(), [k for k, has in zip(file.keys, there, strict=True) if has])
    require_overlap(table, file.path)
    values = np.where(at >= 0, file.values[:, at], np.nan)
    by_chrom = {c: i for i, c in enumerate(file.chroms)}
    return LocoOffsets(file.path, by_chrom, pd.Index(iid), values, table, matched_by)


def read_offsets(
    path: str | Path, store: GenotypeStore, traits: Sequence[str], variants: slice
) -> dict[str, LocoOffsets]:
    """The predictions of traits for the people of a store, all that a scan of ``variants`` asks for.

    Args:
        path: ``_pred.list``.
        store: the genotypes.
        traits: names, as in the list.
        variants: start and stop are given.

    Raises:
        InputError: what :func:`read_prediction_list`, :func:`read_loco` and :func:`match_people` find, a
            trait without predictions, or a chromosome without a row.
    """
    files = read_prediction_list(path)
    chroms = store.variants["chrom"].iloc[variants].unique().tolist()
    found = {}
    for trait in traits:
        found[trait] = match_people(read_loco(predictions_of(files, trait, path)), store.people)
        found[trait].require(chroms)
    return found


def keep_predicted(trait: Trait, patients: Sequence[str], offsets: LocoOffsets) -> Trait:
    """The trait without the people who have no prediction; what is left out is in the reconciliation.

    Args:
        trait: of a design.
        patients: ids of **all** rows of the design's frame.
        offsets: of the trait.
    """
    any_chrom = next(iter(offsets.by_chrom))
    has = np.isfinite(offsets.of(any_chrom, np.asarray(patients, dtype=object)[trait.rows].tolist()))
    return replace(
        trait,
        rows=trait.rows[has],
        values=trait.values[has],
        event=None if trait.event is None else trait.event[has],
        covariates=trait.covariates[has],
    )


def fit_null_with_offset(trait: Trait, offset: np.ndarray) -> LinearModel | LogisticModel:
    """The null model of a trait on one chromosome.

    A quantitative trait is ``y - s offset``: the predictions are in standard deviations s of the trait that
    the covariates leave, ``s^2 = |residual|^2 / (n - covariates - 1)``, as REGENIE scales it. A binary trait
    has the offset in its log odds, with coefficient one.

    Args:
        trait: with predictions for everybody (:func:`keep_predicted`).
        offset: float64 (n,), complete.

    Raises:
        InputError: a time to event, for which there is no offset.
        ValueError: an offset that is not finite.
    """
    if not np.isfinite(offset).all():
        raise ValueError("people without a prediction must be left out first")
    if trait.kind == "linear":
        plain = fit_linear(trait.values, trait.covariates)
        scale = np.sqrt(plain.residual @ plain.residual / (plain.n - plain.basis.shape[1]))
        return fit_linear(trait.values - scale * offset, trait.covariates)
    if trait.kind == "logistic":
        return _fit_logistic(trait.values == 1, trait.covariates, offset)
    raise input_error("--loco-pred", f"the time to event '{trait.name}'", "a quantitative or binary trait")


def _fit_logistic(case: np.ndarray, covariates: np.ndarray, offset: np.ndarray) -> LogisticModel:
    """As :func:`~endotype.association.logistic.fit_logistic`, with an offset in the linear predictor."""
    design = np.column_stack([np.ones(len(case)), standardised(covariates)])
    outcome = case.astype(float)

    def log_likelihood(coefficients: np.ndarray) -> Derivatives:
        predictor = design @ coefficients + offset
        risk = expit(predictor)
        likelihood = float(np.sum(outcome * predictor - np.logaddexp(0, predictor)))
        information = (design * (risk * (1 - risk))[:, None]).T @ design
        return likelihood, design.T @ (outcome - risk), information

    found = maximise(log_likelihood, design.shape[1])
    predictor = design @ found.coefficients + offset
    risk = expit(predictor)
    weight = risk * (1 - risk)
    converged = found.converged and bool(np.all(np.abs(predictor) < CERTAIN))
    try:
        lower = np.linalg.cholesky((design * weight[:, None]).T @ design)
    except np.linalg.LinAlgError:
        lower, converged = np.eye(design.shape[1]), False
    basis = np.ascontiguousarray(np.linalg.solve(lower, design.T).T)
    return LogisticModel(case.astype(bool), basis, weight, outcome - risk, converged)


def _numbers(words: list[str]) -> tuple[np.ndarray, int | None]:
    """Values, NaN for ``NA``, and the position of the first one that is neither."""
    try:
        values = np.array(words, dtype=float)  # numpy reads "nan" too, which REGENIE doesn't write
        if np.isfinite(values).all():
            return values, None
    except ValueError:
        pass
    values = np.full(len(words), np.nan)
    for i, word in enumerate(words):
        if word == "NA":
            continue
        try:
            values[i] = float(word)
        except ValueError:
            return values, i
        if not np.isfinite(values[i]):
            return values, i
    return values, None
