"""The tables that the quality page is made from, small and made up; all counts add up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from endotype.files import write_json
from endotype.tables import write_parquet
from tests.reports.conftest import CONFIG, DICTIONARY, Run

METRIC_COLUMNS = ["patient", "metric", "value", "lower", "upper", "verdict", "explanation", "population"]
PAIR_COLUMNS = ["patient_a", "patient_b", "kinship", "n_ibs0", "relationship", "declared"]
RULES = ("quality", "depth", "balance")
LIMITS = {"call_rate": (0.95, None), "contamination": (None, 0.05), "het_rate": (0.08, 0.10)}
FAILS_BELOW = 0.9
"""Of the call rate, whose limit of a remark is higher."""

VALUES = {
    **{"call_rate": (0.97, 0.004), "mean_depth": (30, 2), "mean_genotype_quality": (80, 4)},
    **{"contamination": (0.01, 0.002), "het_rate": (0.09, 0.001), "inbreeding": (0.0, 0.02)},
    **{"het_hom": (1.6, 0.05), "ti_tv": (2.05, 0.02), "n_snv": (4000, 90), "n_singleton": (20, 4)},
    **{"indel_ratio": (0.95, 0.03), "x_depth_ratio": (1.0, 0.02), "y_depth_ratio": (0.01, 0.002)},
    "roh": (0.004, 0.001),
}


def build_qc_run(folder: Path, n: int = 40) -> Run:
    """Write a results folder up to the stage variants; people Q0001.. of whom the last is only clinical.

    Of the others, the first (where there are so many) fails in call rate, the second in contamination and
    sex, the third warns in heterozygosity. Nobody's indels are judged.
    """
    results, rng = folder / "results", np.random.default_rng(3)
    patients = [f"Q{i + 1:04d}" for i in range(n)]
    genotyped = patients[:-1] if n > 1 else patients
    m = len(genotyped)
    people = pd.DataFrame({"patient": patients, "sex": ["female", "male"] * (n // 2) + ["female"] * (n % 2)})
    people["in_genotypes"] = people["patient"].isin(genotyped)
    people["in_clinical"] = [i != 4 for i in range(n)]  # Q0005 has no clinical record
    people["status"] = "included"
    write_parquet(people, results / "cohort/people.parquet")
    clinical = pd.DataFrame({"patient": people.loc[people["in_clinical"], "patient"]})
    for name in set(DICTIONARY["columns"]) - {"patient"}:
        clinical[name] = 1.0
    clinical.loc[clinical["patient"].isin(patients[10:13]), "lipid_level"] = np.nan
    write_parquet(clinical, results / "cohort/clinical.parquet")
    write_json(results / "cohort/dictionary.json", DICTIONARY)

    metrics = _metrics(genotyped, people["sex"].tolist(), rng)
    write_parquet(metrics, results / "variants/sample_metrics.parquet")
    _sample_qc(results, genotyped, people, metrics, rng)
    _sites(results, m)
    pairs = [
        *([("Q0004", "Q0006", 0.49, 1, "duplicate", "")] if m > 6 else []),
        *([("Q0007", "Q0008", 0.25, 2, "parent_child", "parent_child")] if m > 8 else []),
        *([("Q0009", "Q0010", 0.24, 900, "full_sibling", "parent_child")] if m > 10 else []),
    ]
    related = pd.DataFrame(pairs, columns=PAIR_COLUMNS)
    related["n_sites"], related["n_het_het"] = 5000, 800
    write_parquet(related, results / "variants/relatedness.parquet")
    ancestry = pd.DataFrame({"patient": genotyped, **{f"pc{k}": rng.normal(size=m) for k in range(1, 5)}})
    ancestry["used_for_fit"] = np.arange(m) > 2
    write_parquet(ancestry, results / "variants/ancestry.parquet")
    info = {"relatedness_assessed": True, "n_variants": 30, "n_people_in_fit": max(m - 3, 0)}
    info |= {"share_of_variance": [0.2, 0.1, 0.05, 0.02], "n_independent_variants": 30}
    write_json(results / "variants/ancestry.json", info)
    roh = pd.DataFrame(
        {"patient": genotyped[:1] * 2, "chrom": "1", "start": [1, 9], "end": [5, 20], "n_variants": 50}
    )
    roh["kb"] = [1800.0, 2500.0]
    write_parquet(roh, results / "variants/roh.parquet")
    write_json(results / "provenance/config.json", CONFIG)
    return Run(results, results / "provenance/config.json")


def _metrics(genotyped: list[str], sexes: list[str], rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for i, patient in enumerate(genotyped):
        male = sexes[i] == "male"
        for name, (mean, sd) in VALUES.items():
            value = float(rng.normal(mean, sd))
            if name in ("x_depth_ratio", "y_depth_ratio") and male:
                value = abs(value - 0.5)
            value = {("call_rate", 0): 0.71, ("contamination", 1): 0.15, ("het_rate", 2): 0.13}.get(
                (name, i), value
            )
            lower, upper = LIMITS.get(name, (None, None))
            if name == "call_rate" and value < FAILS_BELOW:
                lower = FAILS_BELOW
            out = (lower is not None and value < lower) or (upper is not None and value > upper)
            verdict = ("warn" if name == "het_rate" else "fail") if out else "pass"
            why = f"{name} {value:.3f} is out of limits." if out else ""
            if name == "indel_ratio":
                verdict, why = (
                    "not_assessed",
                    "Insertions / deletions was not judged: there are too few people.",
                )
            rows.append((patient, name, value, lower, upper, verdict, why, None))
        swapped = i == 1
        why = "Declared male, but the genotypes are female." if swapped else ""
        rows.append((patient, "sex", None, None, None, "fail" if swapped else "pass", why, None))
        rows.append((patient, "relatedness", None, None, None, "pass", "", None))
    table = pd.DataFrame(rows, columns=METRIC_COLUMNS)
    return table.astype(dict.fromkeys(("value", "lower", "upper"), float))


def _sample_qc(
    results: Path, genotyped: list[str], people: pd.DataFrame, metrics: pd.DataFrame, rng: np.random.Generator
) -> None:
    worst = metrics.groupby("patient")["verdict"].agg(
        lambda found: next((word for word in ("fail", "warn") if word in set(found)), "pass")
    )
    bad = metrics[metrics["verdict"].isin(["warn", "fail"])].groupby("patient")["explanation"].agg("; ".join)
    qc = pd.DataFrame({"patient": genotyped})
    qc["declared_sex"] = people["sex"].to_numpy()[: len(qc)]
    qc["inferred_sex"] = ["female" if i == 1 else sex for i, sex in enumerate(qc["declared_sex"])]
    male = (qc["inferred_sex"] == "male").to_numpy()
    qc["x_inbreeding"] = np.where(male, 1.0, rng.normal(0, 0.05, len(qc)))
    qc["y_call_rate"] = np.where(male, 0.98, 0.0)
    qc["verdict"] = worst.reindex(qc["patient"]).to_numpy()
    qc["reasons"] = bad.reindex(qc["patient"]).fillna("").to_numpy()
    qc["in_statistics"] = qc["verdict"] != "fail"
    write_parquet(qc, results / "variants/sample_qc.parquet")


def _sites(results: Path, n_people: int) -> None:
    """Fifty variants, of which four fall to a filter and 46 are kept."""
    n = 50
    alleles = [("A", "G"), ("A", "C"), ("A", "AT"), ("CTT", "C"), ("AC", "GT")]
    sites = pd.DataFrame([alleles[i % 5] for i in range(n)], columns=["ref", "alt"])
    sites.insert(0, "variant_id", [f"1:{i}:{r}:{a}" for i, (r, a) in enumerate(sites.to_numpy().tolist())])
    sites["kept"] = np.arange(n) >= 4
    sites["reason"] = ["site_filter"] * 3 + ["call_rate"] + [""] * (n - 4)
    for i, rule in enumerate(RULES):
        sites[f"n_masked_{rule}"] = (np.arange(n) % 7 == i).astype("int64")
    masked = sites[[f"n_masked_{rule}" for rule in RULES]].sum(axis=1)
    sites["n_genotypes_masked"] = masked
    not_called = (np.arange(n) % 7 == 6).astype("int64")
    sites["n_missing"] = np.minimum(masked + not_called, n_people)
    sites["n_called"] = n_people - sites["n_missing"]
    sites["alt_count"] = np.arange(n) % 3 + 1
    write_parquet(sites, results / "variants/variant_qc.parquet")
    flow = {
        **{"records_in": 64, "multiallelic_records": 5, "alleles_in": 70, "alleles_left_aligned": 2},
        **{"alleles_rejected": {"ref_mismatch": 2, "spanning_deletion": 5}, "duplicates_merged": 3},
        **{"joined_across_files": 1, "structural": 2, "monomorphic": 1, "reference_blocks": 2},
        **{"outside_reference": 4, "genotypes_in_conflict": 0, "variants_normalised": n, "half_calls": 6},
        **{"filled_from_blocks": 11, "info_fields_dropped": 0},
        **{"variants_filtered": {"site_filter": 3, "call_rate": 1}, "variants_kept": n - 4},
        "genotypes_masked": {rule: int(sites[f"n_masked_{rule}"].sum()) for rule in RULES} | {"ploidy": 2},
    }
    write_json(results / "variants/flow.json", flow)
