"""All pictures of the association stage beyond the Manhattan plot, and their data: of a run or any result.

``plots.json`` lists what was drawn and says of the rest why not. Only the rows of a region are read for its
plot, and genotypes in blocks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.association.forest import forest_data, forest_table, plot_forest
from endotype.association.gene_models import GeneModels, Region, read_gene_models
from endotype.association.loci import NearestGene, clump, loci_table
from endotype.association.manhattan import interactive_data, plot_qq_by_frequency
from endotype.association.plot import plot_not_assessed, plot_trait
from endotype.association.regional import ld_with_lead, plot_region, region_data
from endotype.association.result_files import (
    kind_of,
    read_rows,
    require_result,
    statement_of,
    trait_of,
    traits_of,
)
from endotype.cohort.assembly import bare_name
from endotype.errors import InputError, Problem, input_error
from endotype.files import read_json, write_json, write_text
from endotype.ids import file_word
from endotype.message import N_
from endotype.tables import read_parquet, write_tsv
from endotype.variants.plink import GenotypeStore, open_store

SCHEMA_VERSION = "1.0"
MAX_LOCI = 50
"""Loci of one trait that are drawn, strongest first; ``plots.json`` says how many there are."""

STRONG_LINKAGE = 0.8
_GENES_NAMED = 5
_COLUMNS = [
    *("id", "chrom", "pos", "effect_allele", "other_allele"),
    *("n", "eaf", "beta", "se", "neg_log10_p", "test", "status"),
]
_SITE = ["id", "pos", "effect_allele", "other_allele"]


@dataclass(frozen=True)
class TraitResult:
    """One trait of which pictures are wanted.

    Attributes:
        name: of the trait.
        path: of its result, Parquet; None where there is none.
        title: shown above its pictures.
        kind: ``linear``, ``logistic`` or ``cox``.
        threshold: p-value of significance; None without tests.
        loci: its loci of variants, strongest first, columns of ``loci.parquet``.
        statement: what was done about missing data, relatives and multiple testing.
        deviation: standard deviation of a quantitative trait among the people of the model, where known.
        people: int64, rows of the genotype store among which linkage is taken; None: all.
        whose: who they are, in words, e.g. ``people of the model``.
        reason: why the trait was not assessed; None where it was.
    """

    name: str
    path: Path | None
    title: str
    kind: str = "linear"
    threshold: float | None = None
    loci: pd.DataFrame | None = None
    statement: str = ""
    deviation: float | None = None
    people: np.ndarray | None = None
    whose: str = "people of the genotypes"
    reason: str | None = None


def plot_association(
    association: str | Path,
    bfile: str | Path,
    genes: str | Path,
    out_dir: str | Path,
    *,
    max_loci: int = MAX_LOCI,
) -> None:
    """Draw the results of a run.

    Args:
        association: the folder of :func:`~endotype.association.summary.summarise_association`, with
            ``design.parquet`` and ``design.json``.
        bfile: prefix of the genotypes.
        genes: ``annotation/genes.parquet``, or the GFF3 of the run, which has exons too.
        out_dir: where the pictures and ``plots.json`` go.
        max_loci: loci of a trait that are drawn.
    """
    from endotype.association.design import read_design

    folder = Path(association)
    summary = read_json(folder / "summary.json")
    loci = read_parquet(folder / "loci.parquet")
    design = read_design(folder / "design.parquet", folder / "design.json")
    store = open_store(bfile)
    row = pd.Series(np.arange(store.n_people), index=store.people["iid"].to_numpy())
    patients = design.frame["patient"].to_numpy()
    traits = []
    for name in sorted(summary["traits"]):
        info = summary["traits"][name]
        if not info["assessed"]:
            traits.append(TraitResult(name, None, name, reason=info["reason"]))
            continue
        trait = design.trait(name)
        traits.append(
            TraitResult(
                name,
                folder / f"{name}.parquet",
                f"{name} ({info['n']:,} people)",
                info["type"],
                info["variants"]["threshold"],
                loci[(loci["trait"] == name) & (loci["kind"] == "variant")],
                info["statement"],
                float(np.std(trait.values, ddof=1)) if info["type"] == "linear" else None,
                np.sort(row.reindex(patients[trait.rows]).dropna().to_numpy(np.int64)),
                "people of the model",
            )
        )
    draw(
        traits,
        out_dir,
        store=store,
        genes=genes,
        window=summary["locus_window"],
        max_loci=max_loci,
    )


def plot_results(
    results: Sequence[str | Path],
    out_dir: str | Path,
    *,
    traits: Sequence[str] | None = None,
    bfile: str | Path | None = None,
    people: str | Path | None = None,
    genes: str | Path | None = None,
    regions: Sequence[str] = (),
    alpha: float = 0.05,
    threshold: float | None = None,
    window: int = 500_000,
    max_loci: int = MAX_LOCI,
) -> None:
    """Draw any results of ``associate.py``: Manhattan, QQ, regional and forest plots, and ``loci.tsv``.

    Args:
        results: Parquet files, of one trait or, with a column ``trait``, of several.
        out_dir: where the pictures and ``plots.json`` go.
        traits: which ones; all without.
        bfile: prefix of the genotypes, for the linkage with each lead; without it linkage is not assessed.
        people: list of IIDs, or of FIDs and IIDs, among whom linkage is taken; all without.
        genes: ``annotation/genes.parquet`` or a GFF3 file, for the gene track.
        regions: ``CHROM:START-END``, drawn instead of the loci.
        alpha: family-wise error rate over all traits (Bonferroni).
        threshold: p-value of significance, instead of ``alpha``.
        window: base pairs on either side of a lead, within which significant variants are one locus.
        max_loci: loci of a trait that are drawn.

    Raises:
        InputError: a result, trait, region or person that is none.
    """
    chosen = _chosen(results, traits)
    asked = [parse_region_text(text) for text in regions]
    store = open_store(bfile) if bfile is not None else None
    among = _people(people, store)
    found = []
    for name, path in chosen.items():
        points = read_rows(path, name, ["chrom", "neg_log10_p", "n"])
        tests = int(points["neg_log10_p"].notna().sum())
        limit = threshold if threshold is not None else alpha / len(chosen) / tests if tests else None
        hits = _hits(path, name, limit)
        nearest = _nearest(genes, hits["chrom"].unique().tolist())
        found.append(
            TraitResult(
                name,
                path,
                f"{name} ({points['n'].max():,} people)" if len(points) else name,
                kind_of(path, name),
                limit if tests else None,
                clump(name, hits, limit, window, nearest),
                statement_of(path, name),
                people=among,
                whose="people of the genotypes" if people is None else "people of the list",
            )
        )
    draw(
        found,
        out_dir,
        store=store,
        genes=genes,
        window=window,
        max_loci=max_loci,
        regions=asked,
        manhattan=True,
    )
    table = pd.concat([t.loci for t in found], ignore_index=True) if found else loci_table([])
    write_tsv(table, Path(out_dir) / "loci.tsv")


def draw(
    traits: Sequence[TraitResult],
    out_dir: str | Path,
    *,
    store: GenotypeStore | None,
    genes: str | Path | None,
    window: int,
    max_loci: int = MAX_LOCI,
    regions: Sequence[Region] = (),
    manhattan: bool = False,
) -> None:
    """Write the pictures of some traits and ``plots.json``; files are named by the traits, made safe.

    Args:
        traits: each once.
        out_dir: a folder.
        store: the genotypes, for linkage.
        genes: gene models, for the gene track.
        window: base pairs on either side of a lead that its plot shows.
        max_loci: loci of a trait that are drawn.
        regions: drawn instead of the loci.
        manhattan: also write Manhattan and QQ plots.
    """
    out = Path(out_dir)
    views = {t.name: _views(t, window, max_loci, regions) for t in traits}
    spans = [view.region for of_trait in views.values() for view in of_trait]
    models = read_gene_models(genes, spans) if genes is not None and spans else None
    listed = {t.name: _draw_trait(t, views[t.name], out, store, models, manhattan) for t in traits}
    assessed = [t for t in traits if t.path is not None and t.loci is not None]
    loci = pd.concat([t.loci for t in assessed], ignore_index=True) if assessed else loci_table([])
    known = all(t.deviation is not None for t in assessed if t.kind == "linear")
    table = forest_table(
        loci,
        {t.name: t.path for t in assessed if t.path is not None},
        {t.name: t.kind for t in assessed},
        {t.name: t.deviation for t in assessed if t.deviation is not None} if known else None,
    )
    plot_forest(out / "forest.svg", "Strongest hits over all traits", table, in_deviations=known)
    write_json(
        out / "plots.json",
        {
            "schema_version": SCHEMA_VERSION,
            "window": window,
            "forest": {
                "file": "forest.svg",
                "scale": "standard deviations" if known else "trait units",
                "n_hits": len(table.drop_duplicates(["chrom", "pos", "id", "effect_allele"])),
                "rows": forest_data(table),
            },
            "traits": listed,
        },
    )


@dataclass(frozen=True)
class _View:
    """A stretch of the genome that is drawn for a trait; ``lead`` is a row of loci, or None for a region."""

    name: str
    region: Region
    lead: dict[str, Any] | None


def _views(trait: TraitResult, window: int, max_loci: int, regions: Sequence[Region]) -> list[_View]:
    if trait.path is None or trait.loci is None:
        return []
    if regions:
        return [
            _View(f"{file_word(trait.name)}.{file_word(chrom)}_{start}_{end}", (chrom, start, end), None)
            for chrom, start, end in regions
        ]
    return [
        _View(
            f"{file_word(trait.name)}.locus{rank:03}",
            (lead["chrom"], max(1, int(lead["pos"]) - window), int(lead["pos"]) + window),
            {str(name): value for name, value in lead.items()},
        )
        for rank, lead in enumerate(trait.loci.head(max_loci).to_dict("records"), start=1)
    ]


def _draw_trait(
    trait: TraitResult,
    views: Sequence[_View],
    out: Path,
    store: GenotypeStore | None,
    models: GeneModels | None,
    manhattan: bool,
) -> dict[str, Any]:
    """Write the pictures of one trait; its entry in ``plots.json``."""
    word = file_word(trait.name)
    qq = f"{word}.qq.svg"
    if trait.path is None or trait.loci is None:
        plot_not_assessed(out / qq, trait.title, trait.reason or "there is no result")
        return {
            "assessed": False,
            "reason": trait.reason,
            "statement": trait.statement,
            "qq": qq,
            "data": None,
            "n_loci": 0,
            "no_region": f"Not assessed: {trait.reason}.",
            "regions": [],
        }
    points = read_rows(trait.path, trait.name, ["chrom", "pos", "eaf", "neg_log10_p"])
    plot_qq_by_frequency(out / qq, trait.title, points)
    data = interactive_data(
        points, _hits(trait.path, trait.name, trait.threshold), trait.loci, trait.threshold
    )
    _write_data(out / f"{word}.manhattan.json", data)
    if manhattan:
        inflation = data.get("inflation")
        plot_trait(out / f"{word}.manhattan.svg", trait.title, points, trait.loci, trait.threshold, inflation)
    strongest = points["neg_log10_p"].max()
    del points
    return {
        "assessed": True,
        "reason": None,
        "statement": trait.statement,
        "qq": qq,
        "data": f"{word}.manhattan.json",
        "n_loci": len(trait.loci),
        "no_region": None if views else _why_no_region(trait, strongest),
        "regions": [_draw_region(trait, view, out, store, models) for view in views],
    }


def _why_no_region(trait: TraitResult, strongest: float) -> str:
    if trait.threshold is None or pd.isna(strongest):
        return N_("No variant could be tested.")
    limit = _p(-np.log10(trait.threshold))
    none = N_("No variant is significant: the strongest has p = {p!s}, the limit is {limit!s}.")
    return none.format(p=_p(strongest), limit=limit)


def _draw_region(
    trait: TraitResult, view: _View, out: Path, store: GenotypeStore | None, models: GeneModels | None
) -> dict[str, Any]:
    """Write the picture and the data of one region; its entry in ``plots.json``."""
    assert trait.path is not None
    chrom, start, end = view.region
    rows = read_rows(
        trait.path,
        trait.name,
        [*_SITE, "chrom", "neg_log10_p"],
        [("chrom", "=", chrom), ("pos", ">=", start), ("pos", "<=", end)],
    )
    rows = rows.sort_values(["pos", "effect_allele", "id"], kind="stable", ignore_index=True)
    rows["is_lead"] = _is_lead(rows, view.lead)
    rows["r2"] = np.nan if store is None else _linkage(rows, view.region, store, trait.people)
    n_people = 0 if store is None else store.n_people if trait.people is None else len(trait.people)
    whose = f"{n_people:,} {trait.whose}" if rows["r2"].notna().any() else ""
    leads = rows[rows["is_lead"]]
    at = f"{chrom}:{leads['pos'].iloc[0]:,}" if len(leads) else f"{chrom}:{start:,}–{end:,}"
    gene = (view.lead or {}).get("gene")
    title = f"{at} ({gene}): {trait.name}" if isinstance(gene, str) else f"{at}: {trait.name}"
    genes, exons = models.within(view.region) if models else (pd.DataFrame(columns=["gene"]), None)
    genes = genes.reindex(columns=["gene", "start", "end", "strand", "biotype"])
    window = _seen(rows, view.region)
    plot_region(
        out / f"{view.name}.svg",
        title,
        rows,
        genes,
        window,
        trait.threshold,
        exons,
        assessed_genes=models is not None,
        ld_people=whose,
    )
    _write_data(out / f"{view.name}.json", region_data(rows, genes, window, trait.threshold))
    lead = leads.iloc[0] if len(leads) else None
    return {
        "picture": f"{view.name}.svg",
        "data": f"{view.name}.json",
        "chrom": chrom,
        "start": window[0],
        "end": window[1],
        "lead": None if lead is None else lead["id"],
        "pos": None if lead is None else int(lead["pos"]),
        "gene": gene if isinstance(gene, str) else None,
        "neg_log10_p": None if lead is None else float(f"{lead['neg_log10_p']:.6g}"),
        "ld_people": n_people if whose else None,
        "alt": _alt(trait, rows, genes, window, chrom, models is not None, whose),
    }


def _is_lead(rows: pd.DataFrame, lead: dict[str, Any] | None) -> np.ndarray:
    """Which row is the lead: that of the locus, else the strongest of the region; at most one."""
    found = np.zeros(len(rows), bool)
    if lead is None:
        candidate = (rows["neg_log10_p"] == rows["neg_log10_p"].max()).to_numpy(bool)
    else:
        same = (rows["id"] == lead["id"]) & (rows["pos"] == lead["pos"])
        candidate = (same & (rows["effect_allele"] == lead["effect_allele"])).to_numpy(bool)
    found[np.flatnonzero(candidate)[:1]] = True
    return found


def _linkage(
    rows: pd.DataFrame, region: Region, store: GenotypeStore, people: np.ndarray | None
) -> np.ndarray:
    """r2 with the lead of each row, NaN for variants that the genotypes lack."""
    chrom, start, end = region
    pos = store.variants["pos"].to_numpy()
    near = np.flatnonzero((pos >= start) & (pos <= end))
    near = near[(store.variants["chrom"].iloc[near] == chrom).to_numpy(bool)]
    sites = store.variants.iloc[near].rename(columns={"alt": "effect_allele", "ref": "other_allele"})
    index = sites[_SITE].assign(row=near).drop_duplicates(_SITE)
    at = rows[_SITE].merge(index, on=_SITE, how="left")["row"].to_numpy(float)
    lead = at[rows["is_lead"].to_numpy(bool)]
    r2 = np.full(len(rows), np.nan)
    if lead.size == 0 or np.isnan(lead[0]):
        return r2
    known = np.isfinite(at) & rows["neg_log10_p"].notna().to_numpy(bool)
    r2[known] = ld_with_lead(store, int(lead[0]), at[known].astype(np.int64), people)
    return r2


def _seen(rows: pd.DataFrame, region: Region) -> tuple[int, int]:
    """The part of a region that has variants, so that a small contig fills its picture."""
    if len(rows) < 2:
        return region[1], region[2]
    return int(rows["pos"].min()), int(rows["pos"].max())


def _alt(
    trait: TraitResult,
    rows: pd.DataFrame,
    genes: pd.DataFrame,
    window: tuple[int, int],
    chrom: str,
    assessed_genes: bool,
    whose: str,
) -> str:
    """What the picture shows, for those who don't see it."""
    tested = rows.dropna(subset=["neg_log10_p"])
    text = N_(
        "Regional plot of {trait}, chromosome {chrom!s}, {start:,} to {end:,}: {n:,} variants were tested."
    ).format(trait=trait.name, chrom=chrom, start=window[0], end=window[1], n=len(tested))
    lead = tested[tested["is_lead"]]
    if len(lead):
        text += " " + N_("The lead is {lead!s} with p = {p!s}.").format(
            lead=lead["id"].iloc[0], p=_p(lead["neg_log10_p"].iloc[0])
        )
    if whose:
        linked = int((tested["r2"] >= STRONG_LINKAGE).sum()) - int(tested["is_lead"].sum())
        text += " " + N_("{n:,} others are linked with it at r² of {r2!s} or more.").format(
            n=max(linked, 0), r2=STRONG_LINKAGE
        )
    else:
        text += " " + N_("Linkage was not assessed.")
    if not assessed_genes:
        return text + " " + N_("Genes were not assessed.")
    names = list(dict.fromkeys(genes["gene"].astype(str)))
    if not names:
        return text + " " + N_("No gene of the gene model lies here.")
    listed, more = ", ".join(names[:_GENES_NAMED]), len(names) - _GENES_NAMED
    if more <= 0:
        return text + " " + N_("Genes: {genes}.").format(genes=listed)
    return text + " " + N_("Genes: {genes} and {n!s} more.").format(genes=listed, n=more)


def _p(neg_log10_p: float) -> str:
    """A p-value in two digits, however small."""
    exponent = int(np.floor(-neg_log10_p))
    mantissa = f"{10 ** (-neg_log10_p - exponent):.1f}"
    return f"1.0e{exponent + 1}" if mantissa == "10.0" else f"{mantissa}e{exponent}"


def _hits(path: Path, trait: str, threshold: float | None) -> pd.DataFrame:
    """Rows above the threshold; none without one."""
    columns = ["id", "chrom", "pos", "effect_allele", "eaf", "beta", "se", "neg_log10_p", "n"]
    limit = np.inf if threshold is None else -np.log10(threshold)
    return read_rows(path, trait, columns, [("neg_log10_p", ">", limit)]).astype({"chrom": "str"})


def _write_data(path: Path, value: Any) -> None:
    """Compact JSON: these files are many numbers."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


# -- results that were made by hand --------------------------------------------------------------------


def _chosen(results: Sequence[str | Path], traits: Sequence[str] | None) -> dict[str, Path]:
    """Path of the result of each trait wanted."""
    where: dict[str, Path] = {}
    for path in map(Path, results):
        require_result(path, _COLUMNS)
        for trait in traits_of(path):
            if trait in where:
                raise input_error(path, f"the trait '{trait}' once more", f"it is in {where[trait]} already")
            where[trait] = path
    if traits is None:
        return where
    if len(results) == 1:
        return {trait: Path(results[0]) for trait in traits if trait_of(results[0], trait)}
    missing = [t for t in traits if t not in where]
    if missing:
        expected = "one of " + ", ".join(where)
        raise InputError([Problem("--trait", None, "", f"'{t}'", expected) for t in missing])
    return {trait: where[trait] for trait in traits}


def parse_region_text(text: str) -> Region:
    """``CHROM:START-END``, 1-based, inclusive; START and END may have commas.

    Raises:
        InputError: it is none.
    """
    chrom, _, span = text.rpartition(":")
    start, _, end = span.replace(",", "").partition("-")
    if not (chrom and start.isdecimal() and end.isdecimal() and 0 < int(start) <= int(end)):
        raise input_error("--region", f"'{text}'", "CHROM:START-END with 1 <= START <= END")
    return chrom, int(start), int(end)


def _people(path: str | Path | None, store: GenotypeStore | None) -> np.ndarray | None:
    """Rows of the people of a list: one IID a line, or FID and IID, as ``plink2 --keep`` reads."""
    if path is None:
        return None
    if store is None:
        raise input_error("command line", "--people without --bfile", "--bfile as well")
    row = {iid: i for i, iid in enumerate(store.people["iid"])}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise input_error(path, "no such file", "a list of people") from None
    rows, problems = [], []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#") or (number == 1 and words[-1].upper() == "IID"):
            continue
        if words[min(1, len(words) - 1)] in row:
            rows.append(row[words[min(1, len(words) - 1)]])
        else:
            found = f"'{words[min(1, len(words) - 1)]}'"
            problems.append(Problem(str(path), number, "IID", found, "a person of the .fam"))
    if problems:
        raise InputError(problems)
    if not rows:
        raise input_error(path, "nobody", "an IID a line, or FID and IID")
    return np.unique(np.array(rows, np.int64))


def _nearest(genes: str | Path | None, chromosomes: Sequence[str]) -> NearestGene:
    """The nearest gene on some chromosomes, under the names that the results have for them."""
    spans = [(c, 1, 2**62) for c in chromosomes]
    models = read_gene_models(genes, spans) if genes is not None and spans else None
    if models is None:
        return NearestGene({}, pd.DataFrame(columns=["gene", "chrom", "start", "end"]))
    table = models.genes
    names = {bare_name(c): c for c in chromosomes}
    return NearestGene({}, table.assign(chrom=table["chrom"].map(names)))
