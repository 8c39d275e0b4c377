"""Polygenic scores against a slow twin and plink2; what a file can do wrong; which rows are used."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest

from endotype.errors import InputError
from endotype.subtypes.scores import (
    Match,
    match_score,
    mechanism_scores,
    read_score_file,
    score_people,
)
from endotype.variants.plink import GenotypeStore, open_store
from tests.real.prepare import DEFAULT_DATA
from tests.reference.polygenic import plain_match, plain_scores
from tests.variants.stores import save, store_of

DATA = DEFAULT_DATA / "prs"
HEAD = "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight"
needs_plink2 = pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no data in {DATA}")


def variants_of(*rows: tuple[str, int, str, str]) -> pd.DataFrame:
    """Of (chrom, pos, ref, alt)."""
    table = pd.DataFrame(rows, columns=["chrom", "pos", "ref", "alt"])
    ids = [":".join(map(str, row)) for row in rows]
    return table.assign(id=ids, cm="0")[["chrom", "id", "cm", "pos", "alt", "ref"]]


def write(path: Path, *lines: str, head: str = HEAD, build: str = "GRCh37") -> Path:
    path.write_text("\n".join([f"#pgs_id={path.stem}", f"#genome_build={build}", head, *lines]) + "\n")
    return path


def matched(path: Path, variants: pd.DataFrame, **options: float) -> Match:
    return match_score(read_score_file(path), variants, "GRCh37", **options)


def statuses(match: Match) -> list[str]:
    assert sum(match.counts.values()) == len(match.details)
    return match.details["status"].tolist()


def everybody(store: GenotypeStore) -> np.ndarray:
    return np.ones(store.n_people, bool)


# --- plink2 ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chr22(tmp_path_factory: pytest.TempPathFactory) -> GenotypeStore:
    """2,504 synthetic people at 829 variants."""
    prefix = tmp_path_factory.mktemp("chr22") / "g"
    subprocess.run(
        ["plink2", "--pfile", str(DATA / "target" / "cineca_synthetic_subset"), "--make-bed",
         "--threads", "1", "--out", str(prefix)],
        check=True, capture_output=True,
    )  # fmt: skip
    return open_store(prefix)


@needs_data
@needs_plink2
def test_sums_are_those_of_plink2(chr22):
    match = matched(DATA / "scorefiles" / "PGS001229_22.txt", chr22.variants)
    assert match.counts == {"matched": 829, "not_in_cohort": 6}
    row = match.summary.iloc[0]
    assert row["match_rate"] == 829 / 835
    assert 0.98 < row["weight_rate"] < 1
    assert row["n_palindromic"] == 47
    result = score_people(chr22, match, everybody(chr22))
    expected = pd.read_csv(DATA / "expected" / "PGS001229_22.plink2.sscore.gz", sep="\t")
    assert expected["IID"].tolist() == chr22.people["iid"].tolist()
    assert expected["ALLELE_CT"].tolist() == result.n_alleles[:, 0].tolist()
    printed = expected["SCORE1_SUM"].to_numpy()
    # plink2 prints six significant digits: half a unit of the sixth is the most they can be off.
    unit = 10.0 ** (np.floor(np.log10(np.abs(printed))) - 5)
    assert (np.abs(result.sums[:, 0] - printed) <= 0.5 * unit + 1e-9).all()
    below_one = np.abs(printed) < 1
    assert np.abs(result.sums[below_one, 0] - printed[below_one]).max() < 1e-6


@needs_data
@needs_plink2
def test_files_of_several_forms_give_the_same_score(chr22):
    """By place, by ids that spell a place, and as one of two scores of a file."""
    files = ["PGS001229_22.txt", "scorefile.txt", "multiscore.txt", "test.scorefile"]
    sums = []
    for name in files:
        match = matched(DATA / "scorefiles" / name, chr22.variants)
        assert len(match.variant) == 829
        sums.append(score_people(chr22, match, everybody(chr22)).sums)
    assert sums[2].shape == (2504, 2)
    for other in (sums[1], sums[2][:, :1], sums[2][:, 1:], sums[3]):
        np.testing.assert_allclose(other, sums[0], rtol=0, atol=1e-12)


@needs_data
@needs_plink2
def test_dominant_and_recessive_rows_of_a_file(chr22):
    plain = matched(DATA / "scorefiles" / "scorefile.txt", chr22.variants)
    coded = matched(DATA / "scorefiles" / "scorefile_dominant_and_recessive.txt", chr22.variants)
    assert coded.details["model"].tolist()[:3] == ["dominant", "recessive", "additive"]
    first, second = chr22.dosages(coded.variant[:2]).astype(float)
    copies = [
        d if alt else 2 - d for d, alt in zip((first, second), coded.details["effect_is_alt"], strict=False)
    ]
    called = (first >= 0) & (second >= 0)
    less = 0.01045457 * (copies[0] == 2) + 0.0001411475 * (copies[1] >= 1)
    sums = [score_people(chr22, match, everybody(chr22)).sums[:, 0] for match in (plain, coded)]
    np.testing.assert_allclose((sums[0] - sums[1])[called], less[called], rtol=0, atol=1e-12)


@needs_plink2
def test_missing_calls_count_as_plink2_counts_them(tmp_path):
    rng = np.random.default_rng(7)
    dosage = rng.integers(-1, 3, (40, 120)).astype(np.int8)
    variants = variants_of(*[("1", 100 + v, "C", "A") for v in range(40)])
    store = store_of(dosage, variants)
    prefix = save(tmp_path / "g", store)
    weight = rng.normal(size=40).tolist()
    effect = rng.choice(["A", "C"], 40).tolist()
    lines = [
        f"1\t{100 + v}\t{effect[v]}\t{'C' if effect[v] == 'A' else 'A'}\t{weight[v]!r}" for v in range(40)
    ]
    (tmp_path / "plink.txt").write_text(
        "".join(f"{i}\t{a}\t{w!r}\n" for i, a, w in zip(variants["id"], effect, weight, strict=True))
    )
    subprocess.run(
        ["plink2", "--bfile", str(prefix), "--score", str(tmp_path / "plink.txt"), "1", "2", "3",
         "cols=+scoresums", "--out", str(tmp_path / "o"), "--threads", "1"],
        check=True, capture_output=True,
    )  # fmt: skip
    expected = pd.read_csv(tmp_path / "o.sscore", sep="\t")
    result = score_people(
        store, matched(write(tmp_path / "s.txt", *lines), variants), everybody(store), max_imputed=1
    )
    np.testing.assert_allclose(result.sums[:, 0], expected["SCORE1_SUM"], rtol=5e-6)
    assert result.n_alleles[:, 0].tolist() == expected["ALLELE_CT"].tolist()


# --- the slow twin --------------------------------------------------------------------------------------


def hostile_rows(rng: np.random.Generator, n: int, flips: bool) -> tuple[pd.DataFrame, list[dict]]:
    """Sites of several ALTs, rows with wrong, swapped or turned alleles, twice, or nowhere."""
    letters = ["A", "C", "G", "T", "AT", "ATG"]
    sites: dict[tuple[str, int, str, str], None] = {}
    while len(sites) < n:
        ref, alt = rng.choice(letters, 2)
        if ref != alt:
            sites.setdefault((str(rng.integers(1, 3)), int(rng.integers(1, n)), str(ref), str(alt)))
    keys = sorted(sites)
    rows = []
    for _ in range(2 * n):
        chrom, pos, ref, alt = keys[rng.integers(len(keys))]
        pair = [ref, alt]
        if rng.random() < 0.5:
            pair.reverse()
        kind = rng.random()
        if kind < 0.1:
            pair = [str(a) for a in rng.choice(["A", "C", "G", "T"], 2, replace=False)]
        elif kind < 0.15:
            pos += n
        elif flips and kind < 0.25 and len(ref) == len(alt) == 1:
            pair = [a.translate(str.maketrans("ACGT", "TGCA")) for a in pair]
        model = str(rng.choice(["additive", "additive", "dominant", "recessive"]))
        row = {"chrom": chrom, "pos": pos, "effect": pair[0], "other": pair[1], "model": model}
        rows.append(row | {"weight": float(rng.choice([0.5, -1.25, 0.3125]))})
    return variants_of(*keys), rows


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_the_slow_twin(tmp_path, seed):
    rng = np.random.default_rng(seed)
    variants, rows = hostile_rows(rng, 60, flips=seed % 2 == 0)
    store = store_of(rng.choice([-1, 0, 1, 2], (60, 13), p=[0.1, 0.4, 0.3, 0.2]), variants)
    usable = rng.random(13) < 0.8
    lines = [
        f"chr{r['chrom']}\t{r['pos']}\t{r['effect']}\t{r['other'].lower()}\t{r['weight']}"
        f"\t{r['model'] == 'dominant'}\t{r['model'] == 'recessive'}"
        for r in rows
    ]
    path = write(tmp_path / "s.txt", *lines, head=HEAD + "\tis_dominant\tis_recessive")
    match = matched(path, variants, min_match_rate=0)
    expected = plain_match(rows, variants)
    assert statuses(match) == [status for status, _, _ in expected]
    assert len(set(statuses(match))) >= 6
    used = [(v, a) for status, v, a in expected if status == "matched"]
    assert match.variant.tolist() == [v for v, _ in used]
    result = score_people(store, match, usable, max_imputed=1)
    twin = plain_scores(rows, expected, store.dosages(slice(None)).tolist(), usable.tolist())
    for i, (total, alleles, missing) in enumerate(twin):
        assert result.n_alleles[i, 0] == alleles
        assert result.imputed_weight[i, 0] == pytest.approx(missing, abs=1e-12)
        if usable[i]:
            assert result.sums[i, 0] == pytest.approx(total, abs=1e-10)
        else:
            assert np.isnan(result.sums[i, 0])


# --- which rows are used --------------------------------------------------------------------------------


def test_each_reason(tmp_path):
    variants = variants_of(
        ("1", 10, "A", "G"), ("1", 20, "A", "C"), ("1", 20, "A", "T"), ("1", 30, "C", "G"),
        ("1", 40, "AT", "A"), ("1", 50, "G", "A"), ("1", 60, "G", "A"), ("1", 70, "T", "C"),
        ("Y", 10, "A", "G"), ("1", 80, "A", "AT"), ("1", 80, "A", "C"),
    )  # fmt: skip
    cases = {
        "1\t10\tG\tA\t1": "matched",
        "1\t11\tG\tA\t1": "not_in_cohort",
        "7\t10\tG\tA\t1": "chromosome_not_in_cohort",
        "1\t20\tC\tA\t1": "matched",
        "1\t20\tA\tT\t1": "multiallelic_reference",
        "1\t30\tC\tG\t1": "matched",
        "1\t40\tA\tAT\t1": "matched",
        "1\t40\tD\tI\t1": "allele_not_a_sequence",
        "1\t50\tG\tT\t1": "allele_mismatch",
        "1\t60\tA\tG\t1": "matched",
        "1\t60\tA\tG\t1.0": "repeated_row",
        "1\t70\tC\tT\t1": "contradicting_rows",
        "1\t70\tT\tC\t1": "contradicting_rows",
        "\t\tG\tA\t1": "no_place",
        "chrY\t10\tG\tA\t1": "haploid_chromosome",
        "1\t80\tA\tC\t1": "matched",  # an insertion after the base leaves the base as it is
    }
    match = matched(write(tmp_path / "s.txt", *cases), variants)
    assert statuses(match) == list(cases.values())
    row = match.summary.iloc[0]
    assert (row["n_rows"], row["n_repeated"], row["n_matched"]) == (16, 1, 6)
    assert row["match_rate"] == 6 / 15
    assert row["status"] == "not_assessed"
    assert row["reason"].startswith("6 of 15 rows and 40.0% of the weight")
    store = store_of(np.ones((11, 3), np.int8), variants)
    assert np.isnan(score_people(store, match, everybody(store)).sums).all()


def test_a_score_needs_its_rows_and_its_weight(tmp_path):
    variants = variants_of(*[("1", 10 * v, "A", "G") for v in range(1, 5)])
    found = [f"1\t{10 * v}\tG\tA\t1" for v in range(1, 5)]
    light = matched(write(tmp_path / "a.txt", *found, "1\t99\tG\tA\t-0.5"), variants)
    assert (light.summary["status"].iloc[0], light.summary["reason"].iloc[0]) == ("usable", "")
    heavy = matched(write(tmp_path / "b.txt", *found, "1\t99\tG\tA\t-4"), variants)
    assert heavy.summary["status"].iloc[0] == "not_assessed"
    assert "4 of 5 rows and 50.0% of the weight" in heavy.summary["reason"].iloc[0]
    few = matched(write(tmp_path / "c.txt", *found, *[f"1\t{v}\tG\tA\t0" for v in (1, 2)]), variants)
    assert (few.summary["status"].iloc[0], few.summary["weight_rate"].iloc[0]) == ("not_assessed", 1)
    assert matched(tmp_path / "b.txt", variants, min_match_rate=0.5).summary["status"].iloc[0] == "usable"


def test_a_cohort_without_variants(tmp_path):
    nothing = variants_of(("1", 10, "A", "G")).iloc[:0]
    match = matched(write(tmp_path / "s.txt", "1\t10\tG\tA\t1"), nothing)
    assert statuses(match) == ["chromosome_not_in_cohort"]
    store = store_of(np.zeros((0, 3), np.int8), nothing)
    result = score_people(store, match, everybody(store))
    assert np.isnan(result.sums).all()
    assert (result.imputed_share == 1).all()
    assert (result.n_alleles == 0).all()


def test_rows_that_no_program_can_sum(tmp_path):
    head = HEAD + "\tis_haplotype\tis_interaction\tdosage_0_weight\tdosage_1_weight\tdosage_2_weight"
    lines = [
        "1\t10\tG\tA\t1\tTrue\tFalse\t\t\t",
        "1\t10\tG\tA\t\tFalse\tFalse\t0\t1\t3",
        "1\t10\tG\tA\t2\t\t\t\t\t",
    ]
    match = matched(write(tmp_path / "s.txt", *lines, head=head), variants_of(("1", 10, "A", "G")))
    assert statuses(match) == ["several_variants_in_a_row", "weights_of_genotypes", "matched"]


def test_other_strand_only_where_nothing_else_is_meant(tmp_path):
    variants = variants_of(
        ("1", 10, "A", "G"),
        ("1", 20, "A", "T"),
        ("1", 30, "A", "G"),
        ("1", 30, "T", "C"),
        ("1", 40, "AT", "A"),
    )
    lines = ["1\t10\tC\tT\t1", "1\t20\tA\tT\t1", "1\t30\tT\tC\t1", "1\t40\tAT\tT\t1"]
    match = matched(write(tmp_path / "s.txt", *lines), variants)
    # The first is turned; with it the palindrome isn't believed. The third fits a variant as it stands.
    assert statuses(match) == [
        "matched",
        "palindrome_of_unknown_strand",
        "multiallelic_reference",
        "allele_mismatch",
    ]
    assert match.details["flipped"].tolist() == [True, False, False, False]
    assert match.details["effect_is_alt"].tolist()[0]
    alone = matched(write(tmp_path / "t.txt", lines[1]), variants)
    assert statuses(alone) == ["matched"]
    assert alone.summary["n_palindromic"].tolist() == [1]


def test_without_the_other_allele_only_what_is_clear(tmp_path):
    variants = variants_of(("1", 10, "A", "G"), ("1", 20, "A", "C"), ("1", 20, "A", "T"))
    lines = ["1\t10\tG\t1", "1\t10\tC\t1", "1\t20\tA\t1", "1\t20\tT\t1"]
    head = "chr_name\tchr_position\teffect_allele\teffect_weight"
    match = matched(write(tmp_path / "s.txt", *lines, head=head), variants)
    assert statuses(match) == ["matched", "allele_mismatch", "fits_several_variants", "matched"]


def test_harmonised_files_are_read_at_the_places_of_the_run(tmp_path):
    text = (
        "###PGS CATALOG SCORING FILE\n#format_version=2.0\n#pgs_id=PGS1\n#genome_build=GRCh37\n"
        "#HmPOS_build=GRCh38\nrsID\tchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight"
        "\thm_source\thm_chr\thm_pos\thm_inferOtherAllele\n"
        "rs1\t1\t999\tG\tA\t1\tENSEMBL\t1\t10\t\nrs2\t1\t998\tG\t\t1\tENSEMBL\t1\t20\tA\n"
        "rs3\t1\t20\tG\tA\t1\tUnknown\t\t\t\n"
    )
    path = tmp_path / "PGS1_hmPOS_GRCh38.txt.gz"
    path.write_bytes(gzip.compress(text.encode()))
    score = read_score_file(path)
    assert (score.names, score.build, score.harmonised_build) == (("PGS1",), "GRCh37", "GRCh38")
    variants = variants_of(("chr1", 10, "A", "G"), ("chr1", 20, "A", "G"))
    assert statuses(match_score(score, variants, "hg38")) == ["matched", "matched", "no_place"]
    old = match_score(score, variants, "GRCh37")
    assert statuses(old) == ["not_in_cohort", "not_in_cohort", "matched"]


@pytest.mark.parametrize("build", ["GRCh38", "hg38", "NCBI36"])
def test_another_assembly_is_refused(tmp_path, build):
    score = read_score_file(write(tmp_path / "s.txt", "1\t10\tG\tA\t1", build=build))
    with pytest.raises(InputError, match="GRCh37, the assembly of the run"):
        match_score(score, variants_of(("1", 10, "A", "G")), "GRCh37")


@pytest.mark.parametrize("build", ["NR", "", "hg19", "b37"])
def test_the_same_assembly_by_any_name_and_one_not_told(tmp_path, build):
    score = read_score_file(write(tmp_path / "s.txt", "1\t10\tG\tA\t1", build=build))
    assert statuses(match_score(score, variants_of(("1", 10, "A", "G")), "GRCh37")) == ["matched"]


def test_ids_of_the_cohort(tmp_path):
    """Where a file has no place: rs numbers, if the cohort has them; ids that spell a place and alleles."""
    variants = variants_of(("1", 10, "A", "G"), ("1", 20, "A", "G")).assign(id=["rs1", "."])
    (tmp_path / "s.tsv").write_text("SNP A1 BETA\nrs1 G 1\nrs2 G 1\n.  G 1\nchr1:20:A:G A 1\n1_20_A_G C 1\n")
    match = match_score(read_score_file(tmp_path / "s.tsv"), variants, None)
    assert match.names == ("s",)
    assert statuses(match) == ["matched", "no_place", "no_place", "matched", "no_place"]
    (tmp_path / "ids.tsv").write_text("SNP A1 BETA\nrs1 G 1\nrs2 G 1\n")
    match = match_score(read_score_file(tmp_path / "ids.tsv"), variants, "GRCh38")
    assert statuses(match) == ["matched", "no_place"]


# --- people ---------------------------------------------------------------------------------------------


def test_missing_calls_and_people_without(tmp_path):
    variants = variants_of(("1", 10, "A", "G"), ("1", 20, "C", "T"), ("1", 30, "C", "T"))
    dosage = np.array([[0, 1, 2, -1, 2], [2, -1, 0, -1, 0], [-1, -1, -1, -1, 2]], np.int8)
    store = store_of(dosage, variants)
    path = write(tmp_path / "s.txt", "1\t10\tG\tA\t5", "1\t20\tC\tT\t-1", "1\t30\tT\tC\t0.1")
    usable = np.array([True, True, True, True, False])
    result = score_people(store, matched(path, variants), usable)
    # Usable people: variant 1 has a mean of 1 copy of G, variant 2 of (0 + 2) / 2 copies of C.
    assert result.sums[:, 0].tolist()[:3] == pytest.approx([0.0, 4.0, 8.0])
    assert np.isnan(result.sums[3:, 0]).all()
    assert result.imputed_weight[:4, 0] == pytest.approx([0.1 / 6.1, 1.1 / 6.1, 0.1 / 6.1, 1])
    assert result.n_alleles[:, 0].tolist() == [4, 2, 4, 0, 6]
    row = result.summary.iloc[0]
    assert (row["n_never_called"], row["n_people"]) == (1, 3)
    assert result.genotype_shares["variant_id"].tolist() == variants["id"].tolist()
    assert result.genotype_shares["hom_ref"].tolist()[:2] == pytest.approx([1 / 3, 0.5])
    later = store_of(dosage[:, [3]], variants)
    one = score_people(
        later, matched(path, variants), everybody(later), result.genotype_shares, max_imputed=1
    )
    assert one.sums[0, 0] == pytest.approx(5 * 1 - 1 * 1)
    alone = score_people(later, matched(path, variants), everybody(later), max_imputed=1)
    assert alone.summary["n_never_called"].tolist() == [3]


def test_mechanisms(tmp_path):
    variants = variants_of(*[("1", 10 * v, "A", "G") for v in range(1, 5)])
    lines = [f"1\t{10 * v}\tG\tA\t{v}" for v in range(1, 5)]
    whole = matched(write(tmp_path / "PGS9.txt", *lines), variants)
    ids = variants["id"].tolist()
    annotation = pd.DataFrame(
        {"variant_id": [ids[0], ids[0], ids[1], ids[2], ids[3]], "gene": ["G1", "G1", "G2", "G3", None]}
    )
    genes = pd.DataFrame(
        {"gene": ["G1", "G2", "G2", "G3", "G4"], "mechanism": ["m=1", "m=1", "other", " ", "empty"]}
    )
    scores = mechanism_scores(whole, annotation, genes)
    assert [m.names for m in scores] == [("PGS9:empty",), ("PGS9:m=1",), ("PGS9:other",)]
    dosage = np.random.default_rng(0).integers(0, 3, (4, 9)).astype(np.int8)
    store = store_of(dosage, variants)
    result = score_people(store, [whole, *scores], everybody(store))
    assert result.names == ("PGS9", "PGS9:empty", "PGS9:m=1", "PGS9:other")
    np.testing.assert_allclose(result.sums[:, 0], np.arange(1, 5) @ dosage)
    assert np.isnan(result.sums[:, 1]).all()
    np.testing.assert_allclose(result.sums[:, 2], dosage[0] + 2 * dosage[1])
    np.testing.assert_allclose(result.sums[:, 3], 2 * dosage[1])
    assert result.summary["n_matched"].tolist() == [4, 0, 2, 1]
    assert result.summary["reason"].tolist()[1] == "no matched variant lies in a gene of the mechanism"
    poor = matched(
        write(tmp_path / "PGS8.txt", *lines, *[f"2\t{v}\tG\tA\t9" for v in range(9)][1:]), variants
    )
    assert {m.summary["status"].iloc[0] for m in mechanism_scores(poor, annotation, genes)} == {
        "not_assessed"
    }


def test_two_scores_of_one_name_are_refused(tmp_path):
    variants = variants_of(("1", 10, "A", "G"))
    match = matched(write(tmp_path / "s.txt", "1\t10\tG\tA\t1"), variants)
    store = store_of(np.ones((1, 2), np.int8), variants)
    with pytest.raises(InputError, match="names that no other score has"):
        score_people(store, [match, match], everybody(store))
    assert score_people(store, [], everybody(store)).sums.shape == (2, 0)


def test_same_bytes_on_any_number_of_threads(tmp_path):
    rng = np.random.default_rng(5)
    variants = variants_of(*[("1", v + 1, "A", "G") for v in range(1500)])
    store = store_of(rng.integers(-1, 3, (1500, 1100)).astype(np.int8), variants)
    lines = [f"1\t{v + 1}\tG\tA\t{w!r}" for v, w in enumerate(rng.normal(size=1500).tolist())]
    match = matched(write(tmp_path / "s.txt", *lines), variants)
    before = numba.get_num_threads()
    found = set()
    try:
        for threads in sorted({1, before, numba.config.NUMBA_NUM_THREADS}):
            numba.set_num_threads(threads)
            result = score_people(store, match, everybody(store), max_imputed=1)
            found.add(result.sums.tobytes() + result.imputed_weight.tobytes())
    finally:
        numba.set_num_threads(before)
    assert len(found) == 1


# --- files that can't be read ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no line of column names"),
        ("#pgs_id=x\n#genome_build=GRCh37\n", "no line of column names"),
        (HEAD + "\n", "no rows"),
        (HEAD + "\n\n1\t2\tA\tG\n", r"row 3: found 4 cells; expected 5 cells"),
        (HEAD + "\n1\t2\tA\tG\t1\n\n1\t2\tA\tG\t1\t1\n", r"row 4: found 6 cells"),
        (HEAD + "\n1\t2\tA\tG\tx\n", r"row 2, column effect_weight: found 'x'; expected a number"),
        (HEAD + "\n1\t2\tA\tG\tnan\n", r"row 2, column effect_weight: found 'nan'"),
        (HEAD + "\n1\t2\tA\tG\t1e999\n", r"column effect_weight: found '1e999'"),
        (HEAD + "\n1\t2\tA\tG\t1_0\n", r"column effect_weight: found '1_0'"),
        (HEAD + "\n1\t2\tA\tG\t\n", r"column effect_weight: found ''"),
        (HEAD + "\n1\t2\tA\tG\t0,5\n", r"column effect_weight: found '0,5'"),
        (HEAD + "\n1\t1e5\tA\tG\t1\n", r"column chr_position: found '1e5'; expected a whole number"),
        (HEAD + "\n1\t-2\tA\tG\t1\n", r"column chr_position: found '-2'"),
        (HEAD + "\tis_dominant\n1\t2\tA\tG\t1\tmaybe\n", "column is_dominant: found 'maybe'"),
        (HEAD + "\tis_dominant\tis_recessive\n1\t2\tA\tG\t1\tTRUE\tTRUE\n", "dominant and recessive"),
        (HEAD + "\teffect_weight\n1\t2\tA\tG\t1\t1\n", "'effect_weight' twice"),
        ("chr_name\teffect_allele\teffect_weight\n1\tA\t1\n", "a column chr_name and chr_position"),
        ("chr_name\tchr_position\tallele\teffect_weight\n1\t2\tA\t1\n", "a column effect_allele"),
        ("ID\teffect_allele\n1:2:A:G\tA\n", "a column effect_weight"),
        ("ID\teffect_allele\tone\ttwo\n1:2:A:G\tA\t1\tx\n", "column two: found 'x'"),
        (HEAD + "\n1\t2\tA\0\tG\t1\n", "row 2: found a NUL byte"),
        (HEAD + '\n1\t2\t"A\tG\t1\n', "row 2|can't be read"),
    ],
)
def test_faults_are_told_with_their_line(tmp_path, text, message):
    path = tmp_path / "s.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_score_file(path)


def test_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_score_file(tmp_path / "none.txt")
    with pytest.raises(InputError, match="a folder"):
        read_score_file(tmp_path)
    whole = gzip.compress((HEAD + "\n1\t2\tA\tG\t1\n").encode() * 50)
    (tmp_path / "cut.gz").write_bytes(whole[:-20])
    with pytest.raises(InputError, match="damaged gzip"):
        read_score_file(tmp_path / "cut.gz")
    (tmp_path / "latin.txt").write_bytes((HEAD + "\n1\t2\tA\tG\t1\n\xe9\n").encode("latin-1"))
    with pytest.raises(InputError, match="row 3: found bytes that are not UTF-8"):
        read_score_file(tmp_path / "latin.txt")


def test_a_thousand_faults_are_told_in_a_page(tmp_path):
    path = write(tmp_path / "s.txt", *["1\t2\tA\tG\tx"] * 1000)
    with pytest.raises(InputError, match="980 more such rows") as caught:
        read_score_file(path)
    assert len(caught.value.problems) == 21


def test_forms_that_are_read(tmp_path):
    """A byte order mark, Windows' line ends, commas, quotes, blank lines, spaces, small letters."""
    rows = ["1,2,a,g,1e-3", '"1","3","A","G","-.5"', "", "1, 4 ,A,G,+2."]
    path = tmp_path / "my score.csv"
    text = "\ufeff#pgs_name=mine\r\n" + HEAD.replace("\t", ",") + "\r\n" + "\r\n".join(rows)
    path.write_bytes(text.encode())
    score = read_score_file(path)
    assert score.names == ("mine",)
    assert score.weights[:, 0].tolist() == [0.001, -0.5, 2.0]
    assert score.rows["line"].tolist() == [3, 4, 6]
    assert score.rows["pos"].tolist() == [2, 3, 4]
    assert score.rows["effect_allele"].tolist() == ["A", "A", "A"]


def test_names_of_scores_are_text_and_nothing_else(tmp_path):
    head = 'ID\teffect_allele\t=cmd|" /C calc"!A0\t../../etc\tNA'
    (tmp_path / "s.tsv").write_text(head + "\n1:2:A:G\tA\t1\t2\t3\n")
    assert read_score_file(tmp_path / "s.tsv").names == ('=cmd|" /C calc"!A0', "../../etc", "NA")
