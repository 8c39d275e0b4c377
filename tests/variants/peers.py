"""Independent programs that results are compared with, where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def plink2(*arguments: object) -> None:
    """Run plink2, or skip the test that asks for it."""
    program = shutil.which("plink2")
    if program is None:
        pytest.skip("plink2 is not installed (Debian: apt-get install plink2)")
    subprocess.run(
        [program, "--threads", "1", *map(str, arguments)],
        check=True,
        capture_output=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )


def bcftools_plugin(*arguments: object) -> str:
    """Standard output of Debian's bcftools with one of its plugins, or skip the test that asks for it."""
    program = shutil.which("bcftools")
    if program is None:
        pytest.skip("bcftools with plugins is not installed (Debian: apt-get install bcftools)")
    return subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, text=True).stdout
