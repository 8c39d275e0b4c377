"""Testing every variant of a stretch of the genotype store against every trait."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from threadpoolctl import threadpool_limits

from endotype.association.cox import fit_cox
from endotype.association.design import Design, Trait, read_design
from endotype.association.kernels import N_COUNTS, N_SUMS
from endotype.association.linear import fit_linear
from endotype.association.logistic import fit_logistic
from endotype.association.null_model import STATUS, NullModel, Scores, judge
from endotype.association.sheets import design_from_sheets
from endotype.errors import InputError, Problem, input_error
from endotype.files import atomic_path
from endotype.tables import write_arrow
from endotype.variants.plink import GenotypeStore, open_store

BLOCK = 1024
"""Variants that are worked on at once."""

MIN_EXPECTED_ALLELES = 5
"""Fewest minor alleles expected among the cases, or the controls where they are fewer. Below this the normal
tail of a score test is not to be trusted (Cochran's rule for tables), however common the allele."""

VARIANT_SCHEMA = pa.schema(
    [
        ("trait", pa.string()),
        ("id", pa.string()),
        ("chrom", pa.string()),
        ("pos", pa.int64()),
        ("effect_allele", pa.string()),
        ("other_allele", pa.string()),
        ("n", pa.int64()),
        ("n_missing", pa.int64()),
        ("eac", pa.int64()),
        ("eaf", pa.float64()),
        ("beta", pa.float64()),
        ("se", pa.float64()),
        ("stat", pa.float64()),
        ("neg_log10_p", pa.float64()),
        ("test", pa.string()),
        ("status", pa.string()),
        ("n_cases", pa.int64()),
        ("n_controls", pa.int64()),
        ("eaf_cases", pa.float64()),
        ("eaf_controls", pa.float64()),
    ]
)
"""Columns of a result: ``trait``, then those of docs/results.md. The last four are null for linear traits."""


def associate(
    bfile: str | Path,
    out: str | Path,
    *,
    design: str | Path | None = None,
    design_info: str | Path | None = None,
    phenotypes: str | Path | None = None,
    covariates: str | Path | None = None,
    event: str | None = None,
    traits: list[str] | None = None,
    region: str | None = None,
    min_allele_count: int = 10,
    threads: int = 1,
) -> None:
    """Test the variants of a fileset; write Parquet, TSV or packed TSV, by the name of ``out``.

    The people, traits and covariates come from a design of the workflow (``design``, ``design_info``) or
    from sheets (``phenotypes``, ``covariates``, ``event``); see
    :func:`~endotype.association.sheets.design_from_sheets`. Without ``traits`` all testable ones of the
    design are taken. ``region`` is ``CHROM`` or ``CHROM:START-END``, 1-based, inclusive.
    """
    store = open_store(bfile)
    if design is not None and design_info is not None:
        chosen = read_design(design, design_info)
    elif phenotypes is not None and traits:
        chosen = design_from_sheets(store.people["iid"], phenotypes, covariates, traits, event)
    else:
        raise input_error(
            "command line",
            "neither a design nor sheets",
            "--design and --design-info, or --pheno and --trait",
        )
    table = scan(
        store, chosen, traits or chosen.traits, parse_region(store, region), min_allele_count, threads
    )
    write_result(table, out)


def scan(
    store: GenotypeStore,
    design: Design,
    traits: list[str],
    variants: slice,
    min_allele_count: int,
    threads: int = 1,
) -> pa.Table:
    """Test a run of variants against traits.

    Args:
        store: the genotypes.
        design: who is analysed and how.
        traits: names of testable traits.
        variants: which variants; start and stop are given.
        min_allele_count: fewer copies of the rarer allele among the called are ``TOO_RARE``.
        threads: for the kernels. The result does not depend on it.

    Returns:
        :data:`VARIANT_SCHEMA`, by trait in the order given, then by variant.
    """
    sites = store.variants.iloc[variants]
    with one_blas_thread(threads):
        models = [
            (trait, fit_null(trait), places(store, design, trait)) for trait in map(design.trait, traits)
        ]
        scored: list[list[Scores]] = [[] for _ in models]
        for block in store.blocks(BLOCK, variants.start, variants.stop):
            packed = np.ascontiguousarray(store.packed[block])
            for parts, (_, model, place) in zip(scored, models, strict=True):
                parts.append(model.score(packed, place))
        tables = [
            _result(trait, model, _join(parts), sites, min_allele_count)
            for (trait, model, _), parts in zip(models, scored, strict=True)
        ]
    return pa.concat_tables(tables) if tables else VARIANT_SCHEMA.empty_table()


def fit_null(trait: Trait) -> NullModel:
    """The null model of a trait."""
    if trait.kind == "cox":
        assert trait.event is not None
        return fit_cox(trait.values, trait.event, trait.covariates)
    if trait.kind == "logistic":
        return fit_logistic(trait.values == 1, trait.covariates)
    return fit_linear(trait.values, trait.covariates)


def places(store: GenotypeStore, design: Design, trait: Trait) -> np.ndarray:
    """The row in the trait's model of each person of the store, -1 for people who are not in it.

    Raises:
        InputError: people of the model have no genotypes.
    """
    rows = pd.Series(np.arange(len(trait.rows)), index=design.frame["patient"].to_numpy()[trait.rows])
    place = rows.reindex(store.people["iid"]).fillna(-1).to_numpy(np.int64)
    if (place >= 0).sum() != len(rows):
        absent = rows.index.difference(pd.Index(store.people["iid"]))
        raise InputError(
            [Problem("the design", None, "patient", f"'{p}'", "a person of the genotypes") for p in absent]
        )
    return place


def parse_region(store: GenotypeStore, region: str | None) -> slice:
    """The variants of ``CHROM`` or ``CHROM:START-END``; all of them without a region.

    Raises:
        InputError: it is no region.
    """
    if region is None:
        return slice(0, store.n_variants)
    chrom, colon, window = region.rpartition(":")
    start, dash, end = window.replace(",", "").partition("-")
    if colon and dash and start.isdigit() and end.isdigit() and 0 < int(start) <= int(end):
        return store.region(chrom, int(start), int(end))
    if (store.variants["chrom"] == region).any() or not colon:
        return store.region(region, 1, np.iinfo(np.int64).max)
    raise input_error("--region", f"'{region}'", "CHROM or CHROM:START-END with 1 <= START <= END")


def write_result(table: pa.Table, out: str | Path) -> None:
    """Write a result as Parquet, TSV or packed TSV, by the name of the file."""
    out = Path(out)
    if out.suffix == ".parquet":
        write_arrow(table, out)
        return
    if not out.name.endswith((".tsv", ".tsv.gz")):
        raise input_error(out, f"the suffix '{out.suffix}'", ".parquet, .tsv or .tsv.gz")
    with atomic_path(out) as path, path.open("wb") as raw:
        # Neither name nor time in the header: equal tables are equal bytes.
        stream = gzip.GzipFile("", "wb", 6, raw, mtime=0) if out.suffix == ".gz" else raw
        try:
            pa.csv.write_csv(
                table,
                stream,
                pa.csv.WriteOptions(delimiter="\t", quoting_style="none", quoting_header="none"),
            )
        except pa.ArrowInvalid:
            raise input_error(
                out, "an id with a quotation mark", "plain ids", "write .parquet instead"
            ) from None
        if stream is not raw:
            stream.close()


@contextmanager
def one_blas_thread(threads: int) -> Iterator[None]:
    """``threads`` for the kernels, one for BLAS, whose sums would depend on the number."""
    before = numba.get_num_threads()
    numba.set_num_threads(max(1, min(threads, before)))
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        numba.set_num_threads(before)


def _join(parts: Iterable[Scores]) -> Scores:
    parts = list(parts)
    if not parts:
        counts, sums = np.zeros((0, N_COUNTS), np.int64), np.zeros((0, N_SUMS))
        return Scores(counts, sums, np.zeros(0, np.int64))
    return Scores(
        np.concatenate([p.counts for p in parts]),
        np.concatenate([p.sums for p in parts]),
        np.concatenate([p.rank for p in parts]),
    )


def _result(
    trait: Trait, model: NullModel, scores: Scores, sites: pd.DataFrame, min_allele_count: int
) -> pa.Table:
    n_missing, alleles, n_missing_cases, alleles_cases = scores.counts.T
    n = model.n - n_missing
    minor = np.minimum(alleles, 2 * n - alleles)
    columns: dict[str, np.ndarray] = {}
    rare = minor < min_allele_count
    if model.case is not None:
        total_cases = int(model.case.sum())
        n_cases = total_cases - n_missing_cases
        n_controls = n - n_cases
        fewer = n_cases if trait.kind == "cox" else np.minimum(n_cases, n_controls)
        rare |= minor * fewer < MIN_EXPECTED_ALLELES * n
        columns = {
            "n_cases": n_cases,
            "n_controls": n_controls,
            "eaf_cases": _ratio(alleles_cases, 2 * n_cases),
            "eaf_controls": _ratio(alleles - alleles_cases, 2 * n_controls),
        }
    tested = judge(model, scores, minor == 0, rare, n)
    found = tested.statistics
    columns |= {
        "id": sites["id"].to_numpy(),
        "chrom": sites["chrom"].to_numpy(),
        "pos": sites["pos"].to_numpy(),
        "effect_allele": sites["alt"].to_numpy(),
        "other_allele": sites["ref"].to_numpy(),
        "n": n,
        "n_missing": n_missing,
        "eac": alleles,
        "eaf": _ratio(alleles, 2 * n),
        "beta": found.beta,
        "se": found.se,
        "stat": found.stat,
        "neg_log10_p": found.neg_log10_p,
        "test": found.test,
        "status": np.array(STATUS, object)[tested.status],
    }
    arrays = []
    for field in VARIANT_SCHEMA:
        if field.name == "trait":
            arrays.append(pa.repeat(pa.scalar(trait.name, pa.string()), len(sites)))
        elif field.name in columns:
            arrays.append(pa.array(columns[field.name], field.type, from_pandas=True))
        else:
            arrays.append(pa.nulls(len(sites), field.type))
    return pa.Table.from_arrays(arrays, schema=VARIANT_SCHEMA)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, NaN where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
