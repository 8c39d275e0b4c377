"""What was tested along the genome, for the chart of the cohort's page that can be zoomed.

The association stage leaves, for each trait, at most one point in each cell of a grid, and the significant
ones. They are written here as small whole numbers: places as differences from the one before, -log10 p in
hundredths.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from endotype.files import read_json
from endotype.reports.inputs import Row
from endotype.reports.text import plain, words

MAX_BYTES = 1_500_000
"""Points of all traits together, as JSON; a trait for which there is no room has its picture only."""

SCALE = 100
"""Steps of one unit of -log10 p."""


def manhattan_data(results: Path) -> Row:
    """The points of all traits that were tested.

    Returns:
        ``traits``, those with a significant variant first, then by name, each with ``trait label chromosomes
        points hits leads threshold n_tests n_hits``; ``points`` and ``hits`` are in the order of the genome,
        ``threshold`` is -log10 p; ``left_out``, the traits that didn't fit; and ``n_hits``, the significant
        variants of all traits.
    """
    folder = results / "association/plots"
    listed = folder / "plots.json"
    if not listed.is_file():
        return {"scale": SCALE, "traits": [], "left_out": [], "n_hits": 0}
    entries = read_json(listed)["traits"]
    files = {t: folder / e["data"] for t, e in entries.items() if e.get("data")}
    traits = [_trait(t, read_json(path)) for t, path in sorted(files.items()) if path.is_file()]
    traits.sort(key=lambda t: (not t["n_hits"], t["trait"]))
    left, shown, left_out = MAX_BYTES, [], []
    for trait in traits:
        size = len(json.dumps(trait, separators=(",", ":")))
        if size > left:
            left_out.append(trait["trait"])
            continue
        left -= size
        shown.append(trait)
    n_hits = sum(t["n_hits"] for t in traits)
    return {"scale": SCALE, "traits": shown, "left_out": plain(left_out), "n_hits": n_hits}


def _trait(name: str, data: Row) -> Row:
    threshold = data.get("threshold")
    hits = data.get("hits") or {}
    order = np.argsort(np.asarray(hits.get("x", []), float), kind="stable")
    return plain(
        {
            "trait": name,
            "label": words(name),
            "chromosomes": [[c["name"], c["start"], c["centre"]] for c in data["chromosomes"]],
            "points": _packed(data["quiet"]["x"], data["quiet"]["y"]),
            "hits": {key: [values[i] for i in order] for key, values in sorted(hits.items())},
            "leads": data.get("leads") or {},
            "threshold": -float(np.log10(threshold)) if threshold else None,
            "n_tests": data["n_tests"],
            "n_hits": data["n_hits"],
        }
    )


def _packed(x: list[float], y: list[float]) -> dict[str, Any]:
    places, heights = np.rint(np.asarray(x, float)), np.rint(np.asarray(y, float) * SCALE)
    order = np.lexsort((heights, places))
    return {
        "dx": np.diff(places[order], prepend=0).astype(np.int64).tolist(),
        "y": heights[order].astype(np.int64).tolist(),
    }
