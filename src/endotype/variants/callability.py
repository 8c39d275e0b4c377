"""What part of each gene could have shown a variant: without it, "no variant found" says nothing.

Three things tell which coding bases of a person were seen well enough. For each gene the first one that says
anything about it is used:

1. ``callable``: a BED of callable bases, the laboratory's own verdict;
2. ``gvcf``: the caller's blocks and calls that have the depth and quality the genotype filters ask for;
3. ``alignment``: reads over the base. It knows nothing of how sure a genotype would have been.

A gene of which none of them says anything is *not assessed*, which is neither 0 nor 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from endotype.files import read_json
from endotype.tables import read_parquet
from endotype.variants.callable_sources import (
    BlockTables,
    Genome,
    Limits,
    Measure,
    Place,
    by_alignment,
    by_bed,
    by_blocks,
)
from endotype.variants.coding import Coding, read_coding
from endotype.variants.row_groups import row_group_writer

SCHEMA = pa.schema(
    [
        ("patient", pa.string()),
        ("gene", pa.string()),
        ("gene_id", pa.string()),
        ("n_coding", pa.int64()),
        ("n_callable", pa.int64()),
        ("fraction", pa.float64()),
        ("source", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
    ]
)

ROW_GROUP = 1 << 18
"""Rows of a row group. Several patients share the dictionaries of gene names; one is still found quickly."""

NO_GENES, NO_SOURCE = "no_gene_models", "no_source"


class Sources(NamedTuple):
    """One person's files: BED, BAM or CRAM, tables of gVCF blocks. Empty where there is none."""

    patient: str
    sex: str
    callable: str = ""
    alignment: str = ""
    blocks: tuple[str, ...] = ()


def measure_callability(
    people: str | Path,
    samples: str | Path,
    preflight: str | Path,
    genes: str | Path | None,
    inputs: Sequence[str | Path],
    limits: Limits,
    out: str | Path,
    assembly: str = "unspecified",
    fasta: str | None = None,
    excerpt: bool = False,
    threads: int = 1,
) -> dict[str, int]:
    """Write ``callability.parquet``: one row per patient and gene, or one for a patient without any source.

    Args:
        people: ``cohort/people.parquet``; everybody in it gets rows.
        samples: ``cohort/samples.parquet`` with ``callable`` and ``alignment``.
        preflight: ``cohort/preflight.json``, for the contigs of the run.
        genes: GFF3; without it nothing is assessed.
        inputs: folders of the prepared variant files by their number; that of a gVCF has a
            ``blocks.parquet`` (:func:`endotype.variants.gvcf.write_blocks`).
        limits: of a callable base.
        out: Parquet, by patient then genome order.
        assembly: names the pseudoautosomal regions.
        fasta: of the run; CRAM files need it.
        excerpt: contigs of alignments may be longer than the reference's.
        threads: patients measured at a time. The result is the same for any number.

    Returns:
        How many patients by source; several sources joined by ``+``; ``none``.

    Raises:
        InputError: a file can't be read.
    """
    contigs = {c["name"]: c["length"] for c in read_json(preflight)["contigs"]}
    coding = read_coding(genes, contigs) if genes else None
    genome = Genome(contigs, assembly, excerpt, fasta)
    measurer = Measurer(coding, genome, limits) if coding is not None and len(coding.genes) else None
    everybody = sources_of(read_parquet(people), read_parquet(samples), inputs)
    # Starting processes takes a second; it isn't spent where there is nothing to read.
    threads = min(threads, sum(any(sources[2:]) for sources in everybody))
    used: Counter[str] = Counter()
    with row_group_writer(out, SCHEMA, ROW_GROUP) as append, _measuring(measurer, threads) as measured:
        for table in measured(everybody):
            append(table)
            used["+".join(sorted(set(table["source"].unique().to_pylist()) - {""})) or "none"] += 1
    return dict(sorted(used.items()))


def read_callability(path: str | Path, patient: str, gene_ids: Sequence[str] | None = None) -> pd.DataFrame:
    """The rows of one patient in ``callability.parquet``, of all or some genes."""
    filters: list[tuple[str, str, object]] = [("patient", "=", patient)]
    if gene_ids is not None:
        filters.append(("gene_id", "in", list(gene_ids)))
    return pq.read_table(path, filters=filters).to_pandas()


def sentence(gene: str, status: str, fraction: float | None) -> str:
    """``GENE: 87 % of coding bases callable``, or not assessed; rounded neither up to 100 nor down to 0."""
    if status != "assessed" or fraction is None:
        return f"{gene}: callability not assessed"
    percent = 100 * fraction
    shown = "< 1" if 0 < percent < 1 else "> 99" if 99 < percent < 100 else f"{percent:.0f}"
    return f"{gene}: {shown} % of coding bases callable"


def sources_of(people: pd.DataFrame, samples: pd.DataFrame, inputs: Sequence[str | Path]) -> list[Sources]:
    """The files of every person, by patient."""
    by_patient = dict(list(samples.groupby("patient")))
    blocks = {
        n: str(path) for n, folder in enumerate(inputs) if (path := Path(folder, "blocks.parquet")).is_file()
    }
    found = []
    for patient, sex in sorted(zip(people["patient"], people["sex"], strict=True)):
        rows = by_patient.get(patient, samples.iloc[:0])
        bed, alignment = (next((p for p in rows[c] if p), "") for c in ("callable", "alignment"))
        files = tuple(blocks[n] for n in rows["file"] if n in blocks)
        found.append(Sources(patient, sex, bed, alignment, files))
    return found


class Measurer:
    """Measures one person after another.

    Args:
        coding: where to look; at least one gene.
        genome: contigs of the run.
        limits: of a callable base.
    """

    def __init__(self, coding: Coding, genome: Genome, limits: Limits) -> None:
        self._place = Place(coding, genome)
        self._limits = limits
        self._tables = BlockTables(self._place.unions())
        genes = coding.genes
        self._genes = [pa.array(genes[column], pa.string()) for column in ("gene", "gene_id")]
        self._n_coding = genes["n_coding"].to_numpy(np.int64)

    def __call__(self, sources: Sources) -> pa.Table:
        """The rows of one person: one a gene, or a single one without gene where there is no source."""
        measures = self._measures(sources)
        if not measures:
            return _unassessed(sources, NO_SOURCE)
        n_callable = np.zeros(len(self._n_coding), np.int64)
        source = np.full(len(n_callable), "", object)
        # A gene of which no source says anything has the reason of the first.
        reason = next(iter(measures.values())).reason.copy()
        for name, measure in measures.items():
            chosen = (source == "") & measure.assessed
            n_callable[chosen] = measure.n_callable[chosen]
            source[chosen], reason[chosen] = name, ""
        unknown = source == ""
        return pa.table(
            [
                pa.array([sources.patient] * len(source), pa.string()),
                *self._genes,
                pa.array(self._n_coding, mask=unknown),
                pa.array(n_callable, mask=unknown),
                pa.array(n_callable / self._n_coding, mask=unknown),
                pa.array(source, pa.string()),
                pa.array(np.where(unknown, "not_assessed", "assessed").astype(object), pa.string()),
                pa.array(reason, pa.string()),
            ],
            schema=SCHEMA,
        )

    def _measures(self, sources: Sources) -> dict[str, Measure]:
        """What each source says, the most trusted first."""
        place, limits = self._place, self._limits
        measures: dict[str, Measure] = {}
        if sources.callable:
            measures["callable"] = by_bed(place, sources.callable)
        if (rows := self._tables.of(sources.patient, sources.blocks)) is not None:
            measures["gvcf"] = by_blocks(place, rows, sources.sex, limits)
        # Reading alignments takes long: only where the others are silent.
        silent = ~place.outside
        for measure in measures.values():
            silent &= ~measure.assessed
        if sources.alignment and (silent.any() or not measures):
            measures["alignment"] = by_alignment(place, sources.alignment, sources.sex, limits, silent)
        return measures


@contextmanager
def _measuring(
    measurer: Measurer | None, threads: int
) -> Iterator[Callable[[Sequence[Sources]], Iterable[pa.Table]]]:
    """A function from people to their rows, in order; in this process or over several."""
    if measurer is None:
        yield lambda people: (_unassessed(sources, NO_GENES) for sources in people)
    elif threads <= 1:
        yield partial(map, measurer)
    else:
        context = get_context("spawn")
        with ProcessPoolExecutor(threads, context, initializer=_adopt, initargs=(measurer,)) as pool:
            yield partial(pool.map, _measure)


_adopted: Measurer
"""Of a worker process: what it holds lasts from one person to the next."""


def _adopt(measurer: Measurer) -> None:
    global _adopted
    _adopted = measurer


def _measure(sources: Sources) -> pa.Table:
    return _adopted(sources)


def _unassessed(sources: Sources, reason: str) -> pa.Table:
    """The one row of a person of whom nothing can be said."""
    row: dict[str, str | None] = dict.fromkeys(SCHEMA.names)
    row |= {"patient": sources.patient, "source": "", "status": "not_assessed", "reason": reason}
    return pa.Table.from_pylist([row], schema=SCHEMA)
