"""The records of a run that can be written only when everything else is there."""

from __future__ import annotations

import shutil
from pathlib import Path

from endotype.files import atomic_path
from endotype.provenance.crate import write_crate
from endotype.provenance.jobs import REPOSITORY, write_jobs
from endotype.provenance.manifest import APART
from endotype.provenance.methods import write_methods


def write_record(results: str | Path, workdir: str | Path) -> None:
    """Write ``provenance/jobs.json``, ``workflow/``, ``methods.md``, and ``ro-crate-metadata.json`` over all.

    Args:
        results: the results folder; its manifest is written.
        workdir: the working directory of the run, with Snakemake's records.
    """
    root = Path(results)
    write_jobs(workdir, root / APART / "jobs.json")
    _copy_workflow(root / APART / "workflow")
    write_methods(root)
    write_crate(root)


def _copy_workflow(folder: Path) -> None:
    """The workflow that made the results, since an installation may be changed or gone in a year."""
    sources = {Path("Snakefile"): REPOSITORY / "Snakefile"} | {
        Path("rules") / path.name: path for path in sorted((REPOSITORY / "workflow" / "rules").glob("*.smk"))
    }
    for name, source in sources.items():
        with atomic_path(folder / name) as temporary:
            shutil.copyfile(source, temporary)
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder) not in sources:
            path.unlink()
