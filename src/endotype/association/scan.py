"""Testing every variant of a stretch of the genotype store against every trait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pyarrow as pa
from threadpoolctl import threadpool_limits

from endotype.association.cox import CoxModel, fit_cox
from endotype.association.cox_firth import refine_cox_firth
from endotype.association.cox_rare import refine_cox
from endotype.association.cox_spa import refine_cox_spa
from endotype.association.design import Design, Trait, read_design
from endotype.association.firth import refine_firth, refine_wald_or_firth
from endotype.association.linear import fit_linear
from endotype.association.logistic import LogisticModel, fit_logistic
from endotype.association.null_model import NullModel, Scores
from endotype.association.rare_case import BinaryNull, Refined
from endotype.association.result_rows import result_rows
from endotype.association.result_stream import BLOCK, SITE_COLUMNS, stream_result
from endotype.association.sheets import design_from_sheets
from endotype.association.spa import refine_spa
from endotype.association.trait_groups import TraitGroup, alone, group_traits, score_traits
from endotype.errors import InputError, Problem, input_error
from endotype.variants.plink import GenotypeStore, open_store

MIN_EXPECTED_ALLELES = 5
"""Fewest minor alleles expected among the cases, or the controls where they are fewer. Below this the normal
tail of a score test is not to be trusted (Cochran's rule for tables), however common the allele."""

BINARY_TESTS: dict[str, Callable[[np.ndarray, np.ndarray, BinaryNull, np.ndarray], Refined] | None] = {
    "score": None,
    "auto": refine_wald_or_firth,
    "firth": refine_firth,
    "spa": refine_spa,
}
"""How variants that the score test finds remarkable are tested again in a binary trait: not at all; by Wald's
test, and Firth's where there is no finite estimate; by Firth's; by the score with saddlepoint tails."""

COX_TESTS: dict[str, Callable[[np.ndarray, np.ndarray, CoxModel, np.ndarray], Refined] | None] = {
    "score": None,
    "auto": refine_cox,
    "firth": refine_cox_firth,
    "spa": refine_cox_spa,
}
"""The same of a time to event: not at all; by the larger p-value of saddlepoint and Firth; by Firth's
test; by the score with saddlepoint tails."""

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
    entry: str | None = None,
    traits: list[str] | None = None,
    region: str | None = None,
    min_allele_count: int = 10,
    threads: int = 1,
    binary: str = "auto",
) -> None:
    """Test the variants of a fileset; write Parquet, TSV or packed TSV, by the name of ``out``.

    The people, traits and covariates come from a design of the workflow (``design``, ``design_info``) or
    from sheets (``phenotypes``, ``covariates``, ``event``, ``entry``); see
    :func:`~endotype.association.sheets.design_from_sheets`. Without ``traits`` all testable ones of the
    design are taken. ``region`` is ``CHROM`` or ``CHROM:START-END``, 1-based, inclusive.
    """
    store = open_store(bfile)
    if design is not None and design_info is not None:
        chosen = read_design(design, design_info)
    elif phenotypes is not None and traits:
        chosen = design_from_sheets(store.people["iid"], phenotypes, covariates, traits, event, entry=entry)
    else:
        raise input_error(
            "command line",
            "neither a design nor sheets",
            "--design and --design-info, or --pheno and --trait",
        )
    with one_blas_thread(threads):
        plan = _Plan.of(store, chosen, traits or chosen.traits, min_allele_count, binary)
        stream_result(
            bfile,
            store.n_people,
            parse_region(store, region),
            *(plan.groups, plan.models, plan.places),
            plan.rows,
            VARIANT_SCHEMA,
            out,
            threads=threads,
        )


def scan(
    store: GenotypeStore,
    design: Design,
    traits: list[str],
    variants: slice,
    min_allele_count: int,
    threads: int = 1,
    binary: str = "auto",
) -> pa.Table:
    """Test a run of variants against traits.

    Args:
        store: the genotypes.
        design: who is analysed and how.
        traits: names of testable traits.
        variants: which variants; start and stop are given.
        min_allele_count: fewer copies of the rarer allele among the called are ``TOO_RARE``.
        threads: for the kernels. The result does not depend on it.
        binary: a key of :data:`BINARY_TESTS`, and of :data:`COX_TESTS` for times to event.

    Returns:
        :data:`VARIANT_SCHEMA`, by trait in the order given, then by variant.
    """
    with one_blas_thread(threads):
        plan = _Plan.of(store, design, traits, min_allele_count, binary)
        parts: list[list[pa.Table]] = [[] for _ in plan.models]
        for block in store.blocks(BLOCK, variants.start, variants.stop):
            sites = store.variants.iloc[block].reindex(columns=list(SITE_COLUMNS))
            of_block = pa.Table.from_pandas(sites, pa.schema(SITE_COLUMNS.items()), preserve_index=False)
            packed = np.ascontiguousarray(store.packed[block])
            for t, scores in enumerate(score_traits(packed, plan.groups, plan.models, plan.places)):
                parts[t].append(plan.rows(t, scores, of_block, packed))
    tables = [table for of_trait in parts for table in of_trait]
    return pa.concat_tables(tables).combine_chunks() if tables else VARIANT_SCHEMA.empty_table()


@dataclass(frozen=True)
class _Plan:
    """Traits with their null models, ready to be scored block by block."""

    traits: list[Trait]
    models: list[NullModel]
    places: list[np.ndarray]
    groups: list[TraitGroup]
    nulls: list[BinaryNull | CoxModel | None]
    min_allele_count: int
    binary: str

    @classmethod
    def of(
        cls, store: GenotypeStore, design: Design, traits: list[str], min_allele_count: int, binary: str
    ) -> _Plan:
        chosen = [design.trait(name) for name in traits]
        models = [fit_null(trait) for trait in chosen]
        at = [places(store, design, trait) for trait in chosen]
        nulls = [_rare_null(m) if binary != "score" else None for m in models]
        return cls(chosen, models, at, group_traits(models, at), nulls, min_allele_count, binary)

    def rows(self, number: int, scores: Scores, sites: pa.Table, packed: np.ndarray) -> pa.Table:
        """Rows of one trait of one block."""
        trait, null = self.traits[number], self.nulls[number]
        refine = None
        if isinstance(null, BinaryNull) and (test := BINARY_TESTS[self.binary]) is not None:
            refine = alone(partial(test, packed, self.places[number], null))
        elif isinstance(null, CoxModel) and (of_cox := COX_TESTS[self.binary]) is not None:
            refine = alone(partial(of_cox, packed, self.places[number], null))
        return result_rows(
            trait.name,
            self.models[number],
            scores,
            sites,
            VARIANT_SCHEMA,
            self.min_allele_count,
            MIN_EXPECTED_ALLELES if refine is None else 0,
            fewer_cases_only=trait.kind == "cox",
            refine=refine,
        )


def _rare_null(model: NullModel) -> BinaryNull | CoxModel | None:
    """What the tests of remarkable variants take of a model; None where there is nothing to test again."""
    if isinstance(model, CoxModel) and model.converged:
        return model
    return BinaryNull.of(model) if isinstance(model, LogisticModel) and model.converged else None


def fit_null(trait: Trait) -> NullModel:
    """The null model of a trait."""
    if trait.kind == "cox":
        assert trait.event is not None
        return fit_cox(trait.values, trait.event, trait.covariates, entry=trait.entry)
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
