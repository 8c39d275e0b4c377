"""The whole simulated cohort: its files agree with each other and with the truth."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pysam
import pytest
import yaml
from scipy import stats
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from endotype.files import sha256_file
from endotype.simulation.cohort import simulate_cohort
from endotype.simulation.phenotypes import MARKERS
from tests.reference.simulation import AMINO_ACID, reverse_complement
from tests.simulation.conftest import SMALL

LETTERS = "ACDEFGHIKLMNPQRSTVWY*"
NAMES = "AlaCysAspGluPheGlyHisIleLysLeuMetAsnProGlnArgSerThrValTrpTyrTer"
THREE_LETTERS = {letter: NAMES[3 * i : 3 * i + 3] for i, letter in enumerate(LETTERS)}

FILES = sorted(
    [
        "samples.tsv",
        "clinical.tsv",
        "dictionary.yaml",
        "pedigree.ped",
        "reference.fa",
        "reference.fa.fai",
        "genes.gff3.gz",
        "cohort.vcf.gz",
        "cohort.vcf.gz.tbi",
        "clinvar.vcf.gz",
        "gnomad.vcf.gz",
        "scores.tsv.gz",
        "genes.tsv",
        "targets.tsv",
        "truth.json",
    ]
)


def test_the_same_seed_gives_the_same_bytes(cohort, tmp_path):
    simulate_cohort(tmp_path, SMALL, show_progress=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == FILES
    for name in FILES:
        assert sha256_file(tmp_path / name) == sha256_file(cohort.folder / name), name


def test_another_seed_gives_another_cohort(cohort, tmp_path):
    simulate_cohort(tmp_path, replace(SMALL, seed=8), show_progress=False)
    for name in ("cohort.vcf.gz", "clinical.tsv", "reference.fa"):
        assert sha256_file(tmp_path / name) != sha256_file(cohort.folder / name)


def test_records_are_about_as_many_as_asked_for_and_as_many_as_counted(cohort):
    counts = cohort.truth["counts"]
    assert len(cohort.records) == counts["records"] == pytest.approx(SMALL.variants, rel=0.15)
    assert Counter(r.chrom for r in cohort.records) == counts["records_by_contig"]
    written = sum(counts["records_by_kind"].values()) + counts["records_by_kind"]["duplicate"]
    assert written == counts["records"]


def test_records_are_sorted_and_every_kind_of_trouble_is_there(cohort):
    for contig in ("1", "2", "3", "4", "X", "Y", "MT"):
        pos = [r.pos for r in cohort.records_on(contig)]
        assert pos
        assert pos == sorted(pos)
    kinds = cohort.truth["counts"]["records_by_kind"]
    assert set(kinds) >= {
        "snv", "planted", "multiallelic", "shifted_deletion", "shifted_insertion", "padded", "mnv",
        "spanning_deletion", "star", "failing_filter", "ref_mismatch", "duplicate",
    }  # fmt: skip
    assert all(cohort.truth["counts"]["calls"].values())


def test_the_kinds_that_can_be_counted_in_the_file_agree_with_the_truth(cohort):
    counts = cohort.truth["counts"]
    kinds = counts["records_by_kind"]
    assert sum("LowQual" in r.filter for r in cohort.records) == kinds["failing_filter"]
    assert sum("*" in r.alts for r in cohort.records) == kinds["star"]
    assert sum(len(r.alts) > 1 and "*" not in r.alts for r in cohort.records) == kinds["multiallelic"]
    lines = Counter(str(r) for r in cohort.records)
    assert sum(n == 2 for n in lines.values()) == kinds["duplicate"]
    with pysam.FastaFile(str(cohort.folder / "reference.fa")) as fasta:
        wrong = [r for r in cohort.records if fasta.fetch(r.chrom, r.pos - 1, r.stop) != r.ref]
    found = [f"{r.chrom}:{r.pos}:{r.ref}:{r.alts[0]}" for r in wrong]
    assert found == cohort.truth["troubled_records"]["ref_mismatch"]


def test_bcftools_normalises_the_cohort_and_sees_the_same_mismatches(cohort, tmp_path):
    command = [
        "norm",
        "-m",
        "-any",
        "-c",
        "w",
        "-f",
        cohort.folder / "reference.fa",
        "-o",
        tmp_path / "n.bcf",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "endotype.bcftools", *map(str, command), str(cohort.folder / "cohort.vcf.gz")],
        capture_output=True,
        check=True,
        text=True,
    )
    kinds = cohort.truth["counts"]["records_by_kind"]
    assert done.stderr.count("REF_MISMATCH") == kinds["ref_mismatch"]
    total, split, _, realigned, *_ = done.stderr.rsplit(":", 1)[1].strip().split("/")
    assert int(total) == len(cohort.records)
    assert int(split) == kinds["multiallelic"] + kinds["star"]
    unaligned = kinds["shifted_deletion"] + kinds["shifted_insertion"] + kinds["padded"]
    assert int(realigned) >= unaligned


def sex_of(cohort) -> dict[str, str]:
    return {p["sample"]: p["sex"] for p in cohort.truth["people"]}


def test_ploidy_follows_contig_and_genetic_sex(cohort):
    sex = sex_of(cohort)
    copies = {
        ("X", "male"): 1, ("X", "female"): 2, ("Y", "male"): 1, ("Y", "female"): 1,
        ("MT", "male"): 1, ("MT", "female"): 1, ("1", "male"): 2, ("1", "female"): 2,
    }  # fmt: skip
    for contig in ("1", "X", "Y", "MT"):
        for record in cohort.records_on(contig)[::25]:
            for sample, call in record.samples.items():
                assert len(call["GT"]) == copies[contig, sex[sample]]
                if (contig, sex[sample]) == ("Y", "female"):
                    assert call["GT"] == (None,)


def test_the_childs_genotypes_follow_from_the_parents(cohort):
    (trio,) = cohort.truth["trios"]
    de_novo = {c["variant_id"] for c in cohort.truth["de_novo"]}
    checked = from_father = 0
    for record in cohort.records_on("1", "2", "3", "4"):
        child, father, mother = (
            cohort.good_genotype(record, trio[role]) for role in ("child", "father", "mother")
        )
        if child and father and mother:
            checked += 1
            possible = {tuple(sorted((f, m))) for f in father for m in mother}
            new = f"{record.chrom}:{record.pos}:{record.ref}:{record.alts[0]}" in de_novo
            assert (child in possible) != new, record.pos
            from_father += father == (1, 1)
    assert checked > 0.8 * len(cohort.records_on("1", "2", "3", "4"))
    assert from_father > 50


def test_duplicates_agree_and_strangers_do_not(cohort):
    ((a, b),) = cohort.truth["duplicates"]
    stranger = next(p["patient"] for p in cohort.truth["people"] if p["patient"] not in (a, b))
    differs = Counter()
    for record in cohort.records_on("1"):
        first = cohort.good_genotype(record, a)
        for who in (b, stranger):
            other = cohort.good_genotype(record, who)
            differs[who] += bool(first and other and first != other)
    assert differs[b] == 0
    assert differs[stranger] > 50


def test_the_contaminated_sample_alone_shows_foreign_reads_at_homozygous_sites(cohort):
    (mixed,) = cohort.truth["contaminated"]
    share = {}
    for patient, sample in cohort.sample_of.items():
        foreign = total = 0
        for record in cohort.records_on("1")[::2]:
            if (
                cohort.good_genotype(record, patient) == (1, 1)
                and record.info["AC"][0] < record.info["AN"] / 2
            ):
                foreign += record.samples[sample]["AD"][0]
                total += sum(record.samples[sample]["AD"])
        share[patient] = foreign / total
    worst = max(share, key=share.__getitem__)
    assert worst == mixed["patient"]
    assert share[worst] > 0.05
    assert sorted(share.values())[-2] < 0.4 * share[worst]


def test_planted_variants_are_carried_by_whom_the_truth_says(cohort):
    truth = cohort.truth
    people = list(cohort.sample_of)
    for row in truth["pathogenic_carriers"]:
        copies = 2 if row["zygosity"] == "homozygous" else 1
        assert cohort.dosages(row["variant_id"])[people.index(row["patient"])] == copies
    for row in (*truth["endotypes"], *truth["gene_burden"]):
        dosages = [cohort.dosages(v) for v in row["variants"]]
        assert all((d.sum() / (2 * len(people))) < 0.01 for d in dosages)
        carriers = sorted(p for p, n in zip(people, sum(dosages), strict=True) if n)
        assert carriers == row["carriers"]
    assert 0.08 <= len(truth["gene_burden"][0]["carriers"]) / len(people) <= 0.12


def test_the_child_has_a_new_variant_and_one_from_either_parent(cohort):
    (trio,) = cohort.truth["trios"]
    people = list(cohort.sample_of)
    family = [people.index(trio[who]) for who in ("father", "mother", "child")]
    (new,) = cohort.truth["de_novo"]
    assert new["patient"] == trio["child"]
    assert cohort.dosages(new["variant_id"])[family].tolist() == [0, 0, 1]
    (pair,) = cohort.truth["compound_heterozygous"]
    copies = [cohort.dosages(v)[family].tolist() for v in pair["variants"]]
    assert sorted(copies) == [[0, 1, 1], [1, 0, 1]]


def test_planted_protein_changes_are_those_of_the_gene_model(cohort):
    """Each planted codon is read anew from the written reference and gene file, base by base."""
    reference = pysam.FastaFile(str(cohort.folder / "reference.fa"))
    coding: dict[str, list] = {}
    with gzip.open(cohort.folder / "genes.gff3.gz", "rt") as stream:
        for line in stream:
            if "\tCDS\t" in line:
                chrom, _, _, start, end, _, strand, _, attributes = line.split("\t")
                gene = attributes.split("transcript:")[1].strip()
                coding.setdefault(gene, []).append((chrom, int(start), int(end), strand))
    by_gene = {f"EG{int(name[3:]):03d}": parts for name, parts in coding.items()}
    assert cohort.truth["protein_changes"]
    for change in cohort.truth["protein_changes"]:
        chrom, pos, ref, alt = change["variant_id"].split(":")
        parts = sorted(by_gene[change["gene"]], key=lambda p: p[1])
        places = [p for _, start, end, _ in parts for p in range(start, end + 1)]
        spelled = "".join(reference.fetch(chrom, start - 1, end) for _, start, end, _ in parts)
        at = places.index(int(pos))
        assert spelled[at] == ref
        changed = spelled[:at] + alt + spelled[at + 1 :]
        if parts[0][3] == "-":
            spelled, changed = (reverse_complement(s) for s in (spelled, changed))
            at = len(places) - 1 - at
        codons = [s[at - at % 3 : at - at % 3 + 3] for s in (spelled, changed)]
        before, after = (AMINO_ACID[codon] for codon in codons)
        assert change["hgvs_p"] == f"p.({THREE_LETTERS[before]}{at // 3 + 1}{THREE_LETTERS[after]})"


def test_endotype_genes_are_hit_in_their_endotype(cohort):
    for row in cohort.truth["endotypes"]:
        inside = set(row["carriers"]) & set(row["members"])
        assert len(inside) / len(row["members"]) > 0.15
        assert len(inside) > 0.8 * len(row["carriers"])


def test_causal_variants_are_common_and_pass(cohort):
    rows = cohort.truth["causal_variants"]
    assert Counter(r["trait"] for r in rows) == {"lipid_level": 2, "airway_disease": 2, "survival": 1}
    for row in rows:
        assert 0.2 <= np.nanmean(cohort.dosages(row["variant_id"])) / 2 <= 0.6
        (record,) = [r for r in cohort.records_on(row["chrom"]) if r.pos == row["pos"]]
        assert "PASS" in record.filter


def numbers(cohort, column: str) -> pd.Series:
    """A clinical column by patient in the order of the VCF's people; words and wild values are missing."""
    limits = yaml.safe_load((cohort.folder / "dictionary.yaml").read_text())["columns"][column].get("range")
    text = cohort.clinical.set_index("patient")[column].reindex(list(cohort.sample_of))
    values = pd.to_numeric(text.replace({"yes": "1", "no": "0"}), errors="coerce")
    low, high = limits or (0, 1)
    return values.where(values.between(low, high))


def test_planted_effects_can_be_seen_and_null_traits_have_none(cohort):
    """With 160 people instead of 400 the effects are still far from chance, each in its own trait only."""
    lipid, airway = numbers(cohort, "lipid_level"), numbers(cohort, "airway_disease")
    null = numbers(cohort, "null_status")
    by_trait = {"lipid_level": lipid, "airway_disease": airway}
    for row in cohort.truth["causal_variants"]:
        dosage = cohort.dosages(row["variant_id"])
        if row["trait"] in by_trait:
            y = by_trait[row["trait"]].to_numpy(float)
            ok = ~np.isnan(y) & ~np.isnan(dosage)
            fit = stats.linregress(dosage[ok], y[ok])
            assert fit.pvalue < 0.01
            assert np.sign(fit.slope) == np.sign(row["effect"])
        y = null.to_numpy(float)
        ok = ~np.isnan(y) & ~np.isnan(dosage)
        assert stats.linregress(dosage[ok], y[ok]).pvalue > 0.001
    burden = np.isin(list(cohort.sample_of), cohort.truth["gene_burden"][0]["carriers"])
    ok = lipid.notna().to_numpy()
    assert stats.ttest_ind(lipid[ok & burden], lipid[ok & ~burden]).pvalue < 1e-4


def test_survival_differs_by_endotype_in_the_planted_order(cohort):
    clinical = cohort.clinical.set_index("patient")
    rates = []
    for row in cohort.truth["endotypes"]:
        members = clinical.loc[[p for p in row["members"] if p in clinical.index]]
        rates.append((members["died"] == "1").sum() / members["follow_up_years"].astype(float).sum())
    assert rates == sorted(rates)
    assert rates[2] > 2 * rates[0]


def test_markers_tell_the_endotypes_apart_once_sites_are_levelled(cohort):
    markers = pd.DataFrame({m: numbers(cohort, m) for m in MARKERS})
    site = cohort.clinical.set_index("patient")["site"].reindex(markers.index)
    levelled = (markers - markers.groupby(site).transform("mean")).dropna()
    endotype = {p["patient"]: p["endotype"] for p in cohort.truth["people"] if p["endotype"]}
    levelled = levelled[levelled.index.isin(list(endotype))]
    planted = [endotype[p] for p in levelled.index]
    mixture = GaussianMixture(3, covariance_type="diag", n_init=5, random_state=0)
    assert adjusted_rand_score(planted, mixture.fit_predict(levelled)) > 0.9


def test_atypical_patients_stand_far_from_every_endotype(cohort):
    markers = pd.DataFrame({m: numbers(cohort, m) for m in MARKERS})
    centres = {
        row["endotype"]: markers.loc[[p for p in row["members"] if p in markers.index]].mean()
        for row in cohort.truth["endotypes"]
    }
    for patient in cohort.truth["atypical"]:
        for centre in centres.values():
            assert np.sqrt(((markers.loc[patient] - centre) ** 2).sum()) > 7


def test_dirty_cells_are_where_the_truth_says_and_cannot_be_read(cohort):
    lines = (cohort.folder / "clinical.tsv").read_text().splitlines()
    header = lines[0].split("\t")
    dirty = cohort.truth["dirty_cells"]
    assert 0.004 < len(dirty) / (len(lines) * 15) < 0.02
    rules = yaml.safe_load((cohort.folder / "dictionary.yaml").read_text())["columns"]
    for cell in dirty:
        assert lines[cell["row"] - 1].split("\t")[header.index(cell["column"])] == cell["found"]
        assert lines[cell["row"] - 1].startswith(cell["patient"] + "\t")
    for column in header:
        kind = rules[column].get("type")
        if kind is None:
            continue
        bad = {c["row"] for c in dirty if c["column"] == column}
        for number, line in enumerate(lines[1:], start=2):
            word = line.split("\t")[header.index(column)]
            assert is_good(word, rules[column]) == (number not in bad), (column, number, word)


def is_good(word: str, rule: dict) -> bool:
    if word in ("", "NA"):
        return True
    if rule["type"] == "category":
        return word in rule["values"]
    if rule["type"] == "binary":
        return word in ("yes", "no", "0", "1")
    try:
        low, high = rule["range"]
        return low <= float(word) <= high
    except ValueError:
        return False


def test_free_text_is_hostile(cohort):
    notes = set(cohort.clinical["notes"])
    assert {"<script>alert(1)</script>", "=1+1", "{{7*7}}"} <= notes


def test_people_of_one_source_only_are_missing_from_the_other(cohort):
    sheet = pd.read_csv(cohort.folder / "samples.tsv", sep="\t", dtype="str")
    genotyped, clinical = set(sheet["patient"]), set(cohort.clinical["patient"])
    assert sorted(genotyped - clinical) == cohort.truth["only_genotyped"]
    assert sorted(clinical - genotyped) == cohort.truth["only_clinical"]
    assert list(cohort.records[0].samples) == sheet["sample"].tolist()
    assert not set(sheet["sample"]) & genotyped


def test_the_clinical_source_names_planted_variants_and_no_common_one_as_pathogenic(cohort):
    rows = {}
    with gzip.open(cohort.folder / "clinvar.vcf.gz", "rt") as stream:
        text = stream.read()
    assert "##reference=EndoSim1" in text
    for line in text.splitlines():
        if not line.startswith("#"):
            chrom, pos, _, ref, alt, *_, info = line.split("\t")
            rows[f"{chrom}:{pos}:{ref}:{alt}"] = dict(part.split("=") for part in info.split(";"))
    pathogenic = {v for v, info in rows.items() if info["CLNSIG"] == "Pathogenic"}
    planted = {c["variant_id"] for c in cohort.truth["pathogenic_carriers"]}
    assert planted < pathogenic
    carried = {f"{r.chrom}:{r.pos}:{r.ref}:{r.alts[0]}" for r in cohort.records}
    assert not (pathogenic - planted) & carried
    assert {info["CLNSIG"] for info in rows.values()} >= {"Benign", "Likely_benign", "Uncertain_significance"}


def test_the_frequency_source_covers_most_sites_but_no_planted_one(cohort):
    with pysam.VariantFile(str(cohort.folder / "gnomad.vcf.gz")) as vcf:
        known = {(r.chrom, r.pos, r.ref): r for r in map(pysam.VariantRecord.copy, vcf)}
    sites = {(r.chrom, r.pos, r.ref): r for r in cohort.records}
    assert len(known) / len(sites) == pytest.approx(0.9, abs=0.02)
    planted = {c["variant_id"] for c in cohort.truth["pathogenic_carriers"]}
    assert not {f"{r.chrom}:{r.pos}:{r.ref}:{r.alts[0]}" for r in known.values()} & planted
    assert any(len(r.alts) == 2 for r in known.values())
    assert all("*" not in r.alts for r in known.values())
    for key, record in known.items():
        assert len(record.info["AF"]) == len(record.alts)
        if len(record.alts) == 1 and key[0] == "1" and len(sites[key].alts) == 1:
            frequency = sites[key].info["AC"][0] / sites[key].info["AN"]
            assert record.info["AF"][0] == pytest.approx(frequency, abs=0.03)


def test_targets_name_who_should_get_what(cohort):
    truth = cohort.truth
    rows = pd.DataFrame(truth["targets"])
    table = pd.read_csv(cohort.folder / "targets.tsv", sep="\t", dtype="str")
    genes = pd.read_csv(cohort.folder / "genes.tsv", sep="\t", dtype="str", keep_default_na=False)
    assert set(table["gene"]) <= set(genes["gene"])
    assert {"carried_variant", "subtype", "association"} == set(table["requires"])
    assert {"R1", "1", "2", "3", "4"} == set(table["tier"])
    assert (rows["action"] == "contraindicated").sum() == 2
    decoys = set(table["gene"]) - set(rows["gene"])
    assert len(decoys) == 3
    compound = {c["gene"] for c in truth["compound_heterozygous"]}
    (recessive,) = set(genes.loc[genes["inheritance"] == "AR", "gene"]) - compound
    homozygous = [c["patient"] for c in truth["pathogenic_carriers"] if c["zygosity"] == "homozygous"]
    assert rows.loc[rows["gene"] == recessive, "patient"].tolist() == homozygous
    members = {p for e in truth["endotypes"] for p in e["members"]}
    assert set(rows.loc[rows["link"] == "subtype", "patient"]) == members


def test_a_failing_run_leaves_no_half_file(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no space")

    monkeypatch.setattr("endotype.simulation.cohort.bcftools.run", fail)
    with pytest.raises(RuntimeError, match="no space"):
        simulate_cohort(tmp_path, replace(SMALL, patients=100, variants=4000), show_progress=False)
    assert list(tmp_path.iterdir()) == []


def test_the_command_refuses_a_cohort_that_is_too_small(tmp_path):
    script = "scripts/simulate_cohort.py"
    command = [sys.executable, script, "--out", str(tmp_path / "x"), "--seed", "1", "--patients", "3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--patients" in done.stderr
    assert not (tmp_path / "x").exists()
