"""Files about patients that only their owner can read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def private_files(private: bool) -> Iterator[None]:
    """Within the block, new files are 0600 and new folders 0700; without ``private``, as the umask says."""
    if not private:
        yield
        return
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def own_folder(folder: Path, private: bool) -> None:
    """Make a folder; Snakemake makes those of its outputs itself, so an old one is closed too."""
    folder.mkdir(parents=True, exist_ok=True)
    if private:
        folder.chmod(0o700)
