"""What a benchmark ran on: named in every recorded result."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path


def machine() -> dict[str, object]:
    """Processor, cores, versions of what computes, of peers that are installed, and the load before."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "pyarrow")},
        **peers(),
    }


def processor() -> str:
    """The model name, as Linux says it, and the widest vector unit."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    named = {key.strip(): value.strip() for key, value in fields.items()}
    flags = named.get("flags", "").split()
    widest = next((unit for unit in ("avx512f", "avx2", "avx") if unit in flags), "")
    return " ".join(filter(None, [named.get("model name", platform.machine()), widest]))


def peers() -> dict[str, str]:
    """Versions of other programs on the PATH."""
    commands = {
        "plink2": ["plink2", "--version"],
        "regenie": ["regenie", "--version"],
        "R SKAT": ["Rscript", "-e", "cat(as.character(packageVersion('SKAT')))"],
    }
    found = {}
    for name, command in commands.items():
        if shutil.which(command[0]) is None:
            continue
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            found[name] = done.stdout.strip().splitlines()[0]
    return found
