"""One identity per person: ids that look alike, and who is in both the genotypes and the clinical table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Set

import pandas as pd

from endotype.cohort.findings import Findings
from endotype.errors import visible
from endotype.ids import fold, is_id, strip_invisible

RECONCILIATION_COLUMNS = ["patient", "sample", "status", "nearest", "reason"]


def id_suggestion(text: str) -> str:
    """The id that was probably meant, or the empty string."""
    plain = strip_invisible(text)
    if is_id(plain):
        return f"did you mean {plain}?"
    replaced = re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("_.-")[:64]
    return f"rename it, for example to {replaced}" if is_id(replaced) else "rename it"


def check_collisions(file: str, column: str, ids: Mapping[str, int], findings: Findings) -> None:
    """Note ids that are equal but for case, blanks and invisible characters.

    A person takes them for the same, and so does a file system that ignores case.

    Args:
        file: the table.
        column: its id column.
        ids: each id with the row where it first stands.
        findings: where to note them.
    """
    seen: dict[str, str] = {}
    for text, row in ids.items():
        key = re.sub(r"\s+", "", strip_invisible(text)).casefold()
        other = seen.setdefault(key, text)
        if other != text:
            findings.problem(
                file,
                row,
                column,
                f"{visible(text)} beside {visible(other)} (row {ids[other]})",
                "ids that differ by more than case, blanks or invisible characters",
                "use one spelling for one person",
            )


def reconcile(
    genotyped: Mapping[str, str], clinical: Set[str], tumours: Set[str] = frozenset()
) -> pd.DataFrame:
    """Who is in the genotypes or the tumours, in the clinical table, or in both.

    Ids are joined exactly. Two ids of the two sides that a person would take for the same
    (:func:`endotype.ids.fold`) are a near miss: reported, never joined.

    Args:
        genotyped: patient id -> sample name, of everyone in the sample sheet.
        clinical: patient ids of the clinical table.
        tumours: patient ids of the tumour sheet, each one of the above.

    Returns:
        One row per id, sorted; columns :data:`RECONCILIATION_COLUMNS`; ``status`` is ``matched``,
        ``only_genotyped``, ``only_clinical`` or ``near_miss``.
    """
    rows = []
    sides = {"only_genotyped": set(genotyped) - clinical, "only_clinical": clinical - set(genotyped)}
    folded = {status: _by_fold(ids) for status, ids in sides.items()}
    for patient in sorted(set(genotyped) | clinical):
        sample = genotyped.get(patient, "")
        if patient in genotyped and patient in clinical:
            rows.append((patient, sample, "matched", "", "in both"))
            continue
        if patient in clinical and patient in tumours:
            rows.append((patient, "", "matched", "", "in the tumour sheet and the clinical table"))
            continue
        status, other = (
            ("only_genotyped", "only_clinical")
            if patient in genotyped
            else ("only_clinical", "only_genotyped")
        )
        where = "in the sample sheet only" if status == "only_genotyped" else "in the clinical table only"
        alike = folded[other].get(fold(patient), [])
        if alike:
            why = f"{where}; differs from {visible(alike[0])} by {_difference(patient, alike[0])}"
            rows.append((patient, sample, "near_miss", alike[0], why))
        else:
            rows.append((patient, sample, status, "", where))
    return pd.DataFrame(rows, columns=RECONCILIATION_COLUMNS, dtype="str")


def check_overlap(
    file: str, reconciliation: pd.DataFrame, samples: Mapping[str, str], findings: Findings
) -> None:
    """Note that no id of the clinical table (``file``) is in the sample sheet.

    Args:
        file: the clinical table.
        reconciliation: as :func:`reconcile` returns it.
        samples: sample name -> patient.
        findings: where to note it.
    """
    status = reconciliation["status"]
    genotyped = reconciliation["sample"] != ""
    if (genotyped & (status == "matched")).any():
        missed = int((status == "near_miss").sum())
        if missed:
            findings.warnings.append(
                f"{missed} ids of the sample sheet and the clinical table are near misses: "
                "see reconciliation.tsv."
            )
        return
    clinical_only = reconciliation[~genotyped & (status != "matched")]
    pairs = [
        f"{visible(str(row.patient))} is nearly {visible(str(row.nearest))}"
        for row in clinical_only.itertuples()
        if row.status == "near_miss"
    ][:3]
    as_samples = [patient for patient in clinical_only["patient"] if patient in samples]
    suggestion = "; ".join(pairs)
    if as_samples:
        suggestion = (
            f"{len(as_samples)} ids of the clinical table are sample names ({visible(as_samples[0])} is "
            f"patient {visible(samples[as_samples[0]])}); use the patient ids"
        )
    shown = ", ".join(map(visible, clinical_only["patient"].head(3)))
    findings.problem(
        file,
        None,
        "",
        f"{len(clinical_only)} patients ({shown} ...), none of them in the sample sheet",
        "patient ids of the sample sheet",
        suggestion,
    )


def _by_fold(ids: Set[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for text in sorted(ids):
        groups[fold(text)].append(text)
    return groups


def _difference(a: str, b: str) -> str:
    """In which way two ids that fold to the same key differ."""
    if a.strip() == b.strip():
        return "outer blanks"
    if strip_invisible(a) == strip_invisible(b):
        return "invisible characters"
    if a.casefold() == b.casefold():
        return "case"
    if re.sub(r"\s+", "", a) == re.sub(r"\s+", "", b):
        return "blanks"
    if re.sub(r"(?<!\d)0+(?=\d)", "", a) == re.sub(r"(?<!\d)0+(?=\d)", "", b):
        return "leading zeros"
    return "case, blanks, leading zeros or invisible characters"
