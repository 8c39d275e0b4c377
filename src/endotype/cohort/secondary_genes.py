"""The user's list of genes whose pathogenic variants are told only to those who agreed to it.

A table with a row for each gene, or for each gene and disease, such as the list of the American College of
Medical Genetics (ACMG SF). The gene stands in the column ``gene`` (or ``gene_symbol``); ``hgnc_id`` and
``ensembl_gene_id`` are used where they are given, so that a gene that was renamed is still found. ``report``
(or ``variants_to_report``) says which variants are told: a word of :data:`RULES`, or the phrases of the list
itself. Other columns are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from endotype.errors import InputError, Problem, input_error, visible
from endotype.files import sha256_file
from endotype.tables import read_text_table

RULES = ("any", "two_alleles", "truncating", "homozygous")
"""Any (likely) pathogenic variant; only with both copies altered; only one that truncates; only one carried
on both copies."""

_PHRASES = {
    "": "any",
    "all p and lp": "any",
    "all hemi, het, homozygous p and lp": "any",
    "p and lp (2 variants)": "two_alleles",
    "p and lp (truncating variants only)": "truncating",
}
_ONE_CHANGE = re.compile(r"p\.([A-Za-z]+\d+[A-Za-z]+) homozygotes only", re.IGNORECASE)
_GENE_COLUMNS = ("gene", "gene_symbol")
_RULE_COLUMNS = ("report", "variants_to_report")


@dataclass(frozen=True)
class Rule:
    """Which variants of a gene are told; ``change`` is the only protein change, where there is one."""

    kind: str = "any"
    change: str | None = None


@dataclass(frozen=True)
class ListedGene:
    """A row of the list."""

    gene: str
    rule: Rule
    hgnc_id: str = ""
    ensembl_id: str = ""


@dataclass(frozen=True)
class GeneList:
    """A list of genes with its name, version and SHA-256."""

    name: str
    version: str
    file: str
    sha256: str
    genes: tuple[ListedGene, ...]

    def identity(self) -> dict[str, Any]:
        """``name version file sha256 n_genes``, as a report shows the list."""
        shown = {key: getattr(self, key) for key in ("name", "version", "file", "sha256")}
        return shown | {"n_genes": len(self.genes)}

    @cached_property
    def _by_name(self) -> dict[str, Rule]:
        names: dict[str, Rule] = {}
        for row in self.genes:
            for name in (row.gene, row.hgnc_id, row.ensembl_id):
                if name:
                    names[_plain(name)] = row.rule
        return names

    def rule_of(self, names: Iterable[str | None]) -> Rule | None:
        """The rule of a gene by any of its names and ids; ``None`` when it isn't on the list."""
        return next((self._by_name[_plain(n)] for n in names if n and _plain(n) in self._by_name), None)


def read_gene_list(setting: Mapping[str, Any]) -> GeneList:
    """Read the list of ``reports.secondary_genes``: ``path name version``.

    Raises:
        InputError: the table can't be read, has no column of genes, or has rows that mean nothing.
    """
    path = Path(setting["path"])
    table = read_text_table(path).rows
    gene_column = next((name for name in _GENE_COLUMNS if name in table), None)
    if gene_column is None:
        found = ", ".join(visible(str(name)) for name in table)
        raise input_error(path, f"the columns {found}", "a column 'gene'")
    rule_column = next((name for name in _RULE_COLUMNS if name in table), None)
    genes: list[ListedGene] = []
    problems: list[Problem] = []
    seen: dict[str, Rule] = {}
    for line, row in table.iterrows():
        gene, said = row[gene_column].strip(), row[rule_column].strip() if rule_column else ""
        rule = _rule(said)
        if not gene:
            problems.append(Problem(str(path), int(str(line)), gene_column, "nothing", "the name of a gene"))
        elif rule is None:
            expected = f"one of {', '.join(RULES)}"
            problems.append(Problem(str(path), int(str(line)), str(rule_column), visible(said), expected))
        elif seen.setdefault(gene, rule) != rule:
            found, expected = f"another rule for {visible(gene)}", "one rule for each gene"
            problems.append(Problem(str(path), int(str(line)), str(rule_column), found, expected))
        elif gene not in {row.gene for row in genes}:
            ids = (row.get("hgnc_id", "").strip(), row.get("ensembl_gene_id", "").strip())
            genes.append(ListedGene(gene, rule, *ids))
    if problems:
        raise InputError(problems)
    if not genes:
        raise input_error(path, "no gene", "at least one")
    return GeneList(setting["name"], setting["version"], path.name, sha256_file(path), tuple(genes))


def _rule(said: str) -> Rule | None:
    word = _PHRASES.get(said.casefold(), said)
    if word in RULES:
        return Rule(word)
    one = _ONE_CHANGE.fullmatch(said)
    return Rule("homozygous", one[1].upper()) if one else None


def _plain(name: str) -> str:
    """A name without case and without the version of an Ensembl id."""
    name = name.strip().casefold().removeprefix("gene:")
    return name.partition(".")[0] if name.startswith("ensg") else name
