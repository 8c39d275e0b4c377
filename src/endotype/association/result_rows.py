"""Rows of a result from the scores of a block of variants, without a detour over Python objects."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from endotype.association.null_model import STATUS, NullModel, Scores, judge
from endotype.association.rare_case import Refine, with_refined


def result_rows(
    trait: str,
    model: NullModel,
    scores: Scores,
    sites: pa.Table,
    schema: pa.Schema,
    min_allele_count: int,
    min_expected_alleles: float,
    *,
    fewer_cases_only: bool = False,
    refine: Refine | None = None,
    threshold: float = 0.0,
) -> pa.Table:
    """Tabulate one trait of one block.

    Args:
        trait: its name.
        model: its null model.
        scores: of the block.
        sites: ``chrom id pos alt ref`` of the block, one row a variant.
        schema: of the rows; columns that are not known here are null.
        min_allele_count: fewer copies of the rarer allele among the called are ``TOO_RARE``.
        min_expected_alleles: as are fewer minor alleles expected among the cases, or the controls where
            they are fewer.
        fewer_cases_only: count the cases only, as a time to event asks for.
        refine: what to do with rows that the score test finds remarkable; see
            :func:`~endotype.association.rare_case.with_refined`.
        threshold: |stat| from which a row is remarkable.
    """
    n_missing, alleles, n_missing_cases, alleles_cases = scores.counts.T
    n = model.n - n_missing
    minor = np.minimum(alleles, 2 * n - alleles)
    rare = minor < min_allele_count
    columns: dict[str, np.ndarray | pa.Array | pa.ChunkedArray] = {}
    if model.case is not None:
        n_cases = int(model.case.sum()) - n_missing_cases
        n_controls = n - n_cases
        fewer = n_cases if fewer_cases_only else np.minimum(n_cases, n_controls)
        rare |= minor * fewer < min_expected_alleles * n
        columns = {
            "n_cases": n_cases,
            "n_controls": n_controls,
            "eaf_cases": _ratio(alleles_cases, 2 * n_cases),
            "eaf_controls": _ratio(alleles - alleles_cases, 2 * n_controls),
        }
    tested = judge(model, scores, minor == 0, rare, n)
    found, status = tested.statistics, np.array(STATUS, object)[tested.status]
    if refine is not None:
        found, status = with_refined(found, status, refine, threshold)
    columns |= {
        "trait": pa.repeat(pa.scalar(trait, pa.string()), len(sites)),
        "id": sites["id"],
        "chrom": sites["chrom"],
        "pos": sites["pos"],
        "effect_allele": sites["alt"],
        "other_allele": sites["ref"],
        "n": n,
        "n_missing": n_missing,
        "eac": alleles,
        "eaf": _ratio(alleles, 2 * n),
        "beta": found.beta,
        "se": found.se,
        "stat": found.stat,
        "neg_log10_p": found.neg_log10_p,
        "test": found.test,
        "status": status,
    }
    return pa.table([_column(columns.get(f.name), f, len(sites)) for f in schema], schema=schema)


def _column(
    values: np.ndarray | pa.Array | pa.ChunkedArray | None, field: pa.Field, n: int
) -> pa.Array | pa.ChunkedArray:
    if values is None:
        return pa.nulls(n, field.type)
    if isinstance(values, np.ndarray):
        return pa.array(values, field.type, from_pandas=True)  # NaN is null
    return values


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, NaN where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
