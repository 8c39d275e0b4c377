"""What went into a run: every input with its sha256, the versions of the software, the full configuration."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from endotype import __version__
from endotype.files import sha256_file, write_json

LOCK_FILE = Path(__file__).parents[3] / "envs" / "requirements.lock"

PACKAGES = [
    *("cyvcf2", "duckdb", "jinja2", "jsonschema", "matplotlib", "numba", "numpy", "pandas"),
    *("pyarrow", "pysam", "pyyaml", "scikit-allel", "scipy", "snakemake"),
]
"""Packages whose version can change a result."""


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
    write_json(out / "software.json", software())
    write_json(out / "config.json", config)


def software() -> dict:
    """Versions of this installation: ``endotype python machine packages lock_sha256``."""
    return {
        "endotype": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "lock_sha256": sha256_file(LOCK_FILE) if LOCK_FILE.is_file() else None,
    }
