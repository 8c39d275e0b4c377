"""Testing every variant of a stretch of the genotype store against every trait."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import NormalDist

import numba
import numpy as np
import pandas as pd
import pyarrow as pa
from threadpoolctl import threadpool_limits

from endotype.association.cox import CoxModel, fit_cox
from endotype.association.cox_firth import refine_cox_firth
from endotype.association.cox_rare import refine_cox
from endotype.association.cox_spa import refine_cox_spa
from endotype.association.design import Design, Trait
from endotype.association.design_source import DesignSource, tell_faults
from endotype.association.firth import refine_by_count, refine_firth, refine_wald_or_firth
from endotype.association.linear import fit_linear
from endotype.association.loco import LocoOffsets, fit_null_with_offset, keep_predicted, read_offsets
from endotype.association.logistic import LogisticModel, fit_logistic
from endotype.association.null_model import NullModel, Scores
from endotype.association.rare_case import BinaryNull, Refined
from endotype.association.result_rows import result_rows
from endotype.association.result_stream import BLOCK, SITE_COLUMNS, stream_result
from endotype.association.scan_progress import Progress
from endotype.association.sidecar import statements, write_sidecar
from endotype.association.spa import refine_spa
from endotype.association.statement import STATEMENT
from endotype.association.trait_groups import TraitGroup, alone, group_traits, score_traits
from endotype.engine import EngineSettings, open_engine
from endotype.errors import InputError, Problem, input_error, nearest
from endotype.files import to_json
from endotype.variants.plink import GenotypeStore, open_store

MIN_EXPECTED_ALLELES = 5
"""Fewest minor alleles expected among the cases, or the controls where they are fewer. Below this the normal
tail of a score test is not to be trusted (Cochran's rule for tables), however common the allele."""

SCREEN = 0.05
"""Variants whose score test has a p-value up to this are tested again. It errs towards small p-values where
carriers are few, so little that another test would call is passed over."""

BINARY_TESTS: dict[str, Callable[..., Refined] | None] = {
    "score": None,
    "auto": refine_by_count,
    "logistic": refine_wald_or_firth,
    "firth": refine_firth,
    "spa": refine_spa,
}
"""How variants of a binary trait are tested after the score test: not at all; by Firth's test where alleles
are few and Wald's where not; by Wald's, and Firth's where that has no finite estimate (plink2's default); by
Firth's alone; by the score with saddlepoint tails."""

TESTS = ("auto", "linear", "logistic", "firth", "spa", "score", "cox")
KINDS_OF_TEST = {
    "linear": ("linear",), "logistic": ("logistic",), "firth": ("logistic", "cox"),
    "spa": ("logistic", "cox"), "score": ("logistic", "cox"), "cox": ("cox",),
}  # fmt: skip
NAME_OF_KIND = {"linear": "a quantitative trait", "logistic": "a binary trait", "cox": "a time to event"}
MISSING = ("drop", "mean")

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


@dataclass(frozen=True)
class ScanOptions:
    """How single variants are tested.

    Attributes:
        test: of :data:`TESTS`. One that is named is taken for every variant, unless ``screen`` says
            otherwise; ``auto`` is the score test, and another (:data:`BINARY_TESTS`) where it is remarkable.
        screen: p-value of the score test up to which a variant of a binary trait or a time to event is tested
            again; None for :data:`SCREEN` with ``auto`` and 1 (every variant) with a test by name.
        missing: ``drop`` leaves people without a genotype out of that variant's test, exactly; ``mean`` gives
            them the mean dosage of the called. Times to event always drop.
        min_allele_count: fewer copies of the rarer allele among the called are ``TOO_RARE``.
    """

    test: str = "auto"
    screen: float | None = None
    missing: str = "drop"
    min_allele_count: int = 10

    def __post_init__(self) -> None:
        """Refuse options that are none; all of them at once."""
        problems = []
        if self.test not in TESTS:
            problems.append(_option("--test", self.test, "one of " + ", ".join(TESTS)))
        if self.missing not in MISSING:
            problems.append(_option("--missing", self.missing, " or ".join(MISSING)))
        if self.screen is not None and not 0 <= self.screen <= 1:
            problems.append(_option("--screen", f"{self.screen:g}", "a p-value between 0 and 1"))
        if self.min_allele_count < 1:
            problems.append(_option("--min-allele-count", str(self.min_allele_count), "1 or more"))
        if problems:
            raise InputError(problems)

    @property
    def of_binary(self) -> str:
        """The key of :data:`BINARY_TESTS` for the binary traits of a run."""
        return self.test if self.test in BINARY_TESTS else "auto"

    @property
    def of_cox(self) -> str:
        """The key of :data:`COX_TESTS` for its times to event."""
        return self.test if self.test in COX_TESTS else "auto"

    @property
    def threshold(self) -> float:
        """|z| of the score test from which a variant is tested again."""
        named = self.test in BINARY_TESTS and self.test not in ("auto", "score")
        p = (1.0 if named else SCREEN) if self.screen is None else self.screen
        return NormalDist().inv_cdf(1 - p / 2) if p > 0 else np.inf


def _option(name: str, found: str, expected: str) -> Problem:
    return Problem(name, None, "", f"'{found}'", expected, nearest(found, expected.replace(",", "").split()))


def associate(
    bfile: str | Path,
    out: str | Path,
    source: DesignSource,
    *,
    traits: list[str] | None = None,
    region: str | None = None,
    options: ScanOptions | None = None,
    loco: str | Path | None = None,
    alpha: float = 0.05,
    threads: int = 1,
    engine: EngineSettings | None = None,
    progress: bool = False,
) -> None:
    """Test the variants of a fileset; write Parquet, TSV or packed TSV, by the name of ``out``.

    Beside a result of sheets stands ``OUT.json``: who was analysed, how, and what was done about missing
    data, relatives and multiple testing. In Parquet the last is metadata of the file too.

    Args:
        bfile: prefix of the .bed, .bim and .fam.
        out: .parquet, .tsv or .tsv.gz.
        source: where people, traits and covariates come from.
        traits: names; without them those of the sheets, or all testable ones of a design.
        region: ``CHROM`` or ``CHROM:START-END``, 1-based, inclusive.
        options: how variants are tested.
        loco: REGENIE's ``_pred.list``, whose predictions become offsets of all but times to event.
        alpha: family-wise error rate that the statement about multiple testing names.
        threads: of this process, where it runs the blocks. The result does not depend on it,
        engine: nor on where blocks run.
        progress: warnings of the design, and how far it is, on stderr.

    Raises:
        InputError: an input that can't be used, or a test that fits none of the traits.
        BlockError: the engine could not compute a block; the message names its variants.
    """
    chosen = options or ScanOptions()
    pa.set_memory_pool(pa.system_memory_pool())  # others keep what was freed: 30 MB with two threads
    store = open_store(bfile)
    design = source.load(store.people, linear=chosen.test == "linear")
    names = traits or list(source.traits) or design.traits
    kinds = {name: design.trait(name).kind for name in names}
    _require_fit(chosen, kinds)
    if progress:
        tell_faults(design)
    variants = parse_region(store, region)
    with_offset = [name for name in names if kinds[name] != "cox"]
    predictions = read_offsets(loco, store, with_offset, variants) if loco else None
    lines = statements(design, names, alpha, chosen.missing, predictions)
    schema = VARIANT_SCHEMA.with_metadata({STATEMENT: to_json(lines)})
    with one_blas_thread(threads), open_engine(engine, threads, Path(out).parent) as opened:
        stream_result(
            bfile,
            store.n_people,
            _runs(store, design, names, variants, chosen, predictions),
            len(names),
            schema,
            out,
            missing=chosen.missing,
            engine=opened,
            report=Progress(variants.stop - variants.start) if progress else None,
        )
    if source.from_sheets:
        told = asdict(chosen) | {"score_z_of_second_test": chosen.threshold}
        write_sidecar(out, design, names, told, lines, predictions)


def scan(
    store: GenotypeStore,
    design: Design,
    traits: list[str],
    variants: slice,
    options: ScanOptions | None = None,
    threads: int = 1,
) -> pa.Table:
    """Test a run of variants against traits.

    Args:
        store: the genotypes.
        design: who is analysed and how.
        traits: names of testable traits.
        variants: which variants; start and stop are given.
        options: how.
        threads: for the kernels. The result does not depend on it.

    Returns:
        :data:`VARIANT_SCHEMA`, by trait in the order given, then by variant.
    """
    with one_blas_thread(threads):
        plan = plan_scan(store, design, traits, options or ScanOptions())
        parts: list[list[pa.Table]] = [[] for _ in plan.models]
        for block in store.blocks(BLOCK, variants.start, variants.stop):
            sites = store.variants.iloc[block].reindex(columns=list(SITE_COLUMNS))
            of_block = pa.Table.from_pandas(sites, pa.schema(SITE_COLUMNS.items()), preserve_index=False)
            packed = np.ascontiguousarray(store.packed[block])
            scored = score_traits(packed, plan.groups, plan.options.missing)
            for t, scores in enumerate(scored):
                parts[t].append(plan.rows(t, scores, of_block, packed))
    tables = [table for of_trait in parts for table in of_trait]
    return pa.concat_tables(tables).combine_chunks() if tables else VARIANT_SCHEMA.empty_table()


@dataclass(frozen=True)
class ScanPlan:
    """Traits with their null models, ready to be scored block by block."""

    traits: list[Trait]
    models: list[NullModel]
    places: list[np.ndarray]
    groups: list[TraitGroup]
    nulls: list[BinaryNull | CoxModel | None]
    options: ScanOptions

    def rows(self, number: int, scores: Scores, sites: pa.Table, packed: np.ndarray) -> pa.Table:
        """Rows of one trait of one block."""
        trait, null = self.traits[number], self.nulls[number]
        refine = None
        if isinstance(null, BinaryNull) and (test := BINARY_TESTS[self.options.of_binary]) is not None:
            missing = self.options.missing
            refine = alone(partial(test, packed, self.places[number], null, missing=missing))
        elif isinstance(null, CoxModel) and (of_cox := COX_TESTS[self.options.of_cox]) is not None:
            refine = alone(partial(of_cox, packed, self.places[number], null))
        return result_rows(
            trait.name,
            self.models[number],
            scores,
            sites,
            VARIANT_SCHEMA,
            self.options.min_allele_count,
            MIN_EXPECTED_ALLELES if refine is None else 0,
            fewer_cases_only=trait.kind == "cox",
            refine=refine,
            threshold=self.options.threshold,
        )


def plan_scan(
    store: GenotypeStore,
    design: Design,
    traits: list[str],
    options: ScanOptions,
    predictions: Mapping[str, LocoOffsets] | None = None,
    chrom: str = "",
) -> ScanPlan:
    """Fit the null models of traits, with the offsets of ``chrom`` where a trait has predictions."""
    chosen = [design.trait(name) for name in traits]
    models: list[NullModel] = []
    patients = design.frame["patient"].tolist()
    for i, trait in enumerate(chosen):
        offsets = (predictions or {}).get(trait.name)
        if offsets is None:
            models.append(fit_null(trait))
            continue
        chosen[i] = keep_predicted(trait, patients, offsets)
        offset = offsets.of(chrom, [patients[row] for row in chosen[i].rows])
        models.append(fit_null_with_offset(chosen[i], offset))
    at = [places(store, design, trait) for trait in chosen]
    nulls = [_rare_null(m) if options.test != "score" else None for m in models]
    return ScanPlan(chosen, models, at, group_traits(models, at), nulls, options)


def _rare_null(model: NullModel) -> BinaryNull | CoxModel | None:
    """What the tests of remarkable variants take of a model; None where there is nothing to test again."""
    if isinstance(model, CoxModel) and model.converged:
        return model
    return BinaryNull.of(model) if isinstance(model, LogisticModel) and model.converged else None


def _runs(
    store: GenotypeStore,
    design: Design,
    traits: list[str],
    variants: slice,
    options: ScanOptions,
    predictions: Mapping[str, LocoOffsets] | None,
) -> Iterator[tuple[slice, ScanPlan]]:
    """Stretches of variants with their plan: one, or one for each chromosome where there are offsets."""
    if predictions is None:
        yield variants, plan_scan(store, design, traits, options)
        return
    chrom = store.variants["chrom"].to_numpy()[variants]
    starts = [i for i in range(len(chrom)) if i == 0 or chrom[i] != chrom[i - 1]]
    for first, last in zip(starts, [*starts[1:], len(chrom)], strict=True):
        of_chrom = plan_scan(store, design, traits, options, predictions, str(chrom[first]))
        yield slice(variants.start + first, variants.start + last), of_chrom


def _require_fit(options: ScanOptions, kinds: Mapping[str, str]) -> None:
    """See that a test that was asked for by name fits a trait, and that missing genotypes can be so treated.

    Raises:
        InputError: both faults, if both are there.
    """
    wanted = KINDS_OF_TEST.get(options.test, ())
    problems = []
    if wanted and not set(wanted) & set(kinds.values()):
        listed = ", ".join(f"{name} is {NAME_OF_KIND[kind]}" for name, kind in kinds.items())
        problems.append(
            Problem(
                "--test",
                None,
                "",
                f"{options.test}, but {listed}",
                " or ".join(NAME_OF_KIND[w] for w in wanted),
            )
        )
    if options.missing == "mean" and set(kinds.values()) == {"cox"}:
        problems.append(Problem("--missing", None, "", f"mean with the time to event '{min(kinds)}'", "drop"))
    if problems:
        raise InputError(problems)


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
