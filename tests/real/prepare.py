"""Write the sheets, clinical table and dictionary of a real cohort, beside a link to its data.

python tests/real/prepare.py {kit,chr20,uwgac,lgg,ucec,brca,laml,aml} WORKDIR [DATA]
"""

from __future__ import annotations

import gzip
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import yaml

DEFAULT_DATA = Path(os.environ.get("ENDOTYPE_DATA", Path(__file__).parents[3] / "shared" / "data"))
CHR20 = ("cohorts/kgp_chr20/unphased.vcf.gz", "cohorts/kgp_chr20/reference.vcf.gz")
KIT = "annotation_kit/1kg_phase2_exome.chr1.1182s.vcf.gz"
UWGAC = "cohorts/uwgac"
TCGA = "somatic/tcga"
AML = "subtypes/aml_ncri/paper_aml_prognosis_updated.tsv.gz"

TCGA_WORDS = ("[Not Available]", "[Not Applicable]", "[Unknown]", "[Discrepancy]")
"""What TCGA's clinical tables write for a value that isn't there."""

MIN_SITE = 10
"""Sites with fewer patients are one group: a level of two people adjusts for nobody."""


def prepare(name: str, workdir: Path, data: Path = DEFAULT_DATA, every: int = 1) -> None:
    """Make ``workdir`` ready for ``name``.yaml; of ``uwgac`` with every n-th autosome, and X."""
    workdir.mkdir(parents=True, exist_ok=True)
    link = workdir / "data"
    if not link.is_symlink():
        link.symlink_to(data.resolve(), target_is_directory=True)
    if name == "uwgac":
        _uwgac(workdir, data, every)
    else:
        {"kit": _kit, "chr20": _chr20, "aml": _aml}.get(name, partial(_tcga, name))(workdir, data)


def _samples(path: Path) -> list[str]:
    with pysam.VariantFile(str(path)) as variants:
        return list(variants.header.samples)


def _sheet(workdir: Path, rows: list[tuple[str, str, str, str]]) -> None:
    table = pd.DataFrame(rows, columns=["patient", "sex", "file_type", "path"])
    table.insert(1, "sample", table["patient"])
    table.to_csv(workdir / "samples.tsv", sep="\t", index=False)


def _dictionary(workdir: Path, columns: dict, **others: object) -> None:
    text = yaml.safe_dump({"missing": ["", "NA"], "columns": columns} | others, sort_keys=False)
    (workdir / "dictionary.yaml").write_text(text)


def _records(workdir: Path, table: pd.DataFrame, columns: dict) -> None:
    """The clinical table with its dictionary, and survival of ``time`` and ``died``."""
    table[["patient", *columns]].to_csv(workdir / "clinical.tsv", sep="\t", index=False)
    outcomes = {"survival": {"time": "time", "event": "died"}}
    _dictionary(workdir, {"patient": {"role": "identifier"}} | columns, outcomes=outcomes)


def _words(table: pd.DataFrame, name: str, role: str, description: str) -> dict:
    """The entry of a column of words, with the words it has."""
    values = sorted(table[name].dropna().unique())
    return {"type": "category", "values": values, "role": role, "description": description}


def _simulated_clinical(workdir: Path, patients: list[str]) -> None:
    """Traits and features without any cause: whatever is found in them is false."""
    rng = np.random.default_rng(20)
    n = len(patients)
    table = pd.DataFrame({"patient": patients, "age": rng.integers(20, 80, n)})
    table["simulated_level"] = rng.normal(5, 1, n).round(3)
    table["simulated_status"] = rng.integers(0, 2, n)
    for j in range(1, 6):
        table[f"simulated_marker_{j}"] = rng.normal(0, 1, n).round(3)
    table.to_csv(workdir / "clinical.tsv", sep="\t", index=False)
    _dictionary(
        workdir,
        {
            "patient": {"role": "identifier"},
            "age": {"type": "number", "unit": "years", "range": [0, 120], "role": "covariate"},
            "simulated_level": {"type": "number", "unit": "units", "range": [-5, 15], "role": "trait"},
            "simulated_status": {"type": "binary", "role": "trait"},
        }
        | {
            f"simulated_marker_{j}": {"type": "number", "unit": "sd", "range": [-9, 9], "role": "feature"}
            for j in range(1, 6)
        },
    )


def _kit(workdir: Path, data: Path) -> None:
    people = _samples(data / KIT)
    _sheet(workdir, [(p, "unknown", "vcf", f"data/{KIT}") for p in people])
    _simulated_clinical(workdir, people)


def _chr20(workdir: Path, data: Path) -> None:
    rows = [(p, "unknown", "vcf", f"data/{path}") for path in CHR20 for p in _samples(data / path)]
    _sheet(workdir, rows)
    _simulated_clinical(workdir, [row[0] for row in rows])


def _uwgac(workdir: Path, data: Path, every: int) -> None:
    names = [f"1KG_phase3_subset_chr{c}.vcf.gz" for c in [*range(1, 23, every), "X"]]
    (workdir / "vcfs.list").write_text("".join(f"data/{UWGAC}/{name}\n" for name in names))
    table = pd.read_csv(data / UWGAC / "sample_phenotype_annotation.tsv", sep="\t", dtype=str)
    people = _samples(data / UWGAC / names[0])
    sex = table.set_index("sample.id")["sex"].map({"M": "male", "F": "female"})
    _sheet(workdir, [(p, sex.get(p, "unknown"), "vcf_list", "vcfs.list") for p in people])
    table = table.rename(columns={"sample.id": "patient", "Population": "population"})
    table[["patient", "status", "age", "height", "study", "population"]].to_csv(
        workdir / "clinical.tsv", sep="\t", index=False
    )
    _dictionary(
        workdir,
        {
            "patient": {"role": "identifier"},
            "status": {"type": "binary", "role": "trait", "description": "simulated"},
            "age": {"type": "number", "unit": "years", "range": [0, 120], "role": "covariate"},
            "height": {"type": "number", "unit": "cm", "range": [100, 230], "role": "trait"},
            "study": {"type": "category", "values": sorted(table["study"].unique()), "role": "confounder"},
            "population": {"role": "ignore"},
        },
    )


# -- tumours -----------------------------------------------------------------------------------------

_LABELS = {
    "lgg": {
        "molecular_class": ("IDH.codel.subtype", "published IDH and 1p/19q class"),
        "histology": ("Histology", "histology"),
    },
    "ucec": {
        "molecular_class": ("IntegrativeCluster", "published integrative cluster"),
        "histology": ("histology", "histology"),
        "msi": ("msi_status_7_marker_call", "microsatellite instability, seven markers"),
    },
    "brca": {"pam50": ("BRCA_Subtype_PAM50", "published PAM50 class, of expression")},
    "laml": {},
}
"""Cohort -> column of our clinical table -> column of the published table, and what it is."""

_GRADES = {
    "lgg": {"grade": ("histological_grade", "histological grade")},
    "ucec": {
        "grade": ("histological_grade", "histological grade"),
        "stage": ("clinical_stage", "FIGO stage, without its letter"),
    },
    "brca": {"stage": ("ajcc_pathologic_tumor_stage", "AJCC stage, without its letter")},
    "laml": {},
}
"""Cohort -> column of our clinical table -> column of TCGA's clinical data resource, and what it is."""


def _tcga(name: str, workdir: Path, data: Path) -> None:
    """A TCGA cohort: one row of the tumour sheet for each tumour, one clinical record for each patient.

    A patient is the first 12 characters of a barcode. Six patients of LGG have two tumours.
    """
    cohort = name.upper()
    maf = f"{TCGA}/{cohort}/{cohort}.maf.gz"
    with gzip.open(data / maf, "rt", encoding="utf-8") as stream:
        rows = pd.read_csv(stream, sep="\t", usecols=["Tumor_Sample_Barcode"], dtype=str)
    sheet = pd.DataFrame({"tumour": sorted(rows["Tumor_Sample_Barcode"].unique())})
    sheet.insert(0, "patient", sheet["tumour"].str[:12])
    sheet = sheet.assign(normal="", file_type="maf", path=f"data/{maf}")
    sheet.to_csv(workdir / "tumours.tsv", sep="\t", index=False)

    cdr = pd.read_csv(data / TCGA / "tcga_cdr.tsv.gz", sep="\t", dtype=str, na_values=list(TCGA_WORDS))
    cdr = cdr.rename(columns={"bcr_patient_barcode": "patient"}).set_index("patient")
    table = pd.DataFrame({"patient": sorted(sheet["patient"].unique())})
    cdr = cdr.reindex(table["patient"])
    table["age"] = cdr["age_at_initial_pathologic_diagnosis"].to_numpy()
    table["sex"] = cdr["gender"].str.lower().to_numpy()
    site = table["patient"].str[5:7]
    table["site"] = site.where(site.map(site.value_counts()) >= MIN_SITE, "other")
    columns = {
        "age": {"type": "number", "unit": "years", "range": [0, 120], "role": "covariate"},
        "sex": {"type": "category", "values": ["female", "male"], "role": "covariate"},
        "site": _words(table, "site", "confounder", "TCGA tissue source site"),
    }
    for column, (source, description) in _GRADES[name].items():
        table[column] = cdr[source].str.replace(r"^(Stage [IV]+)[ABC]\d?$", r"\1", regex=True).to_numpy()
        columns[column] = _words(table, column, "covariate", description)
    if _LABELS[name]:
        path = data / TCGA / cohort / f"{cohort}.subtype.tsv.gz"
        published = pd.read_csv(path, sep="\t", dtype=str, na_values=["Notassigned", "Indeterminant"])
        published = published.set_index("patient").reindex(table["patient"])
    for column, (source, description) in _LABELS[name].items():
        table[column] = published[source].to_numpy()
        columns[column] = _words(table, column, "label", description)
    table["time"], table["died"] = cdr["OS.time"].to_numpy(), cdr["OS"].to_numpy()
    columns |= {
        "time": {"type": "number", "unit": "days", "range": [0, 20000], "role": "outcome"},
        "died": {"type": "binary", "role": "outcome"},
    }
    _records(workdir, table, columns)


def _aml(workdir: Path, data: Path) -> None:
    """2,113 patients of AML trials: genes and cytogenetics as a matrix of 0 and 1, no variant file at all.

    In the source, haemoglobin is in g/dL or in g/L; which sex the codes 0 and 1 mean isn't stated.
    """
    table = pd.read_csv(data / AML, sep=r"\s+", quotechar='"', dtype=str, index_col=0)
    table.insert(0, "patient", table.index)
    table = table.sort_values("patient", ignore_index=True)
    table.loc[:, ["patient", *table.loc[:, "ASXL1":"inv(16)"].columns]].to_csv(
        workdir / "features.tsv", sep="\t", index=False
    )
    table["eln"] = table["eln_2017"].map({"1": "adverse", "2": "intermediate", "3": "favorable"})
    table = table.rename(columns={"gender": "gender_code", "os": "time", "os_status": "died"})

    def measure(unit: str, low: float, high: float, description: str) -> dict:
        limits = {"type": "number", "unit": unit, "range": [low, high]}
        return limits | {"role": "covariate", "description": description}

    columns = {
        "age": {"type": "number", "unit": "years", "range": [0, 120], "role": "covariate"},
        "gender_code": _words(table, "gender_code", "covariate", "sex as coded in the source"),
        "eln": _words(table, "eln", "covariate", "ELN 2017 risk"),
        "wbc": measure("10^9/L", 0, 1000, "white blood cells"),
        "hb": measure("g/dL", 0, 25, "haemoglobin"),
        "plt": measure("10^9/L", 0, 3000, "platelets"),
        "bm_blasts": measure("%", 0, 100, "blasts in the bone marrow"),
        "princ_comp": _words(table, "princ_comp", "label", "published genomic class"),
        "time": {"type": "number", "unit": "years", "range": [0, 60], "role": "outcome"},
        "died": {"type": "binary", "role": "outcome"},
    }
    _records(workdir, table, columns)


if __name__ == "__main__":
    prepare(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else DEFAULT_DATA)
