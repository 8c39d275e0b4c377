"""Write the sample sheet, clinical table and dictionary of a real cohort, beside a link to its data.

python tests/real/prepare.py {kit,chr20,uwgac} WORKDIR [DATA]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import yaml

DEFAULT_DATA = Path(os.environ.get("ENDOTYPE_DATA", Path(__file__).parents[3] / "shared" / "data"))
CHR20 = ("cohorts/kgp_chr20/unphased.vcf.gz", "cohorts/kgp_chr20/reference.vcf.gz")
KIT = "annotation_kit/1kg_phase2_exome.chr1.1182s.vcf.gz"
UWGAC = "cohorts/uwgac"


def prepare(name: str, workdir: Path, data: Path = DEFAULT_DATA, every: int = 1) -> None:
    """Make ``workdir`` ready for ``name``.yaml; of ``uwgac`` with every n-th autosome, and X."""
    workdir.mkdir(parents=True, exist_ok=True)
    link = workdir / "data"
    if not link.is_symlink():
        link.symlink_to(data.resolve(), target_is_directory=True)
    if name == "uwgac":
        _uwgac(workdir, data, every)
    else:
        {"kit": _kit, "chr20": _chr20}[name](workdir, data)


def _samples(path: Path) -> list[str]:
    with pysam.VariantFile(str(path)) as variants:
        return list(variants.header.samples)


def _sheet(workdir: Path, rows: list[tuple[str, str, str, str]]) -> None:
    table = pd.DataFrame(rows, columns=["patient", "sex", "file_type", "path"])
    table.insert(1, "sample", table["patient"])
    table.to_csv(workdir / "samples.tsv", sep="\t", index=False)


def _dictionary(workdir: Path, columns: dict) -> None:
    text = yaml.safe_dump({"missing": ["", "NA"], "columns": columns}, sort_keys=False)
    (workdir / "dictionary.yaml").write_text(text)


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


if __name__ == "__main__":
    prepare(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else DEFAULT_DATA)
