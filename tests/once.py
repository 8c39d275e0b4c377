"""Work that takes long and is done once, however many test processes ask for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest


def once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder ``name``, made by ``make(folder)`` in one process while the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    folder, ready, failed = (shared / f"{name}{suffix}" for suffix in ("", ".ready", ".failed"))
    try:
        (shared / f"{name}.claimed").touch(exist_ok=False)
    except FileExistsError:
        while not ready.exists() and not failed.exists():
            time.sleep(0.5)
    else:
        try:
            make(folder)
        except BaseException as error:
            failed.write_text(str(error))
            raise
        ready.touch()
    if failed.exists():
        pytest.fail(f"making {name} failed in another process: {failed.read_text()[:2000]}")
    return folder
