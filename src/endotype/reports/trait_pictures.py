"""The pictures of the association stage for the cohort's page, as many as keep it readable."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endotype.files import read_json
from endotype.reports.inputs import Cohort, Row
from endotype.reports.language import _, known

EMBEDDED_BYTES = 2_500_000
"""Pictures are embedded up to this total (a third more as text); further ones are linked. With all else
the page of ten thousand patients stays under 8 MB."""

MAX_REGIONS = 12
"""Regional plots on the page, the strongest loci of all traits; the folder has the others."""

FOLDER = "../association"


@dataclass
class _Room:
    """What is left of :data:`EMBEDDED_BYTES`; pictures take of it in the order they stand on the page."""

    left: int

    def picture(self, results: Path, name: str, alt: str) -> Row:
        """``file alt svg``; ``svg`` is base64, None when there is no room."""
        data = (results / "association" / name).read_bytes()
        self.left -= len(data)
        encoded = base64.b64encode(data).decode("ascii") if self.left >= 0 else None
        return {"file": f"{FOLDER}/{name}", "alt": alt, "svg": encoded}


def trait_pictures(results: Path, cohort: Cohort) -> Row:
    """What the chapter on associations shows.

    Returns:
        ``traits``: by name, those with a picture: ``trait plot n_loci statement links note``; ``forest``: a
        picture or None; ``regions``: pictures with ``trait lead gene chrom pos neg_log10_p``, by trait;
        ``n_more_regions``: drawn, but not on the page; ``n_not_drawn``: loci of variants without a plot.
    """
    room = _Room(EMBEDDED_BYTES)
    listed = _listed(results)
    traits = [
        _trait(results, cohort, name, listed["traits"].get(name, {}), room)
        for name in _names(cohort)
        if (results / "association" / f"{name}.svg").is_file()
    ]
    forest = None
    if listed["forest"]["n_hits"]:
        n_hits = listed["forest"]["n_hits"]
        alt = _("Forest plot of the {n} strongest hits: effect and 95 % interval on every trait", n=n_hits)
        forest = room.picture(results, f"plots/{listed['forest']['file']}", alt)
    drawn = [
        {"trait": name} | region for name, trait in listed["traits"].items() for region in trait["regions"]
    ]
    strongest = sorted(drawn, key=lambda r: -(r["neg_log10_p"] or 0))[:MAX_REGIONS]
    shown = [region for region in drawn if any(region is chosen for chosen in strongest)]
    n_loci = sum(trait["n_loci"] for trait in listed["traits"].values())
    return {
        "traits": traits,
        "forest": forest,
        "regions": [
            region | {"plot": room.picture(results, f"plots/{region['picture']}", known(region["alt"]))}
            for region in shown
        ],
        "n_more_regions": len(drawn) - len(shown),
        "n_not_drawn": max(0, n_loci - len(drawn)),
        "folder": f"{FOLDER}/plots/",
    }


def _trait(results: Path, cohort: Cohort, name: str, entry: Row, room: _Room) -> Row:
    statement = cohort.association_summary["traits"].get(name, {}).get("statement")
    note = entry.get("no_region")
    links = [(_("results of every variant (Parquet)"), f"{name}.parquet")]
    if "qq" in entry:
        links.append((_("QQ plot by allele frequency"), f"plots/{entry['qq']}"))
    links.append((_("summary statistics (GWAS-SSF)"), f"gwas_ssf/{name}.tsv.gz"))
    return {
        "trait": name,
        "plot": room.picture(results, f"{name}.svg", _("Manhattan and QQ plot of {trait}", trait=name)),
        "n_loci": sum(locus["trait"] == name for locus in cohort.loci),
        "statement": statement and known(statement),
        # A trait that wasn't assessed is among those that the page lists as such.
        "note": None if not note or note.startswith("Not assessed") else known(note),
        "links": [
            {"text": text, "file": f"{FOLDER}/{file}"}
            for text, file in links
            if (results / "association" / file).is_file()
        ],
    }


def _names(cohort: Cohort) -> list[str]:
    columns = cohort.dictionary["columns"]
    traits = [name for name, column in columns.items() if column["role"] == "trait"]
    return sorted({*traits, *cohort.dictionary["outcomes"]})


def _listed(results: Path) -> Any:
    """``plots.json``; of a run without it, one that lists nothing."""
    path = results / "association/plots/plots.json"
    if not path.is_file():
        return {"traits": {}, "forest": {"n_hits": 0}}
    return read_json(path)
