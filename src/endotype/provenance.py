"""What went into a run, and the sha256 of all that came out."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from endotype import __version__
from endotype.files import sha256_file, write_json, write_text

LOCK_FILE = Path(__file__).parents[2] / "envs" / "requirements.lock"

PACKAGES = [
    *("cyvcf2", "duckdb", "jinja2", "jsonschema", "matplotlib", "numba", "numpy", "pandas"),
    *("pyarrow", "pysam", "pyyaml", "scikit-allel", "scipy", "snakemake"),
]
"""Packages whose version can change a result."""

APART = "provenance"
"""The folder that the manifest leaves out: it tells of the machine as well as of the data."""


def write_provenance(config: dict, inputs: Sequence[str], out_dir: str | Path) -> None:
    """Write ``inputs.json``, ``software.json`` and ``config.json``.

    Args:
        config: the completed configuration.
        inputs: paths of every file that the run reads, as the user wrote them.
        out_dir: where to write.
    """
    out = Path(out_dir)
    write_json(
        out / "inputs.json",
        [
            {"path": path, "size": Path(path).stat().st_size, "sha256": sha256_file(path)}
            for path in sorted(set(inputs))
        ],
    )
    write_json(
        out / "software.json",
        {
            "endotype": __version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "packages": {name: metadata.version(name) for name in PACKAGES},
            "lock_sha256": sha256_file(LOCK_FILE) if LOCK_FILE.is_file() else None,
        },
    )
    write_json(out / "config.json", config)


def write_manifest(results: str | Path, out: str | Path) -> None:
    """List every file under ``results`` but the provenance folder, in the form of ``sha256sum``."""
    root = Path(results)
    files = sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and path.relative_to(root).parts[0] != APART and not path.name.startswith(".")
    )
    write_text(out, "".join(f"{sha256_file(root / name)}  {name}\n" for name in files))
