"""The sets of a run: masks of every gene, and the user's own, against every testable trait.

A gene (or set of the user's) is judged by one p-value, so that testing it in several ways costs nothing in
significance beyond one test: ACAT-O of each mask, which combines burden, SKAT and ACAT-V, and Cauchy's
combination of the masks. A time to event has no ACAT-O; the unweighted burden of each mask takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from endotype.association.acat import cauchy_combination
from endotype.association.design import Design, read_design
from endotype.association.loci import significant
from endotype.association.masks import GeneSet, MaskRule, mask_variants, masked_sets
from endotype.association.set_files import VariantIndex, VariantSet
from endotype.association.set_input import read_sets
from endotype.association.set_lovo import LOVO_SCHEMA, scan_leave_one_out
from endotype.association.set_test import TESTS, SetOptions
from endotype.association.sets import SET_SCHEMA, scan_sets
from endotype.engine import Engine, EngineSettings, open_engine
from endotype.tables import read_parquet, write_arrow, write_tsv
from endotype.variants.plink import GenotypeStore, open_store

MIN_VARIANTS = 2
"""A gene with fewer qualifying variants is left to the test of the single variant."""

NOT_ASSESSED = "not_assessed"
"""Key of the metadata of a result without genes because consequences were not assessed; holds the reason."""

LEFT_TO_VARIANTS = "left_to_variants"
"""Key of the metadata: how many masks of genes have fewer than :data:`MIN_VARIANTS` variants."""

GENE, OWN = "gene", "set"
"""Kinds of units: a gene with its masks, or a set of the user's."""

PRIMARY, COX_PRIMARY = "acato", "burden_unweighted"
"""The test that decides about a mask, and the one that does for a time to event."""

_KIND = pa.field("kind", pa.string())

RUN_SET_SCHEMA = SET_SCHEMA.insert(1, _KIND)
"""Columns of ``association/sets.parquet``."""

RUN_LOVO_SCHEMA = LOVO_SCHEMA.insert(1, _KIND)
"""Columns of ``association/leave_one_out.parquet``."""

GENE_SCHEMA = pa.schema(
    [
        ("trait", pa.string()),
        ("kind", pa.string()),
        ("gene", pa.string()),
        ("gene_id", pa.string()),
        ("chrom", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("mask", pa.string()),
        ("n_masks", pa.int64()),
        ("n_variants", pa.int64()),
        ("n_carriers", pa.int64()),
        ("n", pa.int64()),
        ("beta", pa.float64()),
        ("se", pa.float64()),
        ("stat", pa.float64()),
        ("neg_log10_p", pa.float64()),
        ("test", pa.string()),
        ("status", pa.string()),
    ]
)
"""Columns of ``association/genes.parquet``. ``neg_log10_p``: of the gene, over its ``n_masks`` tested masks;
``mask``: the one with the smallest p-value, which ``n_variants n_carriers beta se stat`` are of, the last
three of its unweighted burden, per rare allele. ``test`` decided about each mask."""


@dataclass(frozen=True)
class Unit:
    """A gene with its masks, or a set of the user's with its masks: what one decision is about.

    ``masks`` are places in the list of all sets; ``chrom start end`` are of a gene that the gene table has.
    """

    kind: str
    name: str
    gene_id: str | None
    chrom: str | None
    start: int | None
    end: int | None
    masks: tuple[int, ...]


@dataclass(frozen=True)
class SetTests:
    """What :func:`test_sets` finds; tables of the schemas of this module."""

    sets: pa.Table
    genes: pa.Table
    leave_one_out: pa.Table


def associate_genes(
    bfile: str | Path,
    annotation: str | Path,
    genes: str | Path,
    design: str | Path,
    design_info: str | Path,
    out_dir: str | Path,
    *,
    rules: Sequence[MaskRule],
    min_carriers: int,
    alpha: float,
    tests: Sequence[str] = TESTS,
    set_file: str | Path | None = None,
    threads: int = 1,
    engine: EngineSettings | None = None,
) -> None:
    """Test the masks of all genes, and the sets of a file, against every testable trait of a design.

    Writes ``sets.parquet``, ``genes.parquet``, ``leave_one_out.parquet`` (of significant genes and sets) and
    ``sets.dropped.tsv`` (variants of the file that were not tested) into ``out_dir``.

    Args:
        bfile: prefix of the genotypes.
        annotation: ``annotation/variants.parquet``.
        genes: ``annotation/genes.parquet``, for the places of genes.
        design, design_info: who is analysed and how.
        out_dir: ``association/``.
        rules: masks of genes.
        min_carriers: sets with fewer people who carry a rarer allele are ``TOO_RARE``.
        alpha: family-wise error rate over the genes (and again over the sets of the file) of all traits.
        tests: shown in ``sets.parquet``, beside those that decide.
        set_file: see :func:`~endotype.association.set_input.read_sets`.
        threads: share the sets, where this process tests them. The result does not depend on it,
        engine: nor on where sets are tested.
    """
    store = open_store(bfile)
    index = VariantIndex(store.variants)
    masked = mask_variants(annotation, rules)
    metadata = {}
    if masked.n_not_assessed and not masked.n_assessed:
        metadata[NOT_ASSESSED] = "consequences of variants were not assessed"
    of_genes = masked_sets(masked, index)
    enough = [s for s in of_genes if len(s.members.rows) >= MIN_VARIANTS]
    metadata[LEFT_TO_VARIANTS] = str(len(of_genes) - len(enough))
    own: tuple[VariantSet, ...] = ()
    dropped = pd.DataFrame(columns=["set", "variant", "line", "reason"])
    if set_file is not None:
        read = read_sets(set_file, index)
        own, dropped = read.sets, read.dropped
    out = Path(out_dir)
    with open_engine(engine, threads, out) as opened:
        found = test_sets(
            *(store, read_design(design, design_info), enough, own, read_parquet(genes)),
            options=SetOptions(
                tests=tuple(t for t in TESTS if t in (*tests, PRIMARY, COX_PRIMARY)),
                min_minor_alleles=0,  # the user decides by carriers
                min_carriers=min_carriers,
            ),
            alpha=alpha,
            engine=opened,
        )
    write_arrow(found.sets, out / "sets.parquet")
    write_arrow(found.genes.replace_schema_metadata(metadata), out / "genes.parquet")
    write_arrow(found.leave_one_out, out / "leave_one_out.parquet")
    write_tsv(dropped, out / "sets.dropped.tsv")


def metadata_of(path: str | Path) -> dict[str, str]:
    """What ``genes.parquet`` says of itself; keys :data:`NOT_ASSESSED` and :data:`LEFT_TO_VARIANTS`."""
    metadata = pq.read_schema(path).metadata or {}
    return {key.decode(): value.decode() for key, value in metadata.items()}


def test_sets(
    store: GenotypeStore,
    design: Design,
    genes: Sequence[GeneSet],
    own: Sequence[VariantSet],
    gene_table: pd.DataFrame,
    *,
    options: SetOptions,
    alpha: float,
    engine: Engine | None = None,
) -> SetTests:
    """Test masks of genes and other sets; say which genes and sets are significant, and by which variant.

    Args:
        store: the genotypes.
        design: who is analysed and how.
        genes: masks of genes.
        own: other sets.
        gene_table: ``annotation/genes.parquet``; genes are in its order, those it lacks come last, by name.
        options: how; the tests that decide are among ``options.tests``.
        alpha: as of :func:`associate_genes`.
        engine: tests the sets; None is one thread of this process.
    """
    sets = [*(s.members for s in genes), *own]
    kinds = [GENE] * len(genes) + [OWN] * len(own)
    table = scan_sets(store, design, design.traits, sets, options, engine=engine)
    per_set = len(options.tests)
    kind_of_row = np.repeat(np.array(kinds * len(design.traits), object), per_set)
    of_sets = table.add_column(1, _KIND, pa.array(kind_of_row, pa.string()))
    units = _units(genes, own, gene_table)
    rows = of_sets.to_pandas()
    of_units, left_out = [GENE_SCHEMA.empty_table()], [RUN_LOVO_SCHEMA.empty_table()]
    for number, trait in enumerate(design.traits):
        mine = rows.iloc[number * len(sets) * per_set : (number + 1) * len(sets) * per_set]
        primary = COX_PRIMARY if design.info["traits"][trait]["type"] == "cox" else PRIMARY
        judged = _judge(trait, units, mine, primary)
        of_units.append(judged)
        hits = significant_units(judged.to_pandas(), alpha / max(1, len(design.traits)))
        for kind in (GENE, OWN):
            found = [u for u, hit in zip(units, hits, strict=True) if hit and u.kind == kind]
            chosen = [sets[i] for u in found for i in u.masks]
            without = scan_leave_one_out(store, design, [trait], chosen, options, engine=engine)
            left_out.append(without.add_column(1, _KIND, pa.repeat(pa.scalar(kind), len(without))))
    return SetTests(
        of_sets.combine_chunks().cast(RUN_SET_SCHEMA),
        pa.concat_tables(of_units).combine_chunks(),
        pa.concat_tables(left_out).combine_chunks(),
    )


test_sets.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a test


def significant_units(judged: pd.DataFrame, alpha: float) -> np.ndarray:
    """bool, which rows of :data:`GENE_SCHEMA` of one trait are significant.

    Bonferroni over the genes, and apart from them over the sets of the user.
    """
    hits = np.zeros(len(judged), bool)
    for kind in (GENE, OWN):
        rows = (judged["kind"] == kind).to_numpy(bool)
        hit, _ = significant(judged.loc[rows, "neg_log10_p"], alpha)
        hits[rows] = hit.to_numpy(bool)
    return hits


def _units(genes: Sequence[GeneSet], own: Sequence[VariantSet], gene_table: pd.DataFrame) -> list[Unit]:
    """Genes in the order of the gene table, then those it lacks, by name, then the other sets, by name."""
    table = gene_table[["gene", "gene_id", "chrom", "start", "end"]]
    known: dict[tuple[str, str | None], tuple[int, str, int, int]] = {}
    for order, (gene, gene_id, chrom, start, end) in enumerate(table.itertuples(index=False, name=None)):
        if isinstance(chrom, str):
            name = gene_id if isinstance(gene_id, str) else None
            known.setdefault((str(gene), name), (order, chrom, int(start), int(end)))
    masks: dict[tuple[str, str | None], list[int]] = {}
    for i, of_gene in enumerate(genes):
        masks.setdefault((of_gene.gene, of_gene.gene_id), []).append(i)
    others: dict[str, list[int]] = {}
    for i, members in enumerate(own, len(genes)):
        others.setdefault(members.name, []).append(i)

    def order_of(key: tuple[str, str | None]) -> tuple[float, str, str]:
        return (known[key][0] if key in known else np.inf, key[0], key[1] or "")

    units = []
    for key in sorted(masks, key=order_of):
        chrom, start, end = known[key][1:] if key in known else (None, None, None)
        units.append(Unit(GENE, *key, chrom, start, end, tuple(masks[key])))
    units += [Unit(OWN, name, None, None, None, None, tuple(others[name])) for name in sorted(others)]
    return units


def _judge(trait: str, units: Sequence[Unit], rows: pd.DataFrame, primary: str) -> pa.Table:
    """Rows of :data:`GENE_SCHEMA` of one trait, from its rows of all sets and tests."""
    decides = rows[rows["test"] == primary].to_dict("records")
    effects = rows[rows["test"] == COX_PRIMARY].to_dict("records")
    found: list[dict[str, Any]] = []
    for unit in units:
        p = np.array([decides[i]["neg_log10_p"] for i in unit.masks], float)
        tested = np.isfinite(p)
        # Without a result, the mask that was nearest to one; the first of equal ones.
        best = int(np.nanargmax(p)) if tested.any() else 0
        if not tested.any():
            best = int(np.argmax([decides[i]["n_variants"] for i in unit.masks]))
        lead, effect = decides[unit.masks[best]], effects[unit.masks[best]]
        found.append(
            {
                "trait": trait,
                "kind": unit.kind,
                "gene": unit.name,
                "gene_id": unit.gene_id,
                "chrom": unit.chrom,
                "start": unit.start,
                "end": unit.end,
                "mask": lead["mask"],
                "n_masks": int(tested.sum()),
                **{name: lead[name] for name in ("n_variants", "n_carriers", "n", "status")},
                **{name: effect[name] for name in ("beta", "se", "stat")},
                "neg_log10_p": cauchy_combination(p) if tested.any() else None,
                "test": primary,
            }
        )
    columns = {name: [row[name] for row in found] for name in GENE_SCHEMA.names}
    return pa.table(
        {
            name: pa.array(values, GENE_SCHEMA.field(name).type, from_pandas=True)
            for name, values in columns.items()
        },
        schema=GENE_SCHEMA,
    )
