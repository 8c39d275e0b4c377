"""The genes of a run: gene model, gene table, and what gene-level sources say, in one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from endotype.annotation.knowledge.gene_names import GeneNames
from endotype.annotation.knowledge.vocabulary import ESTABLISHED, VALIDITY
from endotype.cohort.knowledge_files import GENE_COLUMNS, GENE_WORDS
from endotype.errors import InputError, Problem, nearest, visible
from endotype.tables import TextTable, read_text_table, require_columns

KNOWLEDGE_COLUMNS = GENE_COLUMNS[2:]
"""What a gene table says of a gene, next to ``gene`` and ``gene_id``."""

TABLE_COLUMNS = [
    *("gene", "gene_id", "chrom", "start", "end", "strand"),
    *("mechanism", "inheritance", "disease", "aliases", "lof_mechanism", "biotype"),
]
SOURCE_TYPES = {
    "hgnc_id": "str",
    "table_row": "Int64",
    "inheritance_source": "str",
    "loeuf": "Float64",
    "pli": "Float64",
    "missense_z": "Float64",
    "constraint_transcript": "str",
    "constraint_source": "str",
    "constraint_row": "Int64",
    "validity": "str",
    "validity_disease": "str",
    "validity_disease_id": "str",
    "validity_inheritance": "str",
    "validity_source": "str",
    "validity_row": "Int64",
    "haploinsufficiency": "Int64",
    "triplosensitivity": "Int64",
    "dosage_source": "str",
    "dosage_row": "Int64",
}
"""What gene-level sources add to a gene, and the types."""
COLUMNS = [*TABLE_COLUMNS, *SOURCE_TYPES]
"""Columns of ``genes.parquet``."""


def read_gene_table(path: str | Path) -> pd.DataFrame:
    """Read a gene table: ``gene gene_id aliases mechanism inheritance disease lof_mechanism``, text.

    Only ``gene`` is required; a column that isn't there, and an empty cell, is null. Aliases are joined by
    ``|`` (the file may use ``|``, ``;`` or a comma). ``table_row`` is the number of the record.

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
    frame = frame.mask(frame == "").reset_index(drop=True)
    return frame.assign(table_row=pd.array(range(1, len(frame) + 1), dtype="Int64"))


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


def join_genes(
    table: pd.DataFrame, model: pd.DataFrame, names: GeneNames | None = None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Join the gene table with the genes of the gene model.

    A row of the table belongs to the gene of its id (without the version after the dot), else of its symbol,
    else to the one gene whose symbol is among its aliases, else to the one that ``names`` finds. The gene is
    then called as in the gene model, and the table's symbol becomes an alias. Genes of either side without a
    counterpart are kept, the other side null.

    Args:
        table: as :func:`read_gene_table` returns it.
        model: columns ``gene gene_id chrom start end strand biotype`` and, where known, ``hgnc_id`` and
            ``synonyms``, one row per gene.
        names: the genes of ``model``, in its order, by HGNC's names.

    Returns:
        The table ``genes.parquet`` in the order of the gene model, then of the names; and counts.
    """
    model = model.reset_index(drop=True)
    taken: dict[int, int] = {}
    ways = [_by_id, _by_symbol, _by_alias]
    if names is not None:
        ways.append(lambda table, model: _by_names(table, model, names))
    for find in ways:
        for row, gene in find(table, model).items():
            if row not in taken.values() and gene not in taken:
                taken[gene] = row
    known = table.reindex([taken.get(gene, -1) for gene in model.index]).reset_index(drop=True)
    joined = model.assign(**{c: known[c] for c in [*KNOWLEDGE_COLUMNS, "table_row"]})
    joined["aliases"] = _with_alias(joined["aliases"], known["gene"], joined["gene"])
    if "synonyms" in model:
        joined["aliases"] = _with_names(joined["aliases"], model["synonyms"])
    if names is not None:
        official = ["|".join(names.names_of.get(i, [])) for i in range(len(model))]
        joined["aliases"] = _with_names(joined["aliases"], pd.Series(official, dtype="str"))
    if "hgnc_id" not in joined:
        joined["hgnc_id"] = None
    if names is not None:
        found = [names.hgnc_of.get(i) for i in range(len(model))]
        joined["hgnc_id"] = [
            f or (h if isinstance(h, str) and h else None)
            for f, h in zip(found, joined["hgnc_id"], strict=True)
        ]
    joined["hgnc_id"] = pd.Series(joined["hgnc_id"], dtype="str").replace("", None)
    rest = table[~table.index.isin(taken.values())].sort_values("gene", kind="stable")
    genes = pd.concat([joined, rest.reindex(columns=joined.columns)], ignore_index=True)
    genes["inheritance_source"] = pd.Series("genes", index=genes.index).where(genes["inheritance"].notna())
    genes = genes.reindex(columns=COLUMNS)
    texts = dict.fromkeys([c for c in TABLE_COLUMNS if c not in ("start", "end")], "str")
    genes = genes.astype(texts | {"start": "Int64", "end": "Int64"} | SOURCE_TYPES)
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


def _by_names(table: pd.DataFrame, model: pd.DataFrame, names: GeneNames) -> dict[int, int]:
    """Rows whose id or symbol stands for a gene by another name."""
    place = {key: i for i, key in enumerate(zip(model["gene"], model["gene_id"], strict=True))}
    found = {}
    for row, (name, key) in enumerate(zip(table["gene"], table["gene_id"], strict=True)):
        match = names.find(name, key if isinstance(key, str) else None)
        if match.mapped_by:
            found[row] = place[match.gene, match.gene_id]
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


def _with_names(aliases: pd.Series, names: pd.Series) -> list[str | None]:
    """The aliases, and behind them further names."""
    return [
        "|".join(dict.fromkeys([*_split(a), *filter(None, _split(n))])) or None
        for a, n in zip(aliases, names, strict=True)
    ]


def _split(aliases: object) -> list[str]:
    return aliases.split("|") if isinstance(aliases, str) else []


def add_gene_sources(
    genes: pd.DataFrame,
    constraint: tuple[str, pd.DataFrame] | None,
    dosage: tuple[str, pd.DataFrame] | None,
    validity: Sequence[tuple[str, pd.DataFrame]],
) -> pd.DataFrame:
    """``genes.parquet`` with what gene-level sources say of each gene, each with its source and record.

    Of gene-disease validity a gene has its best classification, of several equal ones the first of the first
    source. Where the gene table says nothing of the inheritance, it is that of the gene's established
    diseases (definitive, strong or moderate), if they have one mode alone.

    Args:
        genes: as :func:`join_genes` returns it.
        constraint, dosage, validity: name and table of each source, with ``gene gene_id`` and its columns.
    """
    place = {key: i for i, key in enumerate(_gene_keys(genes))}
    if constraint:
        name, table = constraint
        columns = {"loeuf": "loeuf", "pli": "pli", "missense_z": "missense_z"}
        columns |= {"transcript": "constraint_transcript", "source_row": "constraint_row"}
        genes = _placed(genes, place, table, columns, "constraint_source", name)
    if dosage:
        name, table = dosage
        columns = {n: n for n in ("haploinsufficiency", "triplosensitivity")} | {"source_row": "dosage_row"}
        genes = _placed(genes, place, table, columns, "dosage_source", name)
    if validity:
        table = pd.concat([t.assign(source=name) for name, t in validity], ignore_index=True)
        table = table[table["mapped_by"].notna()]
        rank = table["classification"].map({word: i for i, word in enumerate(VALIDITY)})
        established = table[table["classification"].isin(ESTABLISHED)]
        modes: dict[str, set[str]] = {}
        for key, mode in zip(_gene_keys(established), established["inheritance"], strict=True):
            if isinstance(mode, str):
                modes.setdefault(key, set()).add(mode)
        best = table.assign(rank=rank).sort_values("rank", kind="stable")
        columns = {"classification": "validity", "disease": "validity_disease", "source": "validity_source"}
        columns |= {"disease_id": "validity_disease_id", "source_row": "validity_row"}
        genes = _placed(genes, place, best, columns)
        keys = _gene_keys(genes)
        joined = ["|".join(sorted(modes[k])) if k in modes else None for k in keys]
        genes["validity_inheritance"] = pd.Series(joined, index=genes.index, dtype="str")
        only = genes["validity_inheritance"].where(
            genes["validity_inheritance"].isin(GENE_WORDS["inheritance"])
        )
        fill = genes["inheritance"].isna() & only.notna()
        first: dict[str, str] = {}
        for key, name in zip(_gene_keys(established), established["source"], strict=True):
            first.setdefault(key, name)
        genes.loc[fill, "inheritance"] = only[fill]
        genes.loc[fill, "inheritance_source"] = [first[k] for k, f in zip(keys, fill, strict=True) if f]
    return genes.astype(SOURCE_TYPES)


def _gene_keys(frame: pd.DataFrame) -> list[str]:
    """What tells genes apart: the id, else the symbol."""
    return [
        f"={gene_id}" if isinstance(gene_id, str) else f"?{gene}"
        for gene, gene_id in zip(frame["gene"], frame["gene_id"], strict=True)
    ]


def _placed(
    genes: pd.DataFrame,
    place: dict[str, int],
    table: pd.DataFrame,
    columns: dict[str, str],
    source_column: str = "",
    source: str = "",
) -> pd.DataFrame:
    """``genes`` with columns of the first row that a table has of each gene."""
    table = table[table["mapped_by"].notna()] if "mapped_by" in table else table
    first: dict[int, int] = {}
    for row, key in enumerate(_gene_keys(table)):
        if key in place:
            first.setdefault(place[key], row)
    at, rows = list(first), list(first.values())
    for name, to in columns.items():
        values = genes[to].astype(object).to_numpy(copy=True)
        values[at] = table[name].astype(object).to_numpy()[rows]
        genes[to] = pd.Series(values, index=genes.index).where(pd.notna(values), None)
    if source_column:
        words = pd.Series([None] * len(genes), index=genes.index, dtype=object)
        words.iloc[at] = source
        genes[source_column] = words
    return genes.astype({to: SOURCE_TYPES[to] for to in columns.values()})
