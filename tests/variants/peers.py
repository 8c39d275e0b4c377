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
