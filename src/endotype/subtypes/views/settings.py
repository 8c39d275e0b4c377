"""Faults of the configured views that can be told before any job: options, names, and ids of matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from endotype.errors import InputError, Problem
from endotype.subtypes.score_file import read_score_file
from endotype.subtypes.views.matrix import check_matrix

OPTIONS: dict[str, set[str]] = {
    "clinical": set(),
    "carriers": {"kind"},
    "scores": {"path", "by_mechanism", "min_match"},
    "tumour": {"genes", "min_carriers", "top"},
    "tumour_burden": set(),
    "matrix": {"path", "kind", "orientation", "log", "top", "components"},
}
"""What each source may be told, besides ``name`` and ``source``."""


def view_files(views: Sequence[Mapping[str, Any]]) -> list[str]:
    """Files that the views are read from, in their order."""
    return [path for view in views for path in paths_of(view)]


def paths_of(view: Mapping[str, Any]) -> list[str]:
    """Files of one view."""
    path = view.get("path") or []
    return [path] if isinstance(path, str) else list(path)


def check_views(views: Sequence[Mapping[str, Any]], has_tumours: bool) -> None:
    """Raise for every option that a view can't have, lacks, or has in vain, and for a name given twice."""
    problems = []

    def fault(place: str, found: str, expected: str) -> None:
        problems.append(Problem("configuration", None, f"subtypes.views[{place}]", found, expected))

    names = [view.get("name") or view["source"] for view in views]
    for name in sorted({n for n in names if names.count(n) > 1}):
        fault(name, f"{names.count(name)} views of this name", "a name for each")
    for name, view in zip(names, views, strict=True):
        source = view["source"]
        for option in sorted(set(view) - OPTIONS[source] - {"name", "source"}):
            allowed = ", ".join(sorted(OPTIONS[source])) or "no options"
            fault(name, f"{option}, which a view of {source} has not", allowed)
        if source in ("matrix", "scores") and not paths_of(view):
            fault(name, "no path", "the file to read")
        if source == "matrix" and len(paths_of(view)) > 1:
            fault(name, "several files", "one file")
        if source == "carriers" and view.get("kind") not in (None, "binary", "count"):
            fault(name, f"kind {view['kind']}", "binary or count")
        if view.get("kind") not in (None, "gaussian") and (view.get("log") or view.get("components")):
            fault(name, "log or components", f"neither, as the features are {view['kind']}")
        if source.startswith("tumour") and not has_tumours:
            fault(name, "no inputs.tumours", "a tumour sheet")
    if problems:
        raise InputError(problems)


def view_readers(config: Mapping[str, Any]) -> list[Callable[[], object]]:
    """Calls that read what the views name; each raises InputError."""
    views = config["subtypes"]["views"]
    calls: list[Callable[[], object]] = [lambda: check_views(views, config["inputs"]["tumours"] is not None)]
    for view in views:
        if view["source"] == "scores":
            calls += [partial(read_score_file, path) for path in paths_of(view)]
        if view["source"] == "matrix":
            for path in paths_of(view)[:1]:
                orientation = view.get("orientation") or "patients_in_rows"
                calls.append(partial(check_matrix, path, orientation))
    return calls
