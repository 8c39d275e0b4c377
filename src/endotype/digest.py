"""A digest of the code behind a command, so that an edit of the library re-runs what it touches and no more.

Snakemake sees a rule's shell command, not the modules which that command imports. Every rule therefore
has ``params: code=code_digest("its_script.py")``: the sources of the script and of all ``endotype`` modules
it imports, directly or through others, found by reading the import statements; with the templates, the
catalogues of texts and the files of ``resources/`` that these modules name.
"""

from __future__ import annotations

import hashlib
import re
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
        digest.update(f"{name}\0{_sha256(sources[name])}\0".encode())
    return digest.hexdigest()[:16]


@cache
def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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


_FROM = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([^\n]*)", re.MULTILINE)
_NAME = re.compile(r"(?:^|,)[ \t]*([\w.]+)")


def imported_names(source: str) -> set[str]:
    """Modules and names that the import statements of a source may mean, a little more at worst.

    Statements are found by the form that the formatter gives them, which is twenty times faster than parsing:
    every start of the workflow looks at all modules. A line of a docstring that looks like one counts too.
    """
    names: set[str] = set()
    for statement in _IMPORT.finditer(source):
        names.update(_NAME.findall(statement[1]))
    for statement in _FROM.finditer(source):
        listed = re.sub(r"#[^\n]*", "", statement[2].strip("()")).replace("\n", " ")
        names.add(statement[1])
        names.update(f"{statement[1]}.{name}" for name in _NAME.findall(listed))
    return names


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Files of the endotype modules that one source file imports, and the data that it reads."""
    source = path.read_text(encoding="utf-8")
    names = imported_names(source)
    files = [p for n in names if n.startswith("endotype.") for p in _module_files(n)]
    if path.is_relative_to(PACKAGE_ROOT):
        if names & _TEMPLATE_ENGINES:
            files += _files(path.parent / "templates")
        if '"locale"' in source:
            files += _files(path.parent / "locale")
        files += [p for p in _files(PACKAGE_ROOT.parents[1] / "resources") if f'"{p.name}"' in source]
    return tuple(files)


@cache
def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for path in folder.rglob("*") if path.is_file())) if folder.is_dir() else ()


def _module_files(name: str) -> list[Path]:
    base = PACKAGE_ROOT.joinpath(*name.split(".")[1:])
    candidates = [base.with_suffix(".py"), base / "__init__.py"]
    return [path for path in candidates if path.is_file()]
