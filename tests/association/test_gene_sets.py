"""Masks of genes and own sets against all traits: one decision a gene, and the variant that carries it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.association import genes as genes_module
from endotype.association.acat import cauchy_combination
from endotype.association.genes import RUN_SET_SCHEMA, SetTests, associate_genes, test_sets
from endotype.association.masks import DEFAULT_RULES, GeneSet, mask_rules
from endotype.association.set_files import VariantSet
from endotype.association.set_test import TESTS, SetOptions
from endotype.engine import LocalEngine
from endotype.errors import InputError
from endotype.files import write_json
from endotype.tables import write_parquet
from tests.association.builders import annotation_table, covariate_set, gene_table, make_design, make_store
from tests.reference import association as slow

N, M = 400, 24
OPTIONS = SetOptions(min_carriers=5)


def members(name: str, rows: list[int], mask: str = "m") -> VariantSet:
    return VariantSet(name, mask, np.array(rows, np.int64), None, len(rows))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory):
    rng = np.random.default_rng(7)
    dosages = (rng.random((M, N)) < 0.03).astype(np.int8)
    dosages[5, :60] = 1  # one variant of B does it all
    dosages[20] = 0
    dosages[20, :2] = 1
    carried = dosages[[4, 5, 6]].sum(axis=0)
    dosages[rng.random(dosages.shape) < 0.01] = -1
    covariates = covariate_set(rng, N)
    qt = rng.normal(size=N) + 1.3 * (dosages[5] > 0)
    time = rng.exponential(np.exp(-0.9 * (carried > 0)))
    traits = {
        "qt": ("linear", qt),
        "bt": ("logistic", (qt > 1).astype(float)),
        "surv": ("cox", (time, rng.random(N) < 0.8)),
    }
    store = make_store(tmp_path_factory.mktemp("genes") / "g", dosages)
    return store, make_design(traits, covariates, N), dosages


GENES = [
    GeneSet("A", "E1", members("A", [0, 1, 2, 3], "wide")),
    GeneSet("B", "E2", members("B", [4, 5], "narrow")),
    GeneSet("B", "E2", members("B", [4, 5, 6, 7], "wide")),
    GeneSet("C", "E3", members("C", [20], "wide")),
]
OWN = [members("B", [4, 5, 8, 9]), members("pathway", [10, 11, 12])]
TABLE = gene_table(gene=["B", "A"], gene_id=["E2", "E1"], chrom=["1", "1"], start=[5, 50], end=[9, 90])


@pytest.fixture(scope="module")
def found(study) -> SetTests:
    store, design, _ = study
    return test_sets(store, design, GENES, OWN, TABLE, options=OPTIONS, alpha=0.05)


def test_one_row_a_set_mask_and_test_and_one_a_gene(study, found) -> None:
    sets = found.sets.to_pandas()
    assert found.sets.schema.equals(RUN_SET_SCHEMA)
    assert len(sets) == 3 * (len(GENES) + len(OWN)) * len(TESTS)
    assert sets.loc[sets["kind"] == "set", "set"].unique().tolist() == ["B", "pathway"]
    rows = found.genes.to_pandas()
    expected = [("gene", "B"), ("gene", "A"), ("gene", "C"), ("set", "B"), ("set", "pathway")]
    for trait, mine in rows.groupby("trait"):
        # In the order of the gene table; what it lacks comes after.
        assert list(zip(mine["kind"], mine["gene"], strict=True)) == expected, trait
    gene = rows.iloc[0]
    assert (gene["chrom"], gene["start"], gene["end"], gene["gene_id"]) == ("1", 5, 9, "E2")
    assert rows.loc[rows["gene"] == "C", "status"].tolist() == ["TOO_RARE"] * 3
    assert rows.loc[rows["gene"] == "C", ["neg_log10_p", "beta", "se", "stat"]].isna().all(axis=None)


@pytest.mark.parametrize("trait", ["qt", "bt", "surv"])
def test_a_gene_has_the_p_value_of_its_masks_together(found, trait: str) -> None:
    sets = found.sets.to_pandas().query("trait == @trait and kind == 'gene' and set == 'B'")
    gene = found.genes.to_pandas().query("trait == @trait and kind == 'gene' and gene == 'B'").iloc[0]
    primary = "burden_unweighted" if trait == "surv" else "acato"
    p = sets[sets["test"] == primary].set_index("mask")["neg_log10_p"]
    assert gene["test"] == primary
    assert gene["neg_log10_p"] == cauchy_combination(p[["narrow", "wide"]].to_numpy())
    assert gene["n_masks"] == 2
    assert gene["mask"] == p.idxmax()
    effect = sets[(sets["test"] == "burden_unweighted") & (sets["mask"] == gene["mask"])].iloc[0]
    for column in ("beta", "se", "stat", "n_variants", "n_carriers"):
        assert gene[column] == effect[column]


def test_times_to_event_have_burdens_and_say_so_of_the_rest(found) -> None:
    rows = found.sets.to_pandas().query("trait == 'surv' and set == 'B'")
    burdens = rows["test"].isin(["burden", "burden_unweighted"])
    assert set(rows.loc[burdens, "status"]) == {"OK"}
    assert set(rows.loc[~burdens, "status"]) == {"UNAVAILABLE"}
    assert rows.loc[~burdens, ["neg_log10_p", "method", "stat"]].isna().all(axis=None)
    assert rows.loc[burdens, "neg_log10_p"].min() > 1


def test_the_burden_is_per_allele(study, found) -> None:
    _, design, dosages = study
    filled = dosages[:4].astype(float)
    for row in filled:
        row[row < 0] = row[row >= 0].mean()
    burden = filled.sum(axis=0)
    rows = found.sets.to_pandas().query("set == 'A' and test == 'burden_unweighted'").set_index("trait")

    def standard(trait):
        return (trait.covariates - trait.covariates.mean(axis=0)) / trait.covariates.std(axis=0)

    qt, bt, surv = (design.trait(name) for name in ("qt", "bt", "surv"))
    beta, _, _ = slow.ordinary_least_squares(qt.values, standard(qt), burden)
    assert rows.loc["qt", "beta"] == pytest.approx(beta, rel=1e-9)
    score, information = slow.logistic_score(bt.values, standard(bt), burden)
    assert rows.loc["bt", "beta"] == pytest.approx(score / information, rel=1e-7)
    coefficients = slow.cox_null(surv.values, surv.event, standard(surv))
    score, information = slow.cox_score(surv.values, surv.event, standard(surv), coefficients, burden)
    assert rows.loc["surv", "stat"] == pytest.approx(score / information**0.5, rel=1e-8)
    assert rows.loc["surv", "method"] == "cox_score"
    assert set(rows["n_carriers"]) == {int((dosages[:4] > 0).any(axis=0).sum())}


def test_the_variant_that_carries_a_gene_is_named(study, found) -> None:
    store, _, _ = study
    left = found.leave_one_out.to_pandas()
    first = left.query("trait == 'qt' and kind == 'gene' and rank == 1")
    assert set(first["set"]) == {"B"}
    decided = first[first["test"] == "acato"]
    assert set(decided["variant"]) == {store.variants["id"].iloc[5]}
    assert (decided["neg_log10_p"] - decided["neg_log10_p_without"] > 10).all()
    # Only what is significant, and everything that is: both masks, all tests.
    assert set(zip(first["mask"], first["test"], strict=True)) == {
        (mask, test) for mask in ("narrow", "wide") for test in TESTS
    }
    assert set(left.query("trait == 'qt' and kind == 'set'")["set"]) == {"B"}


def test_genes_and_own_sets_are_families_apart(found) -> None:
    rows = found.genes.to_pandas().query("trait == 'qt'")
    genes = int((rows["kind"] == "gene").sum() - (rows["gene"] == "C").sum())
    needed = -np.log10(0.05 / 3 / genes)
    rows = rows.assign(neg_log10_p=[needed + 1e-9, needed - 1e-9, np.nan, 0.1, 0.2])
    assert genes_module.significant_units(rows, 0.05 / 3).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize("threads", [2, 8])
def test_threads_change_no_byte(study, found, threads: int) -> None:
    store, design, _ = study
    again = test_sets(
        store, design, GENES, OWN, TABLE, options=OPTIONS, alpha=0.05, engine=LocalEngine(threads)
    )
    for name in ("sets", "genes", "leave_one_out"):
        assert getattr(again, name).equals(getattr(found, name)), name


def test_few_carriers_are_too_rare(study) -> None:
    store, design, _ = study
    options = SetOptions(min_carriers=1000)
    rows = test_sets(store, design, GENES[:1], [], TABLE, options=options, alpha=0.05).genes.to_pandas()
    assert set(rows["status"]) == {"TOO_RARE"}
    assert rows["neg_log10_p"].isna().all()
    # Five people with the event are expected among the carriers of a tested set, whatever its carriers.
    few = design.frame.assign(**{"surv.event": (np.arange(N) < 20).astype(float)})
    rare = type(design)(few, design.info)
    found = test_sets(store, rare, GENES[:1], [], TABLE, options=OPTIONS, alpha=0.05).genes.to_pandas()
    assert found.set_index("trait")["status"].to_dict() == {"qt": "OK", "bt": "OK", "surv": "TOO_RARE"}


def test_files_of_a_run(study, tmp_path: Path) -> None:
    _, design, dosages = study
    ids = list(make_store(tmp_path / "g", dosages).variants["id"])
    annotation = annotation_table(
        variant_id=[*ids[:4], ids[4], ids[5]],
        gene=["A"] * 4 + ["LONE", None],
        gene_id=["E1"] * 4 + ["E9", None],
    )
    write_parquet(annotation, tmp_path / "annotation.parquet")
    write_parquet(TABLE, tmp_path / "table.parquet")
    write_parquet(design.frame, tmp_path / "design.parquet")
    write_json(tmp_path / "design.json", design.info)
    own = tmp_path / "own.tsv"
    own.write_text(f"set\tvariant\nmine\t{ids[0]}\nmine\t{ids[1]}\nmine\t1:999999:A:C\n")
    associate_genes(
        tmp_path / "g",
        *(tmp_path / f"{name}.parquet" for name in ("annotation", "table", "design")),
        tmp_path / "design.json",
        tmp_path / "out",
        rules=DEFAULT_RULES,
        min_carriers=5,
        alpha=0.05,
        tests=["skat"],
        set_file=own,
    )
    rows = pd.read_parquet(tmp_path / "out/sets.parquet")
    assert set(zip(rows["kind"], rows["set"], strict=True)) == {("gene", "A"), ("set", "mine")}
    # What was asked for, and what the decision rests on.
    assert set(rows["test"]) == {"skat", "acato", "burden_unweighted"}
    dropped = (tmp_path / "out/sets.dropped.tsv").read_text()
    assert dropped == "set\tvariant\tline\treason\nmine\t1:999999:A:C\t4\tnot in the genotypes\n"
    metadata = genes_module.metadata_of(tmp_path / "out/genes.parquet")
    assert metadata[genes_module.LEFT_TO_VARIANTS] == "2"  # one variant of LONE, in either mask


class TestMaskRules:
    def test_limits_are_those_of_the_section_unless_a_mask_has_its_own(self) -> None:
        masks = [
            {"name": "a", "impacts": ["HIGH"]},
            {
                "name": "b",
                "consequences": ["stop_gained"],
                "max_cohort_frequency": 1,
                "max_population_frequency": 0.2,
            },
        ]
        first, second = mask_rules({"masks": masks, "gene_max_frequency": 0.05})
        assert (first.max_cohort_frequency, first.max_population_frequency) == (0.05, 0.05)
        assert (second.max_cohort_frequency, second.max_population_frequency) == (1, 0.2)
        assert mask_rules({"masks": None, "gene_max_frequency": 0.01}) == DEFAULT_RULES

    def test_the_schema_s_default_is_the_library_s(self) -> None:
        from endotype.config import schema

        keys = schema("config")["properties"]["association"]["properties"]
        section = {"masks": keys["masks"]["default"], "gene_max_frequency": 0.01}
        assert mask_rules(section) == DEFAULT_RULES
        assert tuple(keys["set_tests"]["default"]) == tuple(keys["set_tests"]["items"]["enum"]) == TESTS

    @pytest.mark.parametrize(
        ("masks", "words"),
        [
            ([{"name": "a", "damaging": True}] * 2, "the mask 'a' again"),
            ([{"name": "a"}], "the mask 'a', which takes no variant"),
        ],
    )
    def test_faults_are_named(self, masks: list[dict], words: str) -> None:
        with pytest.raises(InputError, match=words):
            mask_rules({"masks": masks, "gene_max_frequency": 0.01})
