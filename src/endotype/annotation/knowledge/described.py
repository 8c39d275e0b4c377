"""Tables by allele, position or region: scores, hotspots, domains, repeats, and whatever a user describes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from endotype.annotation.knowledge.records import SOURCE_ROW, VCF_FIELDS, RecordFile, open_records
from endotype.annotation.knowledge.values import typed
from endotype.annotation.knowledge.vcf_alleles import Alleles
from endotype.cohort.assembly import canonical_assembly
from endotype.cohort.knowledge_kinds import (
    CHROM_OF_ASSEMBLY,
    KEY_COLUMNS,
    KINDS,
    POSITION_OF_ASSEMBLY,
    Column,
)
from endotype.cohort.knowledge_sources import Source
from endotype.errors import InputError, Problem, nearest, visible

PLACES = {
    "allele": ("chrom", "pos", "ref", "alt"),
    "position": ("chrom", "pos"),
    "region": ("chrom", "start", "end"),
}
_BED = ("chrom", "start", "end", "name", "score", "strand")
_VCF_KEYS = {"chrom": "CHROM", "pos": "POS", "ref": "REF", "alt": "ALT"}


def open_source(source: Source, path: str, assembly: str) -> RecordFile:
    """Open one file of a source and check that it has the columns that are needed.

    Raises:
        InputError: no such file or not whole; columns that are missing, each with the nearest that is there.
    """
    kind = KINDS[source.kind]
    expected = kind.label if source.kind != "table" else "a table, VCF or JSON"
    if source.key == "region" and path.endswith((".bed", ".bed.gz", ".bed.bgz")):
        return open_records(path, lambda _: False, expected, _BED)

    def is_header(cells: Sequence[str]) -> bool:
        return all(_choice(names, cells) for names in _needed(source, assembly).values())

    try:
        file = open_records(path, is_header, expected)
    except InputError as error:
        if not error.problems[0].found.startswith("no header line"):
            raise
        raise InputError(_missing(source, path, assembly, error)) from None
    if file.form == "vcf":
        wanted = {c.name: c.names for c in source.columns if c.required}
        missing = [names for names in wanted.values() if not _choice(names, file.columns)]
        if missing:
            raise InputError(
                [
                    Problem(path, None, f"INFO/{names[0]}", "a header without it", f"INFO/{names[0]}")
                    for names in missing
                ]
            )
    return file


def _choice(names: Sequence[str], columns: Sequence[str]) -> str | None:
    return next((name for name in names if name in columns), None)


def key_choices(source: Source, assembly: str) -> dict[str, tuple[str, ...]]:
    """For each column of the key of a place, the names that a file may have for it."""
    own = dict(source.key_names)
    known = canonical_assembly(source.assembly or assembly) or ""
    choices: dict[str, tuple[str, ...]] = {}
    for name in PLACES.get(source.key, ()):
        if name in own:
            choices[name] = (own[name],)
        elif name == "pos":
            other = {n for a, names in POSITION_OF_ASSEMBLY.items() if a != known for n in names}
            general = tuple(n for n in KEY_COLUMNS["pos"] if n not in other or not known)
            choices[name] = (*POSITION_OF_ASSEMBLY.get(known, ()), *general)
        elif name == "chrom":
            choices[name] = (*CHROM_OF_ASSEMBLY.get(known, ()), *KEY_COLUMNS["chrom"])
        else:
            choices[name] = KEY_COLUMNS[name]
    return choices


def _needed(source: Source, assembly: str) -> dict[str, tuple[str, ...]]:
    """Every column without which a file can't be used: name here -> names in files."""
    needed = dict(key_choices(source, assembly))
    if source.key == "gene":
        own = dict(source.key_names)
        names = [own[n] for n in ("gene", "gene_key") if n in own]
        if source.kind == "civic":
            names = []
        elif not names:
            names = [*KEY_COLUMNS["gene"], *KEY_COLUMNS["gene_key"]]
        if names:
            needed["gene"] = tuple(names)
    needed |= {column.name: column.names for column in source.columns if column.required}
    if source.columns and not any(c.required for c in source.columns):
        # At least one of the columns, or the file is of another kind.
        needed["a value"] = tuple(name for column in source.columns for name in column.names)
    return needed


def _missing(source: Source, path: str, assembly: str, error: InputError) -> list[Problem]:
    """Which of the needed columns the header line lacks, with what is there instead."""
    from endotype.tables import read_text_table

    try:
        header = [str(name) for name in read_text_table(path).rows.columns]
    except InputError:
        return error.problems
    problems = []
    for name, names in _needed(source, assembly).items():
        if not _choice(names, header):
            near = nearest(names[0], header)
            problems.append(
                Problem(
                    path,
                    1,
                    name,
                    f"the columns {visible(', '.join(header))}",
                    "a column " + " or ".join(names[:4]),
                    f"did you mean {near}? say so: columns: {{{name}: {{from: {near}}}}}" if near else "",
                )
            )
    return problems or error.problems


def place_batches(source: Source, file: RecordFile, assembly: str) -> Iterator[pa.Table]:
    """Rows of a table by allele, position or region: its key as text, its columns typed, ``source_row``.

    Starts of BED files are counted from 0 there and from 1 here.

    Raises:
        InputError: a cell that isn't of its column's type.
    """
    if file.form == "vcf":
        yield from _vcf_rows(source, file)
        return
    bed = file.header_line <= 0 and file.form == "delimited"
    choices = key_choices(source, assembly)
    keys = {name: name if bed else _choice(names, file.columns) for name, names in choices.items()}
    columns = [(c, name) for c in source.columns if (name := _choice(c.names, file.columns))]
    wanted = [name for name in keys.values() if name] + [name for _, name in columns]
    for batch in file.batches(wanted):
        rows = batch[SOURCE_ROW].combine_chunks()
        table = {name: batch[of].combine_chunks() for name, of in keys.items() if of}
        if bed:
            table["start"] = _one_based(table["start"])
        yield pa.table(table | _values(source, file, dict(columns), batch, rows) | {SOURCE_ROW: rows})


def _one_based(start: pa.Array) -> pa.Array:
    whole = pc.fill_null(pc.match_substring_regex(start, r"^\d{1,10}$"), False)
    shifted = pc.cast(pc.add(pc.cast(pc.if_else(whole, start, "0"), pa.int64()), 1), pa.string())
    return pc.if_else(whole, shifted, start)


def _values(
    source: Source, file: RecordFile, names: dict[Column, str], batch: pa.Table, rows: pa.Array
) -> dict[str, pa.Array]:
    """Every column of a source, typed; one that the file doesn't have is null."""
    values = {}
    for column in source.columns:
        name = names.get(column)
        text = batch[name].combine_chunks() if name else pa.nulls(len(batch), pa.string())
        values[column.name] = typed(text, column, file.path, rows)
    return values


def _vcf_rows(source: Source, file: RecordFile) -> Iterator[pa.Table]:
    splice = source.kind == "spliceai"
    tags = list(dict.fromkeys(n for c in source.columns if (n := _choice(c.names, file.columns))))
    for batch in file.batches(["CHROM", "POS", "REF", "ALT", *tags]):
        alleles = Alleles(batch["ALT"].combine_chunks())
        rows = alleles.whole(batch[SOURCE_ROW].combine_chunks())
        table = {
            "chrom": alleles.whole(batch["CHROM"].combine_chunks()),
            "pos": alleles.whole(batch["POS"].combine_chunks()),
        }
        if source.key == "allele":
            table |= {"ref": alleles.whole(batch["REF"].combine_chunks()), "alt": alleles.alt}
        if splice:
            table |= splice_scores(alleles, batch[tags[0]].combine_chunks())
        else:
            for column in source.columns:
                name = _choice(column.names, file.columns)
                if name is None:
                    text = pa.nulls(alleles.n, pa.string())
                elif name in VCF_FIELDS:
                    text = alleles.whole(batch[name].combine_chunks())
                else:
                    text = alleles.by_number(batch[name].combine_chunks(), file.numbers[name])
                table[column.name] = typed(text, column, file.path, rows)
        yield pa.table(table | {SOURCE_ROW: rows})


_EFFECTS = ("acceptor_gain", "acceptor_loss", "donor_gain", "donor_loss")


def splice_scores(alleles: Alleles, text: pa.Array) -> dict[str, pa.Array]:
    """SpliceAI's annotation as one score per allele: the highest of its four changes over all genes.

    Entries are ``ALLELE|SYMBOL|DS_AG|DS_AL|DS_DG|DS_DL|DP_AG|DP_AL|DP_DG|DP_DL``, joined by commas, in no
    order of the alleles: each says which it is of. An entry without scores leaves the score null.

    Returns:
        ``spliceai`` (0 to 1), ``spliceai_effect`` (which change it is: ``acceptor_gain`` and so on, with its
        place in bases from the variant, ``donor_loss:-2``) and ``spliceai_gene``.
    """
    cells = text.to_pylist()
    alts = alleles.alt.to_pylist()
    scores = np.full(alleles.n, np.nan)
    effects: list[str | None] = [None] * alleles.n
    genes: list[str | None] = [None] * alleles.n
    for i, (record, alt) in enumerate(zip(alleles.record.tolist(), alts, strict=True)):
        for entry in (cells[record] or "").split(","):
            parts = entry.split("|")
            if len(parts) < 6 or parts[0].upper() != (alt or "").upper():
                continue
            for k, cell in enumerate(parts[2:6]):
                try:
                    score = float(cell)
                except ValueError:
                    continue
                if 0 <= score <= 1 and not scores[i] >= score:
                    scores[i] = score
                    at = parts[6 + k] if len(parts) == 10 else "."
                    effects[i] = _EFFECTS[k] if at in (".", "") else f"{_EFFECTS[k]}:{at}"
                    genes[i] = parts[1] or None
    return {
        "spliceai": pa.array(scores, pa.float64(), from_pandas=True),
        "spliceai_effect": pa.array(effects, pa.string()),
        "spliceai_gene": pa.array(genes, pa.string()),
    }
