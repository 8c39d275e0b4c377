"""Genes, loci, pictures and the summary: from the shards to the files of association/."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from endotype.association.cox_rare import refine_cox_dense
from endotype.association.genes import associate_genes, qualifying, scan_genes
from endotype.association.inflation import genomic_inflation
from endotype.association.loci import NearestGene, gene_loci, significant, variant_loci
from endotype.association.manhattan import one_per_cell
from endotype.association.plot import plot_not_assessed, plot_trait
from endotype.association.scan import associate, fit_null
from endotype.association.summary import summarise_association
from endotype.errors import InputError
from endotype.files import write_json
from endotype.tables import write_parquet
from tests.association.builders import (
    annotation_table,
    covariate_set,
    gene_table,
    make_design,
    make_store,
)
from tests.reference import association as slow

N, M = 400, 300


def planted(folder: Path) -> dict[str, Path]:
    """A fileset with one causal variant (index 40) and one burden gene (G2), annotated, with its design."""
    rng = np.random.default_rng(21)
    frequency = rng.uniform(0.1, 0.5, M)
    dosages = rng.binomial(2, frequency[:, None], (M, N)).astype(np.int8)
    dosages[41] = dosages[40]  # in perfect LD with the causal one
    for i in range(200, 216):  # four rare variants in each of four genes
        dosages[i] = rng.random(N) < 0.012
    dosages[rng.random(dosages.shape) < 0.01] = -1
    chroms = ["1"] * 100 + ["2"] * 200
    store = make_store(folder / "g", dosages, chroms)
    burden = np.maximum(dosages[204:208], 0).sum(axis=0)
    qt = 0.9 * dosages[40] + 2.5 * burden + rng.normal(size=N)
    traits = {
        "qt": ("linear", qt),
        "null_status": ("logistic", rng.integers(0, 2, N)),
        "surv": ("cox", (rng.exponential(size=N), rng.integers(0, 2, N))),
        "empty": ("linear", np.full(N, np.nan)),
    }
    design = make_design(traits, covariate_set(rng, N), N)
    write_parquet(design.frame, folder / "design.parquet")
    write_json(folder / "design.json", design.info)
    ids = list(store.variants["id"])
    gene = [None] * M
    for i in range(200, 216):
        gene[i] = f"G{(i - 200) // 4 + 1}"
    annotation = annotation_table(variant_id=ids, gene=pd.Series(gene, dtype="str"))
    write_parquet(annotation, folder / "annotation.parquet")
    genes = gene_table(
        gene=["G0", "G1", "G2", "G3", "G4"],
        gene_id=["G0", "G1", "G2", "G3", "G4"],
        chrom=["1", "2", "2", "2", "2"],
        start=[4500, 20000, 20400, 20800, 21200],
        end=[5000, 20399, 20799, 21199, 21599],
    )
    write_parquet(genes, folder / "genes_table.parquet")
    return {"bfile": folder / "g", "folder": folder}


def run_all(folder: Path, out: Path, cut: int = 100) -> None:
    design = {"design": folder / "design.parquet", "design_info": folder / "design.json"}
    shards = []
    for i, region in enumerate(["1:1-3000", "1:3001-999999", "2"]):
        shards.append(out / f"shards/{i}.parquet")
        associate(folder / "g", shards[-1], region=region, **design)
    associate_genes(
        folder / "g",
        folder / "annotation.parquet",
        folder / "genes_table.parquet",
        folder / "design.parquet",
        folder / "design.json",
        out / "genes.parquet",
        max_frequency=0.01,
        min_carriers=5,
    )
    summarise_association(
        shards,
        out / "genes.parquet",
        folder / "design.json",
        folder / "annotation.parquet",
        out,
        alpha=0.05,
        locus_window=500_000,
        gene_table=folder / "genes_table.parquet",
        bim=folder / "g.bim",
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("planted")
    planted(folder)
    run_all(folder, folder / "association")
    return folder, folder / "association"


CONTRACT = {
    "variant": "id chrom pos effect_allele other_allele n n_missing eac eaf beta se stat neg_log10_p"
    " test status",
    "cases": "n_cases n_controls eaf_cases eaf_controls",
    "gene": "gene gene_id chrom start end n_variants n_carriers n beta se stat neg_log10_p test status",
    "loci": "trait kind id chrom pos start end gene effect_allele eaf beta se neg_log10_p n"
    " n_significant threshold",
}


def test_every_trait_has_its_files_with_the_columns_of_the_contract(run):
    _, out = run
    variant, cases = CONTRACT["variant"].split(), CONTRACT["cases"].split()
    for trait in ("qt", "null_status", "surv", "empty"):
        columns = variant if trait == "qt" else variant + cases
        assert pq.read_schema(out / f"{trait}.parquet").names == columns
        assert pq.read_schema(out / f"{trait}.genes.parquet").names == CONTRACT["gene"].split()
        assert ET.parse(out / f"{trait}.svg").getroot().tag.endswith("svg")
    assert pq.read_schema(out / "loci.parquet").names == CONTRACT["loci"].split()
    assert pq.read_metadata(out / "qt.parquet").num_rows == M
    assert pq.read_metadata(out / "empty.parquet").num_rows == 0


def test_planted_variant_and_gene_are_found_and_nothing_else(run):
    _, out = run
    loci = pd.read_parquet(out / "loci.parquet")
    assert list(loci["trait"] + "/" + loci["kind"]) == ["qt/variant", "qt/gene"]
    variant, gene = loci.iloc[0], loci.iloc[1]
    assert variant["id"] in ("1:4100:A:C", "1:4200:A:C")
    assert (variant["start"], variant["end"], variant["n_significant"]) == (4100, 4200, 2)
    assert variant["gene"] == "G0"  # touches none; this one is nearest
    assert variant["threshold"] == pytest.approx(0.05 / 3 / 300, rel=0.1)  # three traits are tested
    assert gene["id"] == gene["gene"] == "G2"
    assert pd.isna(gene["effect_allele"]) and pd.isna(gene["eaf"])
    assert gene["threshold"] == pytest.approx(0.05 / 3 / 4)


def test_summary_says_what_was_done_and_what_was_not(run):
    _, out = run
    summary = json.loads((out / "summary.json").read_text())
    traits = summary["traits"]
    assert traits["empty"] == {"assessed": False, "reason": "all values are missing"}
    assert traits["qt"]["variants"]["n"] == M
    assert sum(traits["qt"]["variants"]["status"].values()) == M
    assert traits["qt"]["variants"]["n_tests"] == traits["qt"]["variants"]["status"]["OK"]
    assert traits["qt"]["genes"]["n_significant"] == 1
    assert traits["null_status"]["variants"]["n_significant"] == 0
    assert 0.6 < traits["surv"]["inflation"] < 1.5
    assert traits["surv"]["n_cases"] + traits["surv"]["n_controls"] == N
    line = traits["qt"]["statement"]
    assert "Bonferroni's, 0.05 over the variants (and again over the genes) of 3 traits" in line
    for name in ("qt.parquet", "qt.genes.parquet"):
        assert pq.read_schema(out / name).metadata[b"statement"].decode() == line
    assert traits["qt"]["diagnostics"]["lambda"] == traits["qt"]["inflation"]
    assert "missing_genotypes" in summary["method"] and "sex_chromosomes" in summary["method"]


def test_same_input_gives_the_same_bytes(run, tmp_path):
    folder, out = run
    run_all(folder, tmp_path / "again")
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        again = tmp_path / "again" / path.relative_to(out)
        assert path.read_bytes() == again.read_bytes(), path.name


def test_missing_or_doubled_shards_are_refused(run, tmp_path):
    folder, out = run
    shards = [out / f"shards/{i}.parquet" for i in range(3)]
    for wrong in (shards[:2], [*shards, shards[2]], shards[::-1]):
        with pytest.raises(InputError, match="each once and in the same order"):
            summarise_association(
                wrong,
                out / "genes.parquet",
                folder / "design.json",
                folder / "annotation.parquet",
                tmp_path,
                alpha=0.05,
                locus_window=1000,
                bim=folder / "g.bim",
            )


def test_burden_is_least_squares_on_the_sum_of_alleles(run):
    folder, out = run
    from endotype.association.design import read_design
    from endotype.variants.plink import open_store

    store = open_store(folder / "g")
    dosages = store.dosages(slice(204, 208)).astype(float)
    for row in dosages:
        row[row < 0] = row[row >= 0].mean()
    trait = read_design(folder / "design.parquet", folder / "design.json").trait("qt")
    standard = (trait.covariates - trait.covariates.mean(axis=0)) / trait.covariates.std(axis=0)
    beta, se, _ = slow.ordinary_least_squares(trait.values, standard, dosages.sum(axis=0))
    row = pd.read_parquet(out / "qt.genes.parquet").set_index("gene").loc["G2"]
    np.testing.assert_allclose([row["beta"], row["se"]], [beta, se], rtol=1e-9)
    assert row["n_carriers"] == (store.dosages(slice(204, 208)) > 0).any(axis=0).sum()
    assert row["n_variants"] == 4


def test_burdens_of_score_tests_equal_the_slow_twins(run):
    folder, _ = run
    from endotype.association.design import read_design
    from endotype.variants.plink import open_store

    store, design = open_store(folder / "g"), read_design(folder / "design.parquet", folder / "design.json")
    ids = store.variants["id"]
    sets = pd.DataFrame({"gene": "X", "gene_id": "X", "variant_id": list(ids[:3])})
    table = scan_genes(
        store, sets, gene_table(gene=[], gene_id=[], chrom=[], start=[], end=[]), design, min_carriers=1
    )
    rows = table.to_pandas().set_index("trait")
    dosages = store.dosages(slice(0, 3)).astype(float)
    for row in dosages:
        row[row < 0] = row[row >= 0].mean()
    burden = dosages.sum(axis=0)

    def standard(trait):
        return (trait.covariates - trait.covariates.mean(axis=0)) / trait.covariates.std(axis=0)

    binary, survival = design.trait("null_status"), design.trait("surv")
    score, information = slow.logistic_score(binary.values, standard(binary), burden)
    assert rows.loc["null_status", "stat"] == pytest.approx(score / information**0.5, rel=1e-8)
    coefficients = slow.cox_null(survival.values, survival.event, standard(survival))
    score, information = slow.cox_score(
        survival.values, survival.event, standard(survival), coefficients, burden
    )
    assert rows.loc["surv", "stat"] == pytest.approx(score / information**0.5, rel=1e-8)
    assert pd.isna(rows.loc["surv", "chrom"])  # the gene table doesn't know it


def test_a_remarkable_burden_on_a_time_to_event_is_tested_again(tmp_path):
    rng = np.random.default_rng(4)
    dosages = (rng.random((4, N)) < 0.05).astype(np.int8)
    burden = dosages.sum(axis=0).astype(float)
    time, event = rng.exponential(np.exp(-1.5 * burden)), rng.random(N) < 0.6
    design = make_design(
        {"surv": ("cox", (time, event, np.minimum(0.05 * rng.random(N), 0.5 * time)))},
        covariate_set(rng, N),
        N,
    )
    store = make_store(tmp_path / "g", dosages)
    sets = pd.DataFrame({"gene": "X", "gene_id": "X", "variant_id": list(store.variants["id"])})
    genes = gene_table(gene=[], gene_id=[], chrom=[], start=[], end=[])
    row = scan_genes(store, sets, genes, design, min_carriers=1).to_pandas().iloc[0]
    found = refine_cox_dense(burden[None], fit_null(design.trait("surv")), np.arange(1))
    assert (row["test"], row["status"]) == ("cox_spa_firth", found.status[0])
    for name in ("beta", "se", "stat", "neg_log10_p"):
        assert row[name] == getattr(found.statistics, name)[0]
    assert 0.8 < row["beta"] < 2.2 and row["stat"] > 5


def test_only_rare_protein_changing_variants_qualify():
    effects = annotation_table(
        variant_id=list("abcdefgh"),
        gene=["G", "G", "G", "G", "G", "G", None, "G"],
        gene_id=["1", "1", "1", "1", "1", "1", None, "1"],
        impact=["HIGH", "MODERATE", "LOW", "LOW", "HIGH", "HIGH", "HIGH", None],
        damaging=pd.array([True, False, False, True, True, True, True, pd.NA], "boolean"),
        population_af=[np.nan, 0.009, np.nan, np.nan, 0.01, np.nan, np.nan, np.nan],
        cohort_af=[0.001, 0.001, 0.001, 0.001, 0.001, 0.01, 0.001, 0.001],
    )
    twice = pd.concat([effects, effects])  # more transcripts of the same gene
    assert list(qualifying(twice, 0.01)["variant_id"]) == ["a", "b", "d"]


def test_genes_with_few_carriers_are_kept_with_the_reason(run):
    folder, _ = run
    from endotype.association.design import read_design
    from endotype.variants.plink import open_store

    store, design = open_store(folder / "g"), read_design(folder / "design.parquet", folder / "design.json")
    sets = qualifying(pd.read_parquet(folder / "annotation.parquet"), 0.01)
    genes = pd.read_parquet(folder / "genes_table.parquet")
    table = scan_genes(store, sets, genes, design, min_carriers=1000).to_pandas()
    assert set(table["status"]) == {"TOO_RARE"}
    assert table["neg_log10_p"].isna().all()
    single = scan_genes(store, sets.groupby("gene").head(1), genes, design, min_carriers=1)
    assert single.num_rows == 0


def test_without_consequences_genes_are_not_assessed(run, tmp_path):
    folder, out = run
    annotation = pd.read_parquet(folder / "annotation.parquet")
    annotation[["gene", "gene_id", "impact"]] = None
    annotation["damaging"] = None
    annotation["consequence_status"] = "not_assessed"
    write_parquet(annotation, tmp_path / "annotation.parquet")
    associate_genes(
        folder / "g",
        tmp_path / "annotation.parquet",
        folder / "genes_table.parquet",
        folder / "design.parquet",
        folder / "design.json",
        tmp_path / "genes.parquet",
        max_frequency=0.01,
        min_carriers=5,
    )
    assert pq.read_metadata(tmp_path / "genes.parquet").num_rows == 0
    summarise_association(
        [out / f"shards/{i}.parquet" for i in range(3)],
        tmp_path / "genes.parquet",
        folder / "design.json",
        tmp_path / "annotation.parquet",
        tmp_path,
        alpha=0.05,
        locus_window=500_000,
    )
    genes = json.loads((tmp_path / "summary.json").read_text())["traits"]["qt"]["genes"]
    assert genes == {"assessed": False, "reason": "consequences of variants were not assessed"}
    assert pd.read_parquet(tmp_path / "loci.parquet")["gene"].isna().all()


def test_no_variants_still_give_every_file(tmp_path):
    rng = np.random.default_rng(1)
    make_store(tmp_path / "g", np.zeros((0, 50), np.int8))
    design = make_design({"qt": ("linear", rng.normal(size=50))}, {}, 50)
    write_parquet(design.frame, tmp_path / "design.parquet")
    write_json(tmp_path / "design.json", design.info)
    annotation = annotation_table(variant_id=[], gene=[]).astype({"impact": "str", "damaging": "boolean"})
    write_parquet(annotation.astype({"most_severe": "bool"}), tmp_path / "annotation.parquet")
    write_parquet(
        gene_table(gene=[], gene_id=[], chrom=[], start=[], end=[]), tmp_path / "genes_table.parquet"
    )
    run_all(tmp_path, tmp_path / "association")
    out = tmp_path / "association"
    assert pq.read_schema(out / "qt.parquet").names == CONTRACT["variant"].split()
    assert "No variant could be tested" in (out / "qt.svg").read_text()
    summary = json.loads((out / "summary.json").read_text())["traits"]["qt"]
    assert summary["inflation"] is None and summary["variants"]["threshold"] is None


def locus_rows(*rows: tuple[str, int, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["chrom", "pos", "neg_log10_p"])
    frame["id"] = frame["chrom"] + ":" + frame["pos"].astype(str)
    for name in ("eaf", "beta", "se"):
        frame[name] = 0.1
    frame["n"], frame["effect_allele"] = 100, "C"
    return frame


def test_loci_take_in_what_is_within_the_window_of_the_lead_only():
    rows = locus_rows(
        ("1", 1000, 10.0), ("1", 1500, 30.0), ("1", 2000, 12.0), ("1", 2001, 20.0), ("1", 2400, 9.0),
        ("2", 1500, 8.0), ("1", 1400, 1.0), ("3", 5, np.nan),
    )  # fmt: skip
    loci = variant_loci(
        "t", rows, 0.05, 500, NearestGene({}, gene_table(gene=[], chrom=[], start=[], end=[]))
    )
    assert list(loci["id"]) == ["1:1500", "1:2001", "2:1500"]
    assert list(loci["n_significant"]) == [3, 2, 1]
    assert list(zip(loci["start"], loci["end"], strict=True)) == [(1000, 2000), (2001, 2400), (1500, 1500)]
    assert loci["threshold"].tolist() == [0.05 / 7] * 3  # the missing one was no test


def test_bonferroni_counts_tests_that_were_made():
    values = pd.Series([2.0, np.nan, 1.0, 0.1])
    hit, threshold = significant(values, 0.05)
    assert threshold == 0.05 / 3
    assert list(hit) == [True, False, False, False]
    assert significant(pd.Series([np.nan]), 0.05)[1] is None
    empty = pd.DataFrame({"neg_log10_p": []})
    assert gene_loci("t", empty, 0.05).empty


def test_nearest_gene_is_the_one_touched_then_the_nearest():
    genes = gene_table(gene=["A", "B", "C"], chrom=["1", "1", "2"], start=[100, 500, 1], end=[200, 600, 9])
    nearest = NearestGene({"v": "TOUCHED"}, genes)
    assert nearest("v", "1", 550) == "TOUCHED"
    assert nearest("w", "1", 340) == "A"
    assert nearest("w", "1", 360) == "B"
    assert nearest("w", "1", 150) == "A"
    assert nearest("w", "X", 150) is None


def test_inflation_is_one_for_uniform_p_values_and_two_for_doubled_chi_squares():
    from scipy import stats

    p = (np.arange(10001) + 0.5) / 10001
    assert genomic_inflation(-np.log10(p)) == pytest.approx(1, abs=1e-6)
    doubled = stats.chi2.sf(2 * stats.chi2.isf(p, 1), 1)
    assert genomic_inflation(-np.log10(np.append(doubled, np.nan))) == pytest.approx(2, abs=1e-6)
    assert genomic_inflation(np.array([np.nan])) is None


def test_points_are_thinned_to_the_first_of_each_cell():
    x = np.array([0.0, 0.01, 99.0, 0.02, 99.0])
    y = np.array([0.0, 0.001, 9.0, 5.0, 9.001])
    assert list(one_per_cell(x, y, 100, 10)) == [0, 2, 3]
    rng = np.random.default_rng(3)
    assert len(one_per_cell(rng.random(10_000), rng.random(10_000) * 0.01, 1, 10)) <= 1200


def test_pictures_stay_small_and_hostile_names_are_text(tmp_path):
    rng = np.random.default_rng(0)
    m = 200_000
    rows = pd.DataFrame(
        {
            "chrom": np.repeat(["1", "2", "X<b>"], [m // 2, m // 4, m // 4]),
            "pos": np.concatenate([np.arange(m // 2), np.arange(m // 4), np.arange(m // 4)]) * 50,
            "neg_log10_p": -np.log10(rng.random(m)),
        }
    )
    rows.loc[:5000, "neg_log10_p"] += 10
    loci = pd.DataFrame(
        {"chrom": ["1"], "pos": [5], "neg_log10_p": [14.0], "gene": ["$\\frac{<script>\x07</script>$"]}
    )
    plot_trait(tmp_path / "t.svg", "$x <script>\u202e", rows, loci, 0.05 / m, 1.02)
    text = (tmp_path / "t.svg").read_text()
    assert len(text) < 400_000
    assert "<script" not in text and "\u202e" not in text and "&lt;script" in text
    ET.fromstring(text)
    plot_not_assessed(tmp_path / "n.svg", "t", "all values are missing")
    assert "Not assessed: all values are missing." in (tmp_path / "n.svg").read_text()
