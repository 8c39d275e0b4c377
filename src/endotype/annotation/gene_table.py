"""The gene table: what is known of each gene, joined with where the gene model has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from endotype.cohort.knowledge_files import GENE_COLUMNS, GENE_WORDS
from endotype.errors import InputError, Problem, nearest, visible
from endotype.tables import TextTable, read_text_table, require_columns

KNOWLEDGE_COLUMNS = GENE_COLUMNS[2:]
"""What a gene table says of a gene, next to ``gene`` and ``gene_id``."""

COLUMNS = [
    *("gene", "gene_id", "chrom", "start", "end", "strand"),
    *("mechanism", "inheritance", "disease", "aliases", "lof_mechanism", "biotype"),
]
"""Columns of ``genes.parquet``."""


def read_gene_table(path: str | Path) -> pd.DataFrame:
    """Read a gene table: ``gene gene_id aliases mechanism inheritance disease lof_mechanism``, text.

    Only ``gene`` is required; a column that isn't there, and an empty cell, is null. Aliases are joined by
    ``|`` (the file may use ``|``, ``;`` or a comma).

    Raises:
        InputError: with every fault: cells that are not in the vocabulary, genes that occur twice.
    """
    table = read_text_table(path)
    require_columns(table, ["gene"])
    frame = table.rows.apply(lambda column: column.str.strip())
    problems = [*_shape_problems(table), *_cell_problems(table.path, frame)]
    if problems:
        raise InputError(problems)
    frame = frame.reindex(columns=GENE_COLUMNS, fill_value="").astype("str")
    aliases = frame["aliases"].str.replace(r"\s*[|;,]\s*", "|", regex=True).str.strip("|")
    frame = frame.assign(aliases=aliases)
    return frame.mask(frame == "").reset_index(drop=True)


def _shape_problems(table: TextTable) -> Iterator[Problem]:
    width = table.rows.shape[1]
    for line, cells in table.ragged:
        yield Problem(table.path, line, "", f"{cells} cells", f"{width} cells, as in the header")
    for name in table.duplicate_columns:
        yield Problem(table.path, 1, name, "the column twice", "each column once")


def _cell_problems(path: str, frame: pd.DataFrame) -> Iterator[Problem]:
    for column, allowed in GENE_WORDS.items():
        if column in frame:
            for line, value in frame[column].items():
                if value and value not in allowed:
                    expected = "one of " + ", ".join(allowed)
                    yield Problem(
                        path, int(str(line)), column, visible(value), expected, nearest(value, allowed)
                    )
    for column in ("gene", "gene_id"):
        if column not in frame:
            continue
        filled = frame.loc[frame[column] != "", column]
        for line, value in filled[filled.duplicated()].items():
            yield Problem(path, int(str(line)), column, f"{visible(value)} a second time", "each gene once")
    for line in frame.index[frame["gene"] == ""]:
        yield Problem(path, int(str(line)), "gene", "an empty cell", "a gene symbol")


def join_genes(table: pd.DataFrame, model: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Join the gene table with the genes of the gene model.

    A row of the table belongs to the gene of its id (without the version after the dot), else of its symbol,
    else to the one gene whose symbol is among its aliases. The gene is then called as in the gene model, and
    the table's symbol becomes an alias. Genes of either side without a counterpart are kept, the other side
    null.

    Args:
        table: as :func:`read_gene_table` returns it.
        model: columns ``gene gene_id chrom start end strand biotype``, one row per gene.

    Returns:
        The table ``genes.parquet`` in the order of the gene model, then of the names; and counts.
    """
    model = model.reset_index(drop=True)
    taken: dict[int, int] = {}
    for find in (_by_id, _by_symbol, _by_alias):
        for row, gene in find(table, model).items():
            if row not in taken.values() and gene not in taken:
                taken[gene] = row
    known = table.reindex([taken.get(gene, -1) for gene in model.index]).reset_index(drop=True)
    joined = model.assign(**{c: known[c] for c in KNOWLEDGE_COLUMNS})
    joined["aliases"] = _with_alias(joined["aliases"], known["gene"], joined["gene"])
    rest = table[~table.index.isin(taken.values())].sort_values("gene", kind="stable")
    genes = pd.concat([joined, rest.reindex(columns=joined.columns)], ignore_index=True)
    texts = [c for c in COLUMNS if c not in ("start", "end")]
    genes = genes.astype(dict.fromkeys(texts, "str") | {"start": "Int64", "end": "Int64"})[COLUMNS]
    counts = {
        "genes_in_table": len(table),
        "genes_in_model": len(model),
        "matched": len(taken),
        "only_in_table": len(rest),
        "only_in_model": len(model) - len(taken),
    }
    return genes, counts


def _by_id(table: pd.DataFrame, model: pd.DataFrame) -> dict[int, int]:
    version = r"\.\d+$"
    ids = _unique_places(model["gene_id"].str.replace(version, "", regex=True))
    return _lookup(table["gene_id"].str.replace(version, "", regex=True), ids)


def _by_symbol(table: pd.DataFrame, model: pd.DataFrame) -> dict[int, int]:
    return _lookup(table["gene"], _unique_places(model["gene"]))


def _by_alias(table: pd.DataFrame, model: pd.DataFrame) -> dict[int, int]:
    symbols = _unique_places(model["gene"])
    found = {}
    for row, aliases in table["aliases"].dropna().items():
        genes = {symbols[alias] for alias in aliases.split("|") if alias in symbols}
        if len(genes) == 1:
            found[int(str(row))] = genes.pop()
    return found


def _unique_places(names: pd.Series) -> dict[str, int]:
    """Row of each name that occurs once."""
    once = names[~names.duplicated(keep=False) & names.notna()]
    return {str(name): int(str(row)) for row, name in once.items()}


def _lookup(names: pd.Series, places: dict[str, int]) -> dict[int, int]:
    return {int(str(row)): places[name] for row, name in names.dropna().items() if name in places}


def _with_alias(aliases: pd.Series, symbol: pd.Series, called: pd.Series) -> Sequence[str | None]:
    """The aliases, and before them the table's symbol where the gene model calls the gene otherwise."""
    return [
        "|".join(dict.fromkeys([*([s] if isinstance(s, str) and s != c else []), *(_split(a))])) or None
        for a, s, c in zip(aliases, symbol, called, strict=True)
    ]


def _split(aliases: object) -> list[str]:
    return aliases.split("|") if isinstance(aliases, str) else []
