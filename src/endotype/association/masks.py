"""Sets of qualifying variants of each gene, from the annotation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from endotype.association.set_files import VariantIndex, VariantSet
from endotype.errors import InputError, Problem, visible


@dataclass(frozen=True)
class MaskRule:
    """Which variants of a gene qualify.

    A variant does when one of its rows of the gene has one of the ``impacts``, or one of the ``consequences``
    (Sequence Ontology terms), or is damaging and ``damaging`` is set; and the frequency of its alternate
    allele is below both limits. A population frequency that is not known does not exclude.

    Attributes:
        name: of the mask.
        impacts: of ``HIGH MODERATE LOW MODIFIER``.
        consequences: terms such as ``missense_variant``.
        damaging: HIGH impact, or (likely) pathogenic in the clinical source.
        max_cohort_frequency: exclusive; 1 or more does not exclude.
        max_population_frequency: exclusive.
    """

    name: str
    impacts: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    damaging: bool = False
    max_cohort_frequency: float = 0.01
    max_population_frequency: float = 0.01


DEFAULT_RULES = (
    MaskRule("high_impact", ("HIGH",), damaging=True),
    MaskRule("protein_changing", ("HIGH", "MODERATE"), damaging=True),
)
"""Masks where none are configured."""


def mask_rules(section: Mapping[str, Any]) -> tuple[MaskRule, ...]:
    """Masks of the configuration's section ``association``, in its order.

    ``masks`` is a list of mappings with the keys of :class:`MaskRule`, None for :data:`DEFAULT_RULES`; a
    frequency limit that a mask lacks is ``gene_max_frequency``.

    Raises:
        InputError: two masks of one name, or one that no variant can be in.
    """
    limit = float(section["gene_max_frequency"])
    given = section.get("masks")
    if given is None:
        given = [{"name": r.name, "impacts": r.impacts, "damaging": r.damaging} for r in DEFAULT_RULES]
    rules: list[MaskRule] = []
    problems: list[Problem] = []
    for number, mask in enumerate(given):
        limits = [mask.get(f"max_{where}_frequency") for where in ("cohort", "population")]
        rule = MaskRule(
            mask["name"],
            tuple(mask.get("impacts", ())),
            tuple(mask.get("consequences", ())),
            bool(mask.get("damaging", False)),
            *(limit if each is None else float(each) for each in limits),
        )
        where = f"association.masks.{number}"
        if rule.name in {r.name for r in rules}:
            problems.append(
                Problem("configuration", None, where, f"the mask {visible(rule.name)} again", "another name")
            )
        if not (rule.impacts or rule.consequences or rule.damaging):
            found = f"the mask {visible(rule.name)}, which takes no variant"
            problems.append(
                Problem("configuration", None, where, found, "impacts, consequences, or damaging: true")
            )
        rules.append(rule)
    if problems:
        raise InputError(problems)
    return tuple(rules)


@dataclass(frozen=True)
class MaskedVariants:
    """Qualifying variants of the masks.

    Attributes:
        table: columns ``gene gene_id mask variant_id``, unique, in this order.
        n_assessed: variants whose consequence on some transcript or gap between genes is known.
        n_not_assessed: variants whose consequence is not; they are in no mask by impact or consequence, and
            that says nothing about them.
    """

    table: pa.Table
    n_assessed: int
    n_not_assessed: int


def mask_variants(
    annotation: str | Path | pa.Table, rules: Sequence[MaskRule], genes: Collection[str] | None = None
) -> MaskedVariants:
    """Apply masks to ``annotation/variants.parquet`` (or a table with its columns).

    With ``genes``, names, only to those.

    Raises:
        ValueError: two rules of one name.
    """
    if len({r.name for r in rules}) != len(rules):
        raise ValueError("masks must have different names")
    schema = pa.schema([(c, pa.string()) for c in ("gene", "gene_id", "mask", "variant_id")])
    with duckdb.connect(config={"threads": 1}) as connection:
        rows: duckdb.DuckDBPyRelation
        if isinstance(annotation, pa.Table):
            rows = connection.from_arrow(annotation)
        else:
            rows = connection.read_parquet(str(annotation))
        if genes is not None:
            wanted = [duckdb.ConstantExpression(gene) for gene in genes]
            gene = duckdb.ColumnExpression("gene")
            rows = rows.filter(gene.isin(*wanted) if wanted else duckdb.ConstantExpression(False))
        rows.create_view("effects")
        counts = connection.sql(
            "SELECT count(*) FILTER (assessed), count(*) FILTER (NOT assessed)"
            " FROM (SELECT bool_or(consequence_status = 'assessed') AS assessed"
            " FROM effects GROUP BY variant_id)"
        ).fetchall()[0]
        parts = [connection.sql(_QUERY, params=_parameters(rule)).to_arrow_table() for rule in rules]
    table = pa.concat_tables([schema.empty_table(), *(part.cast(schema) for part in parts)])
    order = [(c, "ascending") for c in schema.names]
    return MaskedVariants(table.sort_by(order), int(counts[0]), int(counts[1]))


@dataclass(frozen=True)
class GeneSet:
    """The qualifying variants of a gene under one mask."""

    gene: str
    gene_id: str | None
    members: VariantSet


def masked_sets(masked: MaskedVariants, index: VariantIndex) -> tuple[GeneSet, ...]:
    """Sets of genotype rows, by gene and mask; a gene's set is named ``GENE`` or, if two share it, its id.

    Variants that the genotypes lack are counted in ``n_listed`` only.
    """
    ids: dict[str, set[str | None]] = {}
    members: dict[tuple[str, str | None, str], list[str]] = {}
    columns = (masked.table[c].to_pylist() for c in ("gene", "gene_id", "mask", "variant_id"))
    for gene, gene_id, mask, variant in zip(*columns, strict=True):
        ids.setdefault(gene, set()).add(gene_id)
        members.setdefault((gene, gene_id, mask), []).append(variant)
    sets = []
    for (gene, gene_id, mask), variants in members.items():
        rows = index.in_order(row for v in variants if (row := index.find(v)) is not None)
        name = gene if len(ids[gene]) == 1 or gene_id is None else gene_id
        found = VariantSet(name, mask, np.array(rows, np.int64), None, len(variants))
        sets.append(GeneSet(gene, gene_id, found))
    return tuple(sorted(sets, key=lambda s: (s.members.name, s.members.mask)))


_QUERY = """
SELECT DISTINCT gene, gene_id, $name AS mask, variant_id
FROM effects
WHERE gene IS NOT NULL
  AND cohort_af < $cohort
  AND (population_af IS NULL OR isnan(population_af) OR population_af < $population)
  AND (coalesce(list_contains($impacts::VARCHAR[], impact), false)
    OR coalesce(list_has_any(string_split(consequence, '&'), $consequences::VARCHAR[]), false)
    OR ($damaging AND coalesce(damaging, false)))
"""


def _parameters(rule: MaskRule) -> dict[str, object]:
    return {
        "name": rule.name,
        "impacts": list(rule.impacts),
        "consequences": list(rule.consequences),
        "damaging": rule.damaging,
        "cohort": rule.max_cohort_frequency,
        "population": rule.max_population_frequency,
    }
