"""Sources about genes: constraint, validity, dosage, drugs, phenotypes; each row with the gene it is of.

A table has ``gene_source`` (the gene as written), ``gene gene_id mapped_by`` (the gene of the gene model and
how it was found, null when it was not), the columns of its kind, and ``source_row``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from endotype.annotation.knowledge.gene_names import GeneNames, MappingCounts, hgnc_key
from endotype.annotation.knowledge.records import SOURCE_ROW, RecordFile
from endotype.annotation.knowledge.sites import one_row_each
from endotype.annotation.knowledge.values import ARROW_TYPES, typed
from endotype.annotation.knowledge.vocabulary import VALIDITY, inheritance_word, validity_word
from endotype.cohort.knowledge_kinds import KEY_COLUMNS
from endotype.cohort.knowledge_sources import Source
from endotype.errors import InputError, Problem, nearest, visible

GENE_FIELDS = ("gene_source", "gene", "gene_id", "mapped_by")

_ENSEMBL = re.compile(r"ENSG\d+", re.IGNORECASE)


def gene_table_schema(source: Source) -> pa.Schema:
    """Columns of the table of a gene-level source; of a disease-level one without the gene."""
    genes = GENE_FIELDS if source.key == "gene" else ()
    extra = [("submissions", pa.int64())] if source.kind in ("clingen", "gencc") else []
    values = [(c.name, ARROW_TYPES[c.type]) for c in source.columns]
    return pa.schema([*[(n, pa.string()) for n in genes], *values, *extra, (SOURCE_ROW, pa.int64())])


def read_rows(source: Source, files: Sequence[RecordFile]) -> tuple[pd.DataFrame, int]:
    """All records of a gene-level source: ``gene_source gene_key`` and its columns, typed; and their number.

    A record about several genes (a fusion, a profile of two variants) has a row for each of them.

    Raises:
        InputError: cells that aren't of their column's type.
    """
    parts, n = [], 0
    for file in files:
        # Records of different shape have one thing under different names: the first that is there.
        columns = {c: [n for n in c.names if n in file.columns] for c in source.columns}
        if file.form != "json":
            columns = {c: present[:1] for c, present in columns.items()}
        names, keys = _gene_columns(source, file)
        wanted = [*(n for present in columns.values() for n in present), *names, *keys]
        n_before = n
        for batch in file.batches(wanted or [file.columns[0]]):
            rows = batch[SOURCE_ROW].combine_chunks()
            nothing = pa.nulls(len(batch), pa.string())
            texts = {c: [batch[n].combine_chunks() for n in present] for c, present in columns.items()}
            values = {
                c.name: typed(pc.coalesce(*cells) if cells else nothing, c, file.path, rows)
                for c, cells in texts.items()
            }
            table = pa.table(values | {SOURCE_ROW: rows}).to_pandas(types_mapper=_PANDAS.get)
            table[SOURCE_ROW] += n_before
            table["gene_source"] = _genes_of(source, batch, names)
            table["gene_key"] = _first(batch, keys)
            several = source.kind in ("civic", "moalmanac")
            parts.append(table.explode("gene_source", ignore_index=True) if several else table)
            n += len(batch)
    if not parts:
        names_of = [c.name for c in source.columns]
        empty = pd.DataFrame(columns=[*names_of, SOURCE_ROW, "gene_source", "gene_key"], dtype=object)
        return empty, n
    return pd.concat(parts, ignore_index=True), n


_PANDAS = {
    pa.string(): pd.StringDtype("pyarrow"),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def _gene_columns(source: Source, file: RecordFile) -> tuple[list[str], list[str]]:
    """Columns that name the gene of a record, and those that give its identifier."""
    own = dict(source.key_names)
    if source.key != "gene":
        return [], []
    if source.kind == "moalmanac":
        return [n for n in ("gene", "gene1", "gene2") if n in file.columns], []
    if "gene" in own or "gene_key" in own:
        return ([own["gene"]] if "gene" in own else []), ([own["gene_key"]] if "gene_key" in own else [])
    if source.kind == "hgnc":
        return ["symbol"], ["hgnc_id"]
    name = next((n for n in KEY_COLUMNS["gene"] if n in file.columns), None)
    if source.kind == "civic":
        name = "gene" if "gene" in file.columns else "molecular_profile"
    # Several of these may be there, an empty one among them.
    keys = [n for n in KEY_COLUMNS["gene_key"] if n in file.columns]
    return ([name] if name else []), keys


def _first(batch: pa.Table, names: Sequence[str]) -> list[str | None]:
    """For each record the first identifier of a form that is known."""
    columns = [batch[name].to_pylist() for name in names]
    return [next((v for v in row if v and _is_key(v)), None) for row in zip(*columns, strict=True)] or [
        None
    ] * len(batch)


@cache
def _is_key(text: str) -> bool:
    return bool(_ENSEMBL.match(text)) or hgnc_key(text).startswith("HGNC:")


def _genes_of(source: Source, batch: pa.Table, names: Sequence[str]) -> list[Any]:
    columns = [batch[name].to_pylist() for name in names]
    if source.kind == "civic" and names == ["molecular_profile"]:
        return [profile_genes(text) or [None] for text in columns[0]]
    if not columns:
        return [None] * len(batch)
    if source.kind not in ("civic", "moalmanac"):
        return columns[0]
    return [list(dict.fromkeys(filter(None, row))) or [None] for row in zip(*columns, strict=True)]


def profile_genes(profile: str | None) -> list[str]:
    """The genes of a CIViC molecular profile: ``EML4::ALK Fusion AND ALK C1156Y`` -> ``EML4``, ``ALK``."""
    genes: list[str] = []
    for part in re.split(r"\s+(?:AND|OR)\s+", profile or ""):
        word = re.sub(r"^[\s(]*(?:NOT\s+)?[\s(]*", "", part).split(" ")[0]
        genes += [name for name in word.strip("()").split("::") if name and name not in ("v", "?")]
    return list(dict.fromkeys(genes))


def map_genes(frame: pd.DataFrame, names: GeneNames, counts: MappingCounts) -> pd.DataFrame:
    """The rows with ``gene gene_id mapped_by``; without a symbol, ``gene_source`` is the identifier."""
    symbols = [_text(v) for v in frame["gene_source"]]
    keys = [_text(v) for v in frame["gene_key"]]
    matches = names.map(symbols, keys, counts)
    return frame.assign(
        gene_source=pd.array([s or k for s, k in zip(symbols, keys, strict=True)], dtype="string"),
        gene=pd.array([m.gene for m in matches], dtype="string"),
        gene_id=pd.array([m.gene_id for m in matches], dtype="string"),
        mapped_by=pd.array([m.mapped_by for m in matches], dtype="string"),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


Dropped = Counter[str]


def one_gene_row(
    source: Source, frame: pd.DataFrame, files: Sequence[RecordFile], dropped: Dropped
) -> pd.DataFrame:
    """The rows of a source as its kind wants them; what is left out is counted in ``dropped``.

    * constraint: one transcript a gene: MANE Select, then canonical, then Ensembl's, then the first.
    * validity: the best classification of each gene, disease and mode of inheritance.
    * a table of yours: one row a gene, by the ``combine`` of each column.
    * all others: every row.
    """
    rule: Mapping[str, Callable[[Source, pd.DataFrame, Sequence[RecordFile], Dropped], pd.DataFrame]] = {
        "constraint": _one_transcript,
        "clingen": _best_validity,
        "gencc": _best_validity,
        "dosage": _first_of_gene,
        "table": _combined,
    }
    if source.key == "gene" and source.kind in rule:
        frame = rule[source.kind](source, frame, files, dropped)
    by = ["gene", "gene_source", SOURCE_ROW] if source.key == "gene" else [SOURCE_ROW]
    return frame.sort_values(by, kind="stable", na_position="last", ignore_index=True)


def _identity(frame: pd.DataFrame) -> pd.Series:
    """What tells one gene from another: its id in the model, else its name as written."""
    known = frame["gene_id"].fillna(frame["gene"])
    return ("=" + known).fillna("?" + frame["gene_source"]).fillna("")


def _one_transcript(
    source: Source, frame: pd.DataFrame, files: Sequence[RecordFile], dropped: Dropped
) -> pd.DataFrame:
    rank = pd.DataFrame(
        {
            "gene": _identity(frame),
            "mane": ~frame["mane_select"].fillna(False).astype(bool),
            "canonical": ~frame["canonical"].fillna(False).astype(bool),
            "ensembl": ~frame["transcript"].fillna("").str.startswith("ENST"),
            "row": frame[SOURCE_ROW],
        }
    ).sort_values(["gene", "mane", "canonical", "ensembl", "row"], kind="stable")
    one = frame.loc[rank.index[~rank["gene"].duplicated()]]
    dropped["other_transcript"] += len(frame) - len(one)
    return one


def _first_of_gene(
    source: Source, frame: pd.DataFrame, files: Sequence[RecordFile], dropped: Dropped
) -> pd.DataFrame:
    one = frame[~_identity(frame).duplicated()]
    dropped["duplicate_gene"] += len(frame) - len(one)
    return one


def _best_validity(
    source: Source, frame: pd.DataFrame, files: Sequence[RecordFile], dropped: Dropped
) -> pd.DataFrame:
    rule = frame["gene_source"].fillna("").str.match(r"\++$")
    dropped["separator_line"] += int(rule.sum())
    frame = frame[~rule]
    empty = frame["classification"].isna()
    dropped["no_classification"] += int(empty.sum())
    frame = frame[~empty]
    words = {text: validity_word(text) for text in sorted(set(frame["classification"]))}
    unknown = [text for text, word in words.items() if word is None]
    if unknown:
        expected = "a word of ClinGen's or GenCC's"
        raise InputError(
            [
                Problem(
                    files[0].path, None, "classification", visible(text), expected, nearest(text, VALIDITY)
                )
                for text in unknown
            ]
        )
    frame = frame.assign(
        classification=pd.array([words[text] for text in frame["classification"]], dtype="string"),
        inheritance=pd.array(
            [inheritance_word(_text(text)) or _text(text) for text in frame["inheritance"]], dtype="string"
        ),
        classified_on=frame["classified_on"].str.slice(0, 10),
    )
    disease = frame["disease_id"].fillna(frame["disease"]).fillna("")
    key = pd.DataFrame({"g": _identity(frame), "d": disease, "i": frame["inheritance"].fillna("")})
    order = frame.assign(
        rank=[VALIDITY.index(word) for word in frame["classification"]],
        submissions=key.groupby(["g", "d", "i"])["g"].transform("size").astype("Int64"),
    ).sort_values(["rank", SOURCE_ROW], kind="stable")
    one = order[~key.loc[order.index].duplicated()]
    dropped["weaker_or_repeated_classification"] += len(frame) - len(one)
    return one.drop(columns="rank")


def _combined(
    source: Source, frame: pd.DataFrame, files: Sequence[RecordFile], dropped: Dropped
) -> pd.DataFrame:
    frame = frame.assign(identity=_identity(frame)).sort_values(["identity", SOURCE_ROW], kind="stable")
    types = [(c.name, ARROW_TYPES[c.type]) for c in source.columns]
    texts = [(n, pa.string()) for n in ("identity", *GENE_FIELDS)]
    schema = pa.schema([*texts, *types, (SOURCE_ROW, pa.int64())])
    table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    one = one_row_each(table, ["identity"], source.columns)
    dropped["combined_into_one_row_of_the_gene"] += len(table) - len(one)
    return one.to_pandas(types_mapper=_PANDAS.get)


def to_table(source: Source, frame: pd.DataFrame) -> pa.Table:
    """The rows as the table of the store."""
    schema = gene_table_schema(source)
    return pa.Table.from_pandas(
        frame.reindex(columns=schema.names), schema=schema, preserve_index=False
    ).replace_schema_metadata(None)
