"""Render the conda environment and the container recipe from the lock, so that versions stand in one place.

    python envs/render.py

A test fails when the rendered files and ``requirements.lock`` disagree.
"""

from __future__ import annotations

import re
from pathlib import Path

ENVS = Path(__file__).parent
LOCK = ENVS / "requirements.lock"
PYTHON = "3.11"

CONDA = """\
# Rendered from requirements.lock by envs/render.py: do not edit. Used with `snakemake --sdm conda`.
# The packages come from PyPI at the locked versions; conda gives the interpreter.
name: endotype
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python={python}
  - pip
  - pip:
{packages}
"""

CONTAINER = """\
# Rendered by envs/render.py: do not edit. Build from the top of the repository:
#   podman build -f envs/Containerfile -t endotype .
FROM debian:bookworm-slim
RUN apt-get update \\
 && apt-get install -y --no-install-recommends python{python} python3-venv make \\
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/endotype
COPY envs/requirements.lock envs/requirements.lock
RUN python{python} -m venv .venv \\
 && .venv/bin/pip install --no-cache-dir --require-hashes -r envs/requirements.lock
COPY . .
RUN .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e .
ENV PATH=/opt/endotype/.venv/bin:$PATH NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
ENTRYPOINT ["snakemake", "--snakefile", "/opt/endotype/Snakefile"]
"""


def locked_versions(lock: str) -> dict[str, str]:
    """Package -> version for Linux and the Python of the environment, in the order of the lock."""
    versions = {}
    for line in lock.splitlines():
        match = re.match(r"([a-z0-9_.-]+)==(\S+)(?: ; (.+?))? \\$", line)
        if match and _applies(match[3] or ""):
            versions[match[1]] = match[2]
    return versions


def _applies(marker: str) -> bool:
    return "win32'" not in marker.split(" or ")[0] and ">= '3.12'" not in marker


def render(lock: str) -> dict[str, str]:
    """File name -> content, for every file that is rendered."""
    packages = "\n".join(f"      - {name}=={version}" for name, version in locked_versions(lock).items())
    return {
        "endotype.yaml": CONDA.format(python=PYTHON, packages=packages),
        "Containerfile": CONTAINER.format(python=PYTHON),
    }


if __name__ == "__main__":
    for name, content in render(LOCK.read_text()).items():
        (ENVS / name).write_text(content)
