"""A digest of the code behind a command, so that an edit of the library re-runs what it touches and no more.

Snakemake sees a rule's shell command, not the modules which that command imports. Every rule therefore
has ``params: code=code_digest("its_script.py")``: the sources of the script and of all ``endotype`` modules
it imports, directly or through others, found by reading the import statements.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE_ROOT = Path(__file__).parent

_DATA_OF = {"jinja2": "templates", "typst": "templates", "babel.messages.pofile": "locale"}
"""Packages that fill or read files beside a module, and the folder of those files."""


def code_digest(script: str | Path) -> str:
    """First 16 hex digits of the SHA-256 over a script and the endotype modules it depends on.

    The templates beside a module that fills templates count as part of it, and the catalogues beside one
    that translates: a change of a template re-runs what renders, not what computes.
    """
    script = Path(script)
    sources = {script.name: script} | {
        str(path.relative_to(PACKAGE_ROOT)): path for path in _dependencies(script)
    }
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(name.encode() + b"\0" + sources[name].read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def source_state(*folders: str | Path) -> str:
    """SHA-256 over name, size and time of change of all files below: quick, and another one after any edit.

    It tells whether something that was derived from the sources can still be right. It isn't the same on two
    machines with the same sources, so it is never part of a result.
    """
    digest = hashlib.sha256()
    for folder in map(Path, folders):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                status = path.stat()
                digest.update(
                    f"{path.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\0".encode()
                )
    return digest.hexdigest()


def _dependencies(script: Path) -> set[Path]:
    found: set[Path] = set()
    todo = [script]
    while todo:
        for path in _imports(todo.pop()):
            if path not in found:
                found.add(path)
                if path.suffix == ".py":
                    todo.append(path)
    return found


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Files of the endotype modules that one source file imports, and the templates beside it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    files = [p for n in names if n.startswith("endotype.") for p in _module_files(n)]
    if path.is_relative_to(PACKAGE_ROOT):
        for folder in sorted({_DATA_OF[name] for name in names & _DATA_OF.keys()}):
            files += sorted(p for p in (path.parent / folder).glob("*") if p.is_file())
    return tuple(files)


def _module_files(name: str) -> list[Path]:
    base = PACKAGE_ROOT.joinpath(*name.split(".")[1:])
    candidates = [base.with_suffix(".py"), base / "__init__.py"]
    return [path for path in candidates if path.is_file()]
