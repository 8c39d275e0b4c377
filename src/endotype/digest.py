"""A digest of the code behind a command, so that an edit of the library re-runs what it touches and no more.

Snakemake sees a rule's shell command, not the modules which that command imports. Every rule therefore
has ``params: code=code_digest("its_script.py")``: the sources of the script and of all ``endotype`` modules
it imports, directly or through others, found by reading the import statements; with the templates, the
catalogues of texts and the files of ``resources/`` that these modules name.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE_ROOT = Path(__file__).parent

_TEMPLATE_ENGINES = {"jinja2", "typst"}


def code_digest(script: str | Path) -> str:
    """First 16 hex digits of the SHA-256 over a script and the endotype modules it depends on.

    The templates beside a module that fills templates count as part of it: a change of a template re-runs
    what renders, not what computes. So do the catalogues beside the module that reads them, and a file of
    ``resources/`` whose name stands in a module.
    """
    script = Path(script)
    sources = {script.name: script} | {
        str(path.relative_to(PACKAGE_ROOT.parents[1])): path for path in _dependencies(script)
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
    """Files of the endotype modules that one source file imports, and the data that it reads."""
    names: set[str] = set()
    texts: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
    files = [p for n in names if n.startswith("endotype.") for p in _module_files(n)]
    if path.is_relative_to(PACKAGE_ROOT):
        if names & _TEMPLATE_ENGINES:
            files += _files(path.parent / "templates")
        if "locale" in texts:
            files += _files(path.parent / "locale")
        files += [p for p in _files(PACKAGE_ROOT.parents[1] / "resources") if p.name in texts]
    return tuple(files)


@cache
def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for path in folder.rglob("*") if path.is_file())) if folder.is_dir() else ()


def _module_files(name: str) -> list[Path]:
    base = PACKAGE_ROOT.joinpath(*name.split(".")[1:])
    candidates = [base.with_suffix(".py"), base / "__init__.py"]
    return [path for path in candidates if path.is_file()]
