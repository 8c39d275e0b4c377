"""Sets of variants from the annotation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endotype.association.masks import DEFAULT_RULES, MaskRule, mask_variants, masked_sets
from endotype.association.set_files import VariantIndex


def annotation(rows: list[dict[str, object]]) -> pa.Table:
    defaults: dict[str, object] = {
        "gene": "G1",
        "gene_id": "E1",
        "impact": "LOW",
        "consequence": "synonymous_variant",
        "damaging": False,
        "cohort_af": 0.001,
        "population_af": None,
        "consequence_status": "assessed",
    }
    types = {"damaging": pa.bool_(), "cohort_af": pa.float64(), "population_af": pa.float64()}
    filled = [defaults | row for row in rows]
    columns = ["variant_id", *defaults]
    return pa.table({c: pa.array([r[c] for r in filled], types.get(c, pa.string())) for c in columns})


def chosen(table: pa.Table, *rules: MaskRule) -> list[tuple[str, str, str]]:
    found = mask_variants(table, rules).table
    return list(zip(*(found[c].to_pylist() for c in ("gene", "mask", "variant_id")), strict=True))


class TestRules:
    def test_impact_consequence_and_damaging_are_alternatives(self) -> None:
        table = annotation(
            [
                {"variant_id": "a", "impact": "HIGH"},
                {"variant_id": "b", "consequence": "splice_region_variant&intron_variant"},
                {"variant_id": "c", "damaging": True},
                {"variant_id": "d"},
                {"variant_id": "e", "impact": None, "consequence": None, "damaging": None},
            ]
        )
        rule = MaskRule("m", ("HIGH",), ("splice_region_variant",), damaging=True)
        assert chosen(table, rule) == [("G1", "m", v) for v in "abc"]
        assert chosen(table, MaskRule("m", ("HIGH",))) == [("G1", "m", "a")]
        assert chosen(table, MaskRule("m", (), ("splice_region",))) == []  # a term, not a part of one

    def test_frequency_limits(self) -> None:
        table = annotation(
            [
                {"variant_id": "a", "impact": "HIGH", "cohort_af": 0.01},
                {"variant_id": "b", "impact": "HIGH", "population_af": 0.01},
                {"variant_id": "c", "impact": "HIGH", "population_af": 0.0099},
                {"variant_id": "d", "impact": "HIGH", "population_af": None},
                {"variant_id": "e", "impact": "HIGH", "population_af": float("nan")},
            ]
        )
        assert [v for *_, v in chosen(table, MaskRule("m", ("HIGH",)))] == ["c", "d", "e"]

    def test_any_transcript_of_the_gene_counts_once_and_none_elsewhere(self) -> None:
        table = annotation(
            [
                {"variant_id": "a", "impact": "HIGH"},
                {"variant_id": "a", "impact": "HIGH"},
                {"variant_id": "a", "gene": "G2", "gene_id": "E2"},
                {"variant_id": "b", "gene": None, "impact": "HIGH"},
            ]
        )
        assert chosen(table, MaskRule("m", ("HIGH",))) == [("G1", "m", "a")]

    def test_not_assessed_is_counted_apart(self) -> None:
        table = annotation(
            [
                {"variant_id": "a", "impact": "HIGH"},
                {
                    "variant_id": "b",
                    "consequence_status": "not_assessed",
                    "impact": None,
                    "consequence": None,
                },
                {"variant_id": "c", "consequence_status": "not_assessed", "gene": "G2", "impact": None},
                {"variant_id": "c", "gene": "G1"},
            ]
        )
        found = mask_variants(table, DEFAULT_RULES)
        assert (found.n_assessed, found.n_not_assessed) == (2, 1)
        assert found.table["mask"].to_pylist() == ["high_impact", "protein_changing"]

    def test_parquet_and_hostile_names(self, tmp_path: Path) -> None:
        hostile = "'; DROP TABLE effects; --"
        table = annotation([{"variant_id": "=cmd()", "gene": hostile, "impact": "HIGH"}])
        path = tmp_path / "it's.parquet"
        pq.write_table(table, path)
        found = mask_variants(path, [MaskRule(hostile, ("HIGH",))]).table
        assert found.to_pylist() == [
            {"gene": hostile, "gene_id": "E1", "mask": hostile, "variant_id": "=cmd()"}
        ]

    def test_order_of_rows_does_not_matter(self) -> None:
        table = annotation(
            [{"variant_id": v, "impact": "HIGH", "gene": g} for v in "abc" for g in ("G2", "G1")]
        )
        shuffled = table.take(np.random.default_rng(1).permutation(len(table)))
        assert mask_variants(table, DEFAULT_RULES).table.equals(mask_variants(shuffled, DEFAULT_RULES).table)

    def test_two_rules_of_one_name_are_refused(self) -> None:
        with pytest.raises(ValueError, match="different names"):
            mask_variants(annotation([]), [MaskRule("m"), MaskRule("m")])

    def test_no_rows(self) -> None:
        found = mask_variants(annotation([]), DEFAULT_RULES)
        assert (len(found.table), found.n_assessed, found.n_not_assessed) == (0, 0, 0)


class TestSets:
    def test_rows_of_the_genotypes(self) -> None:
        rows = [
            {"variant_id": "1:300:A:C", "impact": "HIGH"},
            {"variant_id": "1:100:A:C", "impact": "HIGH"},
            {"variant_id": "1:999:A:C", "impact": "HIGH"},
            {"variant_id": "1:200:A:C", "impact": "HIGH", "gene": "DUP", "gene_id": "E5"},
            {"variant_id": "1:100:A:C", "impact": "HIGH", "gene": "DUP", "gene_id": "E6"},
        ]
        variants = pd.DataFrame(
            {"id": [f"1:{p}00:A:C" for p in (1, 2, 3)], "chrom": "1", "pos": [100, 200, 300]}
        )
        index = VariantIndex(variants.assign(alt="C", ref="A"))
        sets = masked_sets(mask_variants(annotation(rows), DEFAULT_RULES[:1]), index)
        found = [(s.members.name, s.gene, s.members.rows.tolist(), s.members.n_listed) for s in sets]
        assert found == [("E5", "DUP", [1], 1), ("E6", "DUP", [0], 1), ("G1", "G1", [0, 2], 3)]
