"""Names of genes: from what a source calls a gene to the gene of the gene model, with how it was found.

Symbols change, and a symbol that one gene gave up may be another one's today. Identifiers go before symbols,
symbols of today before previous ones, those before aliases; a name that several genes share is not mapped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import pandas as pd

MAPPED_BY = ("id", "hgnc_id", "symbol", "previous_symbol", "alias")
"""How a gene was found, the surest first."""

_SHOWN = 50
"""Genes that aren't known, or stand for several, are counted; so many of them are named."""

_VERSION = re.compile(r"\.\d+(?=$|_PAR_Y$)")


@dataclass(frozen=True)
class Match:
    """A gene of the gene model; all ``None`` when none was found. ``ambiguous`` when several were."""

    gene: str | None = None
    gene_id: str | None = None
    mapped_by: str | None = None
    ambiguous: bool = False


@dataclass
class MappingCounts:
    """How the genes of a source were mapped, in rows; and the names that were not, by number of rows."""

    mapped: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    ambiguous: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0

    def entry(self) -> dict[str, Any]:
        """The counts as ``knowledge.json`` has them."""
        return {
            "rows_mapped_by": {k: self.mapped[k] for k in MAPPED_BY if self.mapped[k]},
            "rows_of_unknown_genes": self.unknown.total(),
            "rows_of_ambiguous_genes": self.ambiguous.total(),
            "rows_without_gene": self.unnamed,
            "unknown_genes": len(self.unknown),
            "unknown_genes_first": sorted(self.unknown)[:_SHOWN],
            "ambiguous_genes": len(self.ambiguous),
            "ambiguous_genes_first": sorted(self.ambiguous)[:_SHOWN],
        }


class _Entry(NamedTuple):
    """A gene of HGNC's; ``ensembl`` is its Ensembl id, if it has one."""

    hgnc_id: str
    symbol: str
    previous: list[str]
    aliases: list[str]
    ensembl: str | None


class GeneNames:
    """Finds the gene of a name or identifier.

    Args:
        genes: columns ``gene gene_id`` and, where known, ``aliases`` (joined by ``|``) and ``hgnc_id``.
        hgnc: HGNC's complete set: ``hgnc_id symbol status prev_symbol alias_symbol ensembl_gene_id``, text.
            Without one, only the names of ``genes`` are known.
    """

    def __init__(self, genes: pd.DataFrame, hgnc: pd.DataFrame | None = None) -> None:
        self._rows: list[tuple[str | None, str | None]] = [
            (_text(gene), _text(gene_id))
            for gene, gene_id in zip(genes["gene"], genes["gene_id"], strict=True)
        ]
        self._ids = _index((bare_id(gene_id), i) for i, (_, gene_id) in enumerate(self._rows) if gene_id)
        self._symbols = _index((gene, i) for i, (gene, _) in enumerate(self._rows) if gene)
        self._hgnc: dict[str, set[int]] = {}
        self._approved: dict[str, set[int]] = {}
        self._previous: dict[str, set[int]] = {}
        self._aliases: dict[str, set[int]] = {}
        self.hgnc_of: dict[int, str] = {}
        self.names_of: dict[int, list[str]] = {}
        if "hgnc_id" in genes:
            for i, hgnc_id in enumerate(genes["hgnc_id"]):
                if _text(hgnc_id):
                    self._hgnc.setdefault(hgnc_key(str(hgnc_id)), set()).add(i)
        if hgnc is not None:
            self._add_hgnc(hgnc[hgnc["status"].isna() | (hgnc["status"] == "Approved")])
        if "aliases" in genes:
            for i, aliases in enumerate(genes["aliases"]):
                for alias in split_names(aliases):
                    self._aliases.setdefault(alias, set()).add(i)
        self.find = cache(self._find)

    def _add_hgnc(self, hgnc: pd.DataFrame) -> None:
        """Tie each entry to the gene of its Ensembl id, else of its symbol, else of a name it alone had."""
        columns = ("hgnc_id", "symbol", "prev_symbol", "alias_symbol", "ensembl_gene_id")
        texts = [[_text(v) for v in hgnc[column]] for column in columns]
        entries = [
            _Entry(hgnc_key(hgnc_id), symbol, split_names(previous), split_names(aliases), ensembl)
            for hgnc_id, symbol, previous, aliases, ensembl in zip(*texts, strict=True)
            if hgnc_id and symbol
        ]
        approved = {entry.symbol for entry in entries}
        taken: dict[int, int] = {}
        gene_of: dict[int, int] = {}

        def tie(entry: int, found: set[int]) -> None:
            if len(found) == 1 and entry not in gene_of and (gene := next(iter(found))) not in taken:
                taken[gene], gene_of[entry] = entry, gene

        for e, entry in enumerate(entries):
            tie(e, self._ids.get(bare_id(entry.ensembl), set()) if entry.ensembl else set())
        for e, entry in enumerate(entries):
            tie(e, self._hgnc.get(entry.hgnc_id, set()))
        for e, entry in enumerate(entries):
            tie(e, self._symbols.get(entry.symbol, set()))
        for names in ("previous", "aliases"):
            by_name = _index((name, e) for e, entry in enumerate(entries) for name in getattr(entry, names))
            for name, owners in by_name.items():
                # A name that is some gene's symbol today says nothing of who had it before.
                if len(owners) == 1 and name not in approved:
                    tie(next(iter(owners)), self._symbols.get(name, set()))
        for e, gene in gene_of.items():
            entry = entries[e]
            self._hgnc.setdefault(entry.hgnc_id, set()).add(gene)
            self._approved.setdefault(entry.symbol, set()).add(gene)
            self.hgnc_of[gene] = entry.hgnc_id
            own = self._rows[gene][0]
            others = dict.fromkeys([entry.symbol, *entry.previous, *entry.aliases])
            self.names_of[gene] = [name for name in others if name != own]
        for e, entry in enumerate(entries):
            # A gene that isn't in the model still makes a name ambiguous.
            gene = gene_of.get(e, -1 - e)
            for name in entry.previous:
                self._previous.setdefault(name, set()).add(gene)
            for name in entry.aliases:
                self._aliases.setdefault(name, set()).add(gene)
        self._elsewhere = approved - set(self._approved)

    _elsewhere: Iterable[str] = frozenset()

    def _find(self, name: str | None, key: str | None = None) -> Match:
        """The gene that a source calls ``name``, or by the identifier ``key`` (Ensembl or HGNC)."""
        for text in filter(None, (key, name)):
            # In some gene models the id of a gene is its symbol.
            if (found := self._ids.get(bare_id(text))) and text not in self._symbols:
                return self._match(found, "id")
            if (hgnc := hgnc_key(text)) in self._hgnc:
                return self._match(self._hgnc[hgnc], "hgnc_id")
        if not name:
            return Match()
        if name in self._elsewhere and name not in self._symbols:
            # The symbol of a gene that the model doesn't have: an older bearer of it is another gene.
            return Match()
        for names, how in (
            (self._symbols, "symbol"),
            (self._approved, "symbol"),
            (self._previous, "previous_symbol"),
            (self._aliases, "alias"),
        ):
            if found := names.get(name):
                return self._match(found, how)
        return Match()

    def _match(self, found: set[int], how: str) -> Match:
        if len(found) > 1:
            return Match(ambiguous=True)
        row = next(iter(found))
        return Match() if row < 0 else Match(*self._rows[row], how)

    def map(
        self, names: Sequence[str | None], keys: Sequence[str | None], counts: MappingCounts
    ) -> list[Match]:
        """The genes of many names; counted into ``counts``."""
        matches = []
        for name, key in zip(names, keys, strict=True):
            match = self.find(name, key)
            matches.append(match)
            written = name or key
            if match.mapped_by:
                counts.mapped[match.mapped_by] += 1
            elif not written:
                counts.unnamed += 1
            elif match.ambiguous:
                counts.ambiguous[written] += 1
            else:
                counts.unknown[written] += 1
        return matches


def _index(pairs: Iterable[tuple[str, int]]) -> dict[str, set[int]]:
    index: dict[str, set[int]] = {}
    for name, row in pairs:
        index.setdefault(name, set()).add(row)
    return index


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def bare_id(gene_id: str) -> str:
    """An identifier without its version: ``ENSG00000188157.15`` -> ``ENSG00000188157``."""
    return _VERSION.sub("", gene_id)


def hgnc_key(text: str) -> str:
    """``HGNC:329`` for the ways to write it (``hgnc:329``, ``HGNC_329``); other text stays as it is."""
    found = re.fullmatch(r"(?i)(?:hgnc[:_ ])+(\d+)", text.strip())
    return f"HGNC:{found[1]}" if found else text


def split_names(text: object) -> list[str]:
    """Names joined by ``|`` (also within quotes, as HGNC has written them)."""
    if not isinstance(text, str):
        return []
    return [name for part in text.strip('"').split("|") if (name := part.strip())]
