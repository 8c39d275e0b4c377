"""A results folder as the stages before reports leave it, small and made up."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from endotype.files import read_json, write_json, write_text
from endotype.reports.records import write_records
from endotype.reports.render import render_reports
from endotype.reports.write import write_reports
from endotype.tables import read_parquet, write_parquet
from endotype.variants.plink import pack, write_store
from endotype.variants.tumours import SOMATIC_TYPES, TUMOUR_TYPES

N_PEOPLE = 60
SUBTYPES = ("S1", "S2", "S3")
FEATURES = [f"marker_{i}" for i in range(1, 7)]


@dataclass(frozen=True)
class Run:
    """A results folder with the configuration that made it, and ways to change and to report it."""

    results: Path
    config: Path

    def write(self) -> list[str]:
        """Make all reports in one batch, and render them."""
        self.write_records()
        write_reports(self.results, self.config, 0, 1)
        return render_reports(self.results, self.config, 0, 1)

    def write_records(self) -> None:
        """What the sheets say of single people, by the batches of the configuration."""
        write_records(self.results, self.config)

    def report(self, patient: str) -> dict[str, Any]:
        """One patient's report.json."""
        return read_json(self.results / "reports" / patient / "report.json")

    def page(self, patient: str) -> str:
        """One patient's report.html."""
        return (self.results / "reports" / patient / "report.html").read_text(encoding="utf-8")

    def change(self, table: str, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        """Edit one Parquet table of the folder."""
        path = self.results / table
        write_parquet(edit(read_parquet(path)), path)

    def change_json(self, path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
        """Edit one JSON file in place."""
        value = read_json(path)
        edit(value)
        write_json(path, value)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return build_run(tmp_path)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose reports are written; not to be changed."""
    folder = tmp_path_factory.mktemp("written")
    run = build_run(folder)
    with contextlib.chdir(folder):
        run.write()
    return run


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with all that the cohort's page shows, and the page; not to be changed."""
    from tests.reports import cohort_run

    run = cohort_run.build(tmp_path_factory.mktemp("cohort"))
    cohort_run.page_of(run)
    return run


def build_run(folder: Path, n: int = N_PEOPLE) -> Run:
    """Write a results folder. P0001..: see the comments for what is special about each of the first."""
    results = folder / "results"
    patients = [f"P{i + 1:04d}" for i in range(n)]
    rng = np.random.default_rng(7)
    _cohort(folder, results, patients, rng)
    dosages, variants = _variants(results, patients, rng)
    _tumours(results, patients)
    _annotation(results, variants, dosages)
    _interpretation(results)
    _association(results)
    _subtypes(results, patients, rng)
    _targets(results)
    config = results / "provenance/config.json"
    write_json(config, CONFIG)
    run = Run(results, config)
    with contextlib.chdir(folder):
        run.write_records()
    return run


CONFIG: dict[str, Any] = {
    "run": {"name": "A simulated cohort", "seed": 1},
    "inputs": {
        "samples": "samples.tsv",
        "clinical": "clinical.tsv",
        "dictionary": "d.yaml",
        "pedigree": None,
    },
    "reference": {
        "fasta": "r.fa",
        "genes": "g.gff3",
        "assembly": "EndoSim1",
        "excerpt": False,
        "allow_missing": False,
    },
    "knowledge": {
        "clinical_significance": "clinvar.vcf.gz",
        "population_frequency": "gnomad.vcf.gz",
        "genes": "genes.tsv",
        "targets": "targets.tsv",
    },
    "variants": {
        "shard_size": 10000000,
        "pass_filters": ["PASS"],
        "min_quality": 0,
        "min_genotype_quality": 20,
        "min_depth": 10,
        "min_call_rate": 0.9,
        "min_hwe_p": 1e-10,
    },
    "sample_qc": {
        "min_call_rate": 0.9,
        "max_contamination": 0.05,
        "max_kinship": 0.177,
        "outlier_mads": 6,
        "principal_components": 4,
    },
    "association": {
        "alpha": 0.05,
        "min_allele_count": 10,
        "gene_max_frequency": 0.01,
        "gene_min_carriers": 5,
        "masks": None,
        "locus_window": 500000,
        "principal_components": 4,
    },
    "subtypes": {
        "max_k": 6,
        "restarts": 20,
        "resamples": 20,
        "call_probability": 0.8,
        "min_information": 0.5,
        "typicality_alpha": 0.01,
        "min_size": 20,
        "min_fraction": 0.02,
        "outcome_permutations": 1000,
    },
    "targets": {"draws": 1000},
    "reports": {
        "batches": 8,
        "formats": ["html"],
        "language": "en",
        "private": True,
        "status": "preliminary",
        "consent": {"secondary_findings": None, "research": None},
        "secondary_genes": None,
        "previous": None,
    },
}


def _column(kind: str, role: str, unit: str = "", description: str = "", **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "role": role,
        "unit": unit,
        "range": None,
        "values": None,
        "description": description,
        **more,
    }


DICTIONARY: dict[str, Any] = {
    "missing": ["", "NA", "."],
    "columns": {
        "patient": _column("category", "identifier"),
        "age": _column("number", "covariate", "years"),
        "site": _column("category", "confounder", description="where the sample was taken"),
        "lipid_level": _column("number", "trait", "mmol/L", "LDL cholesterol, fasting"),
        "airway_disease": _column("binary", "trait"),
        **{name: _column("number", "feature", "sd") for name in FEATURES},
        "follow_up_years": _column("number", "outcome", "years"),
        "died": _column("binary", "outcome"),
        "notes": _column("category", "ignore"),
    },
    "outcomes": {"survival": {"time": "follow_up_years", "event": "died"}},
}


def _cohort(folder: Path, results: Path, patients: list[str], rng: np.random.Generator) -> None:
    n = len(patients)
    # The last but one is only genotyped, the last is only in the clinical table.
    status = ["included"] * (n - 2) + ["only_genotyped", "only_clinical"]
    people = pd.DataFrame({"patient": patients, "sex": ["female", "male"] * (n // 2) + ["female"] * (n % 2)})
    people["in_genotypes"] = [s != "only_clinical" for s in status]
    people["in_clinical"] = [s != "only_genotyped" for s in status]
    people["status"] = status
    write_parquet(people, results / "cohort/people.parquet")
    with_record = [p for p, s in zip(patients, status, strict=True) if s != "only_genotyped"]
    m = len(with_record)
    group = np.arange(m) % 3
    clinical = pd.DataFrame({"patient": with_record})
    clinical["age"] = rng.normal(55, 12, m).round(0)
    clinical["site"] = rng.choice(["north", "south"], m)
    clinical["lipid_level"] = rng.normal(4.1, 0.9, m).round(2)
    clinical["airway_disease"] = pd.array(rng.random(m) < 0.3, dtype="boolean")
    for i, name in enumerate(FEATURES):
        clinical[name] = (rng.normal(0, 1, m) + 2.2 * ((group + i) % 3 - 1)).round(3)
    clinical["follow_up_years"] = rng.exponential(8 / (1 + group), m).round(2)
    clinical["died"] = pd.array(rng.random(m) < 0.6, dtype="boolean")
    clinical["notes"] = "private words"
    clinical.loc[1, "lipid_level"] = np.nan  # P0002: a cell that was set aside
    clinical.loc[2, ["age", "marker_2"]] = np.nan  # P0003: never recorded
    write_parquet(clinical, results / "cohort/clinical.parquet")
    write_parquet(clinical[["patient"]], results / "cohort/consent.parquet")
    no_samples = pd.DataFrame({name: pd.Series(dtype="str") for name in ("patient", "sample", "path")})
    write_parquet(no_samples, results / "cohort/samples.parquet")
    write_json(results / "provenance/inputs.json", [])
    write_json(results / "cohort/dictionary.json", DICTIONARY)
    write_text(
        folder / "clinical.tsv",
        "patient\tlipid_level\n" + "".join(f"{p}\t{'4,1x' if p == 'P0002' else 1}\n" for p in with_record),
    )
    write_text(
        results / "cohort/quarantine.tsv",
        "file\trow\tcolumn\tfound\texpected\tsuggestion\nclinical.tsv\t3\tlipid_level\t4,1x\ta number\t4.1\n",
    )
    not_assessed = {"ancestry reference": "No reference panel was given."}
    counts = {"people": n, "included": n - 2, "only_genotyped": 1, "only_clinical": 1}
    write_json(
        results / "cohort/preflight.json", {"counts": counts, "not_assessed": not_assessed, "warnings": []}
    )


# id, gene, consequence, impact, protein change, population AF, clinical significance, review status
MULTIPLE = "criteria_provided,_multiple_submitters,_no_conflicts"
SINGLE = "criteria_provided,_single_submitter"
EXPERT = "reviewed_by_expert_panel"
NO_CRITERIA = "no_assertion_criteria_provided"
VARIANTS: list[tuple[Any, ...]] = [
    ("1:1000:G:T", "GENEA", "stop_gained", "HIGH", "p.(Arg12Ter)", None, "Pathogenic", MULTIPLE),
    (
        "1:2000:C:A",
        "GENEB",
        "missense_variant",
        "MODERATE",
        "p.(Ala40Asp)",
        0.0002,
        "Likely_pathogenic",
        SINGLE,
    ),
    ("2:1500:A:AT", "GENEC", "frameshift_variant", "HIGH", "p.(Leu88PhefsTer3)", None, None, None),
    ("2:5000:C:G", None, None, "MODIFIER", None, 0.31, None, None),
    ("3:100:T:C", "GENED", "missense_variant", "MODERATE", "p.(Val7Ala)", 0.2, "Benign", EXPERT),
    (
        "3:900:G:A",
        "GENED",
        "missense_variant",
        "MODERATE",
        "p.(Arg70His)",
        0.004,
        "Uncertain_significance",
        SINGLE,
    ),
    ("3:950:G:C", "GENEE", "missense_variant", "MODERATE", "p.(Arg2Thr)", 0.001, None, None),
    ("3:990:G:C", "GENEE", "splice_donor_variant", "HIGH", None, 0.0005, None, None),
    ("X:700:C:T", "GENEX", "stop_gained", "HIGH", "p.(Gln5Ter)", None, "Pathogenic", NO_CRITERIA),
]


def _variants(
    results: Path, patients: list[str], rng: np.random.Generator
) -> tuple[np.ndarray, pd.DataFrame]:
    genotyped = patients[:-1]
    n = len(genotyped)
    variants = pd.DataFrame([v[0].split(":") for v in VARIANTS], columns=["chrom", "pos", "ref", "alt"])
    variants["pos"] = variants["pos"].astype("int64")
    variants["id"], variants["cm"] = [v[0] for v in VARIANTS], "0"
    dosages = np.zeros((len(VARIANTS), n), np.int8)
    dosages[0, [0, 7]] = 1  # P0001, P0008: heterozygous, pathogenic
    dosages[1, 0] = 1  # P0001: one allele of a recessive gene
    dosages[1, 4] = 2  # P0005: both
    dosages[2, [2, 5]] = 1  # P0003, P0006: predicted damaging
    dosages[3] = rng.binomial(2, 0.4, n)
    dosages[4] = 1  # everybody: benign
    dosages[5, [0, 9]] = 1  # P0001: uncertain significance
    dosages[6, [0, 10, 11]] = 1
    dosages[7, [12, 13]] = 1
    dosages[8, 1] = 2  # P0002, male: hemizygous
    dosages[0, 3] = -1  # P0004: no call at a pathogenic site
    people = pd.DataFrame(
        {"fid": "0", "iid": genotyped, "father": "0", "mother": "0", "sex": "0", "phenotype": "-9"}
    )
    write_store(results / "variants/genotypes", pack(dosages), variants, people)
    qc = pd.DataFrame(
        {"patient": genotyped, "declared_sex": ["female", "male"] * (n // 2) + ["female"] * (n % 2)}
    )
    qc["inferred_sex"] = qc["declared_sex"]
    qc["x_het_rate"], qc["x_inbreeding"], qc["y_call_rate"] = 0.2, 0.1, 0.5
    qc["call_rate"] = rng.uniform(0.97, 0.999, n)
    qc["n_het"], qc["n_hom_alt"], qc["n_singleton"] = 900, 400, 12
    qc["ti_tv"], qc["het_rate"] = rng.normal(2.05, 0.02, n), rng.normal(0.25, 0.01, n)
    qc["mean_depth"], qc["mean_genotype_quality"] = rng.normal(30, 2, n), rng.normal(70, 3, n)
    qc["contamination"] = rng.uniform(0, 0.01, n)
    qc["verdict"], qc["reasons"], qc["in_statistics"] = "pass", "", True
    # P0006: contaminated and a duplicate of P0007, of the wrong sex. P0009: a remark.
    qc.loc[5, ["contamination", "verdict", "in_statistics", "inferred_sex"]] = [0.15, "fail", False, "female"]
    qc.loc[5, "reasons"] = (
        "estimated contamination 0.150 is above 0.05; declared male, but the genotypes are female"
    )
    qc.loc[8, ["verdict", "reasons"]] = ["warn", "heterozygosity is +6.8 median absolute deviations off"]
    qc.loc[9, "contamination"] = np.nan
    write_parquet(qc, results / "variants/sample_qc.parquet")
    pairs = [
        ("P0006", "P0007", 0.49, "duplicate", ""),
        ("P0001", "P0008", 0.25, "parent_child", "parent_child"),
    ]
    related = pd.DataFrame(pairs, columns=["patient_a", "patient_b", "kinship", "relationship", "declared"])
    for name in ("n_sites", "n_het_het", "n_ibs0"):
        related[name] = 5000
    write_parquet(related, results / "variants/relatedness.parquet")
    ancestry = pd.DataFrame({"patient": genotyped})
    for k in range(4):
        ancestry[f"pc{k + 1}"] = rng.normal(0, 1, n) + 3 * (np.arange(n) % 3 == k)
    ancestry["used_for_fit"] = True
    write_parquet(ancestry, results / "variants/ancestry.parquet")
    write_json(
        results / "variants/ancestry.json",
        {"relatedness_assessed": True, "n_variants": 4000, "share_of_variance": [0.2, 0.1, 0.05, 0.02]},
    )
    flow = {"records_in": 12, "alleles_in": 14, "alleles_rejected": {"ref_mismatch": 2, "star": 1}}
    flow |= {"duplicates_merged": 1, "variants_filtered": {"call_rate": 1}, "variants_kept": len(VARIANTS)}
    write_json(results / "variants/flow.json", flow)
    return dosages, variants


def _tumours(results: Path, patients: list[str]) -> None:
    """The last patient, who has no genotypes, has a tumour with 31 mutations; P0002 shares a gene with it."""
    last = patients[-1]
    at = [("T2", patients[1], "GENE5", "Missense_Mutation", "somatic")]
    at += [("T1", last, f"GENE{i}", "Missense_Mutation", "somatic") for i in range(30)]
    at += [
        ("T1", last, "<b>G</b>", "Nonsense_Mutation", "somatic_or_germline"),
        ("T1", last, "SILENT1", "Silent", "somatic"),
        ("T1", last, "FILTERED1", "Missense_Mutation", "filtered"),
    ]
    rows = [
        {
            "patient": patient, "tumour": tumour, "variant_id": f"1:{100 + i}:A:T", "gene": gene,
            "classification": kind, "protein_change": "p.A1T", "alt_reads": 8, "depth": 20, "vaf": 0.4,
            "status": status,
        }
        for i, (tumour, patient, gene, kind, status) in enumerate(at)
    ]  # fmt: skip
    write_parquet(_filled(rows, SOMATIC_TYPES), results / "variants/somatic.parquet")
    tumours = [
        {
            "patient": patient, "tumour": tumour, "n_mutations": n, "hypermutation": "not_assessed",
            "verdict": f"{n} somatic mutations.", "not_assessed": "purity; hypermutation",
        }
        for patient, tumour, n in ((patients[1], "T2", 1), (last, "T1", 32))
    ]  # fmt: skip
    write_parquet(_filled(tumours, TUMOUR_TYPES), results / "variants/tumours.parquet")


def _filled(rows: list[dict[str, Any]], types: dict[str, str]) -> pd.DataFrame:
    """The rows with all columns of a table: text that isn't given is empty, numbers are 0 or null."""
    empty = {"str": "", "int64": 0}
    table = pd.DataFrame(
        {name: [row.get(name, empty.get(kind)) for row in rows] for name, kind in types.items()}
    )
    return table.astype(types)


def _annotation(results: Path, variants: pd.DataFrame, dosages: np.ndarray) -> None:
    rows = []
    for (name, gene, consequence, impact, change, af, clinical, review), dosage in zip(
        VARIANTS, dosages, strict=True
    ):
        chrom, pos, ref, alt = name.split(":")
        rows.append(
            {
                **{"variant_id": name, "chrom": chrom, "pos": int(pos), "ref": ref, "alt": alt, "gene": gene},
                **{"gene_id": gene and f"gene:{gene}", "transcript": gene and f"T_{gene}"},
                **{"biotype": gene and "protein_coding", "strand": gene and "+", "consequence": consequence},
                **{"impact": impact, "hgvs_g": f"{chrom}:g.{pos}{ref}>{alt}"},
                "hgvs_c": gene and f"T_{gene}:c.{pos}{ref}>{alt}",
                **{"hgvs_p": change and f"P_{gene}:{change}", "hgvs_status": "described"},
                **{"most_severe": True, "consequence_status": "assessed", "population_af": af},
                "population_status": "absent" if af is None else "present",
                **{"clinical_significance": clinical, "review_status": review},
                "condition": "A_made-up_disease" if clinical else None,
                "clinical_id": "42" if clinical else None,
                "clinical_status": "present" if clinical else "absent",
                "cohort_af": float(dosage[dosage >= 0].sum() / (2 * (dosage >= 0).sum()))
                / (4 if af != 0.31 else 1),
                "damaging": impact == "HIGH" or "athogenic" in (clinical or ""),
            }
        )
    rows.append(rows[0] | {"transcript": "T_OTHER", "most_severe": False, "impact": "LOW"})
    annotation = pd.DataFrame(rows).sort_values("variant_id")
    write_parquet(annotation, results / "annotation/variants.parquet")
    genes = pd.DataFrame({"gene": ["GENEA", "GENEB", "GENEC", "GENEX"]})
    genes["gene_id"], genes["chrom"], genes["start"], genes["end"], genes["strand"] = (
        genes["gene"],
        "1",
        1,
        9,
        "+",
    )
    genes["mechanism"] = "signalling"
    genes["inheritance"] = ["AD", "AR", None, "XL"]
    genes["disease"] = ["Disease A", "Disease B", None, "Disease X"]
    write_parquet(genes, results / "annotation/genes.parquet")
    source = {"version": "2026-01-01", "sha256": "a" * 64, "records_in": 9}
    write_json(
        results / "annotation/knowledge.json",
        {
            "sources": {
                "clinical_significance": {"file": "clinvar.vcf.gz", **source},
                "population_frequency": {"file": "gnomad.vcf.gz", **source},
                "genes": {"status": "not_assessed"},
            }
        },
    )


# variant id, gene, class, points, class by the rules of 2015, met criteria with their points
CLASSES: list[tuple[Any, ...]] = [
    ("1:1000:G:T", "GENEA", "pathogenic", 10, "pathogenic", {"PVS1": 8, "PM2": 1, "PP3": 1}),
    ("1:2000:C:A", "GENEB", "uncertain_significance", 3, "uncertain_significance", {"PM2": 1, "PM1": 2}),
    ("2:1500:A:AT", "GENEC", "likely_pathogenic", 9, "uncertain_significance", {"PVS1": 8, "PM2": 1}),
    ("3:100:T:C", "GENED", "benign", -8, "benign", {"BA1": -8}),
]
OVERRIDE = ["", "_class", "_who", "_when", "_why"]
STRENGTHS = {8: "very_strong", 2: "moderate", 1: "supporting", -8: "stand_alone"}


def _interpretation(results: Path) -> None:
    """Classes of four variants. P0003 has GENEC's from nobody, P0001 a pair in GENEB and a joint change."""
    classes, criteria = [], []
    for variant, gene, by_points, points, by_rules, met in CLASSES:
        key = {"variant_id": variant, "gene": gene, "gene_id": f"gene:{gene}"}
        counts = {"n_met": len(met), "n_not_met": 12, "n_not_evaluable": 28 - 12 - len(met)}
        words = {"class": by_points, "class_points": by_points, "class_2015": by_rules}
        override = dict.fromkeys([f"override{word}" for word in OVERRIDE])
        agreement = {"agree": by_points == by_rules, "clinvar_agrees": None}
        classes.append({**key, **words, "points": points, **counts, **agreement, **override})
        for criterion, value in met.items():
            numbers = {"strength": STRENGTHS[value], "points": value, "counted": criterion != "PP3"}
            source = {"reason": f"{criterion} is met.", "source": "a table", "source_row": 7}
            criteria.append({**key, "criterion": criterion, "status": "met", **numbers, **source})
        criteria.append({**key, "criterion": "PS3", "status": "not_evaluable", "reason": "No such data."})
    table = pd.DataFrame(classes)
    for word in OVERRIDE:
        table[f"override{word}"] = table[f"override{word}"].astype("str")
    table["clinvar_agrees"] = table["clinvar_agrees"].astype("boolean")
    write_parquet(table, results / "annotation/classification.parquet")
    long = pd.DataFrame(criteria).astype({"points": "Int64", "source_row": "Int64", "counted": "boolean"})
    write_parquet(long, results / "annotation/criteria.parquet")
    origins = {"patient": ["P0003", "P0001"], "variant_id": ["2:1500:A:AT", "1:2000:C:A"]}
    write_parquet(
        pd.DataFrame(origins | {"origin": ["de_novo", "maternal"]}),
        results / "annotation/inheritance.parquet",
    )
    pair = {"patient": "P0001", "gene": "GENEB", "variant_1": "1:2000:C:A", "variant_2": "1:2010:C:A"}
    write_parquet(
        pd.DataFrame([pair | {"phase": "trans", "phase_source": "trio"}]),
        results / "annotation/compound.parquet",
    )
    joint = {"patient": "P0001", "gene": "GENEA", "transcript": "T_GENEA", "haplotype": "1"}
    joint |= {"variants": "1:1000:G:T|1:1001:A:G", "consequence": "missense_variant"}
    write_parquet(
        pd.DataFrame([joint | {"amino_acid_change": "12R>12L", "phase": "known"}]),
        results / "annotation/haplotypes.parquet",
    )


def _association(results: Path) -> None:
    columns = "trait kind id chrom pos start end gene mask effect_allele eaf beta se neg_log10_p n"
    columns += " n_significant threshold"
    lead = ("variant", "2:5000:C:G", "2", 5000, 4000, 6000)
    rows = [
        ("airway_disease", *lead, "GENEC", None, "G", 0.4, 0.7, 0.1, 11.9, 58, 3, 1e-6),
        (
            "lipid_level",
            "gene",
            "GENEE",
            "3",
            900,
            900,
            999,
            "GENEE",
            "protein_changing",
            None,
            None,
            0.8,
            0.12,
            9.2,
            58,
            1,
            1e-3,
        ),
        ("survival", *lead, None, None, "G", 0.4, 0.3, 0.05, 402.5, 58, 1, 1e-6),
        ("survival", "set", "pathway", *[None] * 5, "all", None, None, 0.5, 0.1, 6.2, 58, 1, 1e-3),
    ]
    write_parquet(pd.DataFrame(rows, columns=columns.split()), results / "association/loci.parquet")
    traits: dict[str, Any] = {
        trait: {"test": "linear", "n": 58} for trait in ("lipid_level", "airway_disease", "survival")
    }
    traits["airway_severity"] = {"assessed": False, "reason": "Nobody has a value."}
    write_json(results / "association/summary.json", {"traits": traits})
    for trait in ("lipid_level", "airway_disease", "survival"):
        write_text(results / f"association/{trait}.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>")


def _subtypes(results: Path, patients: list[str], rng: np.random.Generator) -> None:
    clinical = read_parquet(results / "cohort/clinical.parquet").set_index("patient")
    features = clinical[FEATURES].reindex(patients).rename_axis("patient").reset_index()
    features["carrier_signalling"] = (rng.random(len(patients)) < 0.2).astype(float)
    write_parquet(features, results / "subtypes/features.parquet")
    described = [{"name": n, "view": "clinical", "kind": "gaussian", "levels": None} for n in FEATURES]
    described.append({"name": "carrier_signalling", "view": "carriers", "kind": "binary", "levels": None})
    write_json(results / "subtypes/features.json", {"features": described, "views": [], "confounders": []})
    rows = []
    for i, patient in enumerate(patients):
        p = np.full(3, 0.01)
        p[i % 3] = 0.98
        row = {
            "patient": patient,
            "subtype": SUBTYPES[i % 3],
            "call": "called",
            "reason": None,
            "posterior": 0.98,
        }
        row |= {"second_subtype": SUBTYPES[(i + 1) % 3], "second_posterior": 0.01, "typicality": 0.4}
        row |= {
            "information": 0.2 if i == len(patients) - 2 else 0.97,
            "ancestry": "inside",
            "unusable": None,
        }
        no_call = {1: "ambiguous", 2: "atypical", 5: "failed_qc", len(patients) - 2: "insufficient_data"}.get(
            i
        )
        if no_call:
            row |= {"subtype": None, "call": "no_call", "reason": no_call}
        if no_call == "ambiguous":
            p = np.array([0.45, 0.5, 0.05])
            row |= {"posterior": 0.5, "second_posterior": 0.45, "second_subtype": "S1"}
        if no_call == "atypical":
            row["typicality"] = 0.001
        if no_call == "insufficient_data":
            p = np.full(3, np.nan)
            row |= {
                "posterior": np.nan,
                "second_posterior": np.nan,
                "typicality": np.nan,
                "second_subtype": None,
            }
        rows.append(row | {f"p_{s}": float(v) for s, v in zip(SUBTYPES, p, strict=True)})
    write_parquet(pd.DataFrame(rows), results / "subtypes/assignments.parquet")
    profile = [
        (s, f, 20, 2.2 * ((k + i) % 3 - 1), 0.0, 1.1 * ((k + i) % 3 - 1))
        for k, s in enumerate(SUBTYPES)
        for i, f in enumerate(FEATURES)
    ]
    profile += [(s, "carrier_signalling", 20, 0.25, 0.2, 0.1) for s in SUBTYPES]
    names = ["subtype", "feature", "n", "mean_or_rate", "cohort_mean_or_rate", "standardised_difference"]
    write_parquet(pd.DataFrame(profile, columns=names), results / "subtypes/profile.parquet")
    write_json(results / "subtypes/selection.json", {"k": 3})
    named = [{"subtype": f"S{i}", "name": f"S{i}: marker {i} high", "features": []} for i in (1, 2, 3)]
    assessment = {"names": named, "warnings": [], "outcomes": {}, "notes": [], "patients": {"assessed": 60}}
    assessment["audit"] = {"status": "not_assessed", "reason": "no confounder is named", "confounders": []}
    write_json(results / "subtypes/assessment.json", assessment)
    write_json(results / "subtypes/model.json", {"k": 3})


TARGET_COLUMNS = [
    *["patient", "gene", "intervention", "action", "tier", "score", "rank", "rank_low", "rank_high"],
    *["probability_top3", "link", "variant_id", "detail", "source", "source_version", "source_record"],
]


def _targets(results: Path) -> None:
    table = ("A table", "2026")
    carried = "carried_variant"
    first = ("P0001", "GENEB", "Drug R", "contraindicated", "R1", 0.8, 1, 1, 1, 1.0, carried, "1:2000:C:A")
    second = ("P0001", "GENEA", "Drug A", "indicated", "1", 0.9, 2, 2, 3, 0.97, carried, "1:1000:G:T")
    third = ("P0001", "GENES", "Drug S", "indicated", "2", 0.4, 3, 2, 3, 0.91, "subtype", None)
    failed = ("P0006", "GENEC", "Drug C", "indicated", "1", 0.4, 1, 1, 1, 1.0, carried, "2:1500:A:AT")
    rows = [
        (*first, "one allele", *table, "https://example.org/r/1"),
        (*second, "carries 12R>12*", *table, "rec-2"),
        (*third, "odds ratio 9.1 in S1", *table, None),
        (*failed, "carries 88L>88LX", *table, "javascript:alert(1)"),
    ]
    write_parquet(pd.DataFrame(rows, columns=TARGET_COLUMNS), results / "targets/targets.parquet")


def as_text(report: dict[str, Any]) -> str:
    """A report as one line of JSON, to look for words in."""
    return json.dumps(report, ensure_ascii=False)
