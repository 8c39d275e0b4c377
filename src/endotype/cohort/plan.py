"""What the rules have to know of the cohort and the code, kept for the jobs of a run.

On a cluster each job starts Snakemake again, up to twice, and each reads all rules. The run that submits them
has checked the inputs and digested the code; its jobs take its word for it instead of reading every variant
file and every module once more. The variant files are still compared with their fingerprints by the steps
that read them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endotype.cohort.preflight import Preflight
from endotype.digest import code_digest
from endotype.files import read_json, to_json, write_json


@dataclass(frozen=True)
class Plan:
    """The parts of a :class:`~endotype.cohort.preflight.Preflight` that decide which jobs there are."""

    patients: list[str]
    variant_files: list[str]
    contigs_of_file: list[list[str]]
    """Contigs with records, for each variant file."""
    coverage_files: list[str]
    tumour_files: list[str]
    contigs: list[list[Any]]
    """Name and length in bp, in the order of the reference."""
    traits: list[str]
    fingerprints: str
    """Digest of what the variant files hold (:func:`~endotype.files.fingerprint` of each)."""
    codes: dict[str, str]
    """:func:`~endotype.digest.code_digest` of each script, by its name."""


def plan_of(cohort: Preflight, scripts: str | Path) -> Plan:
    """The plan of a cohort that was checked, and of the scripts in a folder."""
    return Plan(
        patients=list(cohort.people["patient"]),
        variant_files=list(cohort.files["path"]),
        contigs_of_file=[contigs.split(",") for contigs in cohort.files["contigs"]],
        coverage_files=sorted({*cohort.samples["callable"], *cohort.samples["alignment"]} - {""}),
        tumour_files=[p for p in dict.fromkeys([*cohort.tumours["path"], *cohort.tumours["callable"]]) if p],
        contigs=[[name, int(length)] for name, length in cohort.contigs],
        traits=list(cohort.traits),
        fingerprints=hashlib.sha256("\0".join(cohort.files["fingerprint"]).encode()).hexdigest()[:16],
        codes={path.name: code_digest(path) for path in sorted(Path(scripts).glob("*.py"))},
    )


def keep_plan(path: str | Path, config: Mapping[str, Any], sources: str, plan: Plan) -> None:
    """Keep a plan for the jobs of this run; where nothing can be written they check for themselves.

    Args:
        path: where to.
        config: the complete configuration.
        sources: :func:`~endotype.digest.source_state` of the program.
        plan: what to keep.
    """
    with contextlib.suppress(OSError):
        write_json(path, {"of": _key(config, sources), "plan": dataclasses.asdict(plan)}, indent=None)


def recall_plan(path: str | Path, config: Mapping[str, Any], sources: str) -> Plan | None:
    """The plan that a run of this configuration and program kept, or None."""
    try:
        kept = read_json(path)
        return Plan(**kept["plan"]) if kept["of"] == _key(config, sources) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _key(config: Mapping[str, Any], sources: str) -> str:
    return hashlib.sha256((sources + to_json(config)).encode()).hexdigest()
