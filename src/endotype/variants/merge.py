"""The shards' results as one: genotype store, QC table, rejects, and the flow of all records."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from endotype import bcftools
from endotype.errors import InputError, Problem
from endotype.files import atomic_path, read_json, write_json
from endotype.tables import read_tsv, write_arrow, write_parquet, write_tsv
from endotype.variants.ingest import PreparedInput, read_input
from endotype.variants.normalise import REJECT_COLUMNS
from endotype.variants.pack import (
    MONOMORPHIC_COLUMNS,
    READ_COLUMNS,
    bim_table,
    fam_table,
    no_variants,
    reads_table,
)
from endotype.variants.plink import StoreWriter, open_store


def merge_shards(shards: Sequence[str], inputs: Sequence[str | Path], out_dir: str | Path) -> None:
    """Join shards in genome order. Of a cohort without germline calls there is none: the store is empty.

    Args:
        shards: prefixes of normalised and packed shards, in genome order.
        inputs: folders of the files they were read from.
        out_dir: gets ``genotypes.bed/.bim/.fam``, ``structural.bcf``, ``variant_qc.parquet``,
            ``reads.parquet``, ``rejects.tsv`` and ``flow.json``.

    Raises:
        InputError: a file has another number of records than its index says.
        ValueError: shards disagree on the people, or counts do not add up. Either is a fault of ours.
    """
    out = Path(out_dir)
    prepared = [read_input(folder) for folder in inputs]
    counts = [read_json(f"{prefix}.counts.json") for prefix in shards]
    check_all_read(prepared, counts)
    tables = [pq.read_table(f"{prefix}.qc.parquet") for prefix in shards]
    variant_qc = pa.concat_tables(tables or [no_variants().replace_schema_metadata(None)])
    qc = variant_qc.to_pandas()
    people = open_store(shards[0]).people if shards else fam_table([], [])
    with StoreWriter(out / "genotypes", people) as writer:
        for prefix in shards:
            store = open_store(prefix)
            if list(store.people["iid"]) != list(people["iid"]):
                raise ValueError(f"{prefix}.fam holds other people than {shards[0]}.fam")
            for block in store.blocks(4096):
                writer.append(store.packed[block])
        writer.finish(bim_table(qc))
    write_arrow(variant_qc, out / "variant_qc.parquet")
    _write_reads(shards, counts, out / "reads.parquet")
    _write_structural(shards, out / "structural.bcf")
    rejects = [pd.DataFrame(columns=REJECT_COLUMNS)]
    rejects += [read_tsv(f"{prefix}.rejects.tsv") for prefix in shards]
    rejects += [read_tsv(Path(folder, "outside.tsv")) for folder in inputs]
    write_tsv(pd.concat(rejects, ignore_index=True)[REJECT_COLUMNS], out / "rejects.tsv")
    write_json(out / "flow.json", flow(counts, [one.outside for one in prepared], qc))


def check_all_read(inputs: Sequence[PreparedInput], counts: Sequence[Mapping]) -> None:
    """See that the shards have read as many records as the indexes of the files count.

    Raises:
        InputError: they have not: an index belongs to another version of its file.
    """
    if any(one.n_records is None for one in inputs):
        return
    expected = sum(sum((one.n_records or {}).values()) for one in inputs)
    read = sum(shard["records_in"] for shard in counts) + sum(one.outside["records"] for one in inputs)
    if read != expected:
        raise InputError(
            Problem(
                ", ".join(one.name for one in inputs[:3]) + (", ..." if len(inputs) > 3 else ""),
                None,
                "",
                f"{read} records by place in the genome",
                f"{expected} records, as the index counts them",
                "the index doesn't belong to the file: delete it, and it is made again",
            )
        )


def flow(counts: Sequence[Mapping], outside: Sequence[Mapping[str, int]], variant_qc: pd.DataFrame) -> dict:
    """How many records and alleles came in, and where each allele went.

    Args:
        counts: of the shards.
        outside: records and alleles of each file on contigs that the reference doesn't have.

    Raises:
        ValueError: an allele is not accounted for.
    """
    rejected: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for shard in counts:
        rejected.update(shard["rejected"])
        total.update({key: value for key, value in shard.items() if key != "rejected"})
    strange = Counter[str]()
    for one in outside:
        strange.update(one)
    elsewhere = ("structural", "monomorphic", "reference_blocks", "duplicates_merged", "joined_across_files")
    out = total["alleles_in"] - rejected.total() - sum(total[key] for key in elsewhere)
    if not out == total["variants_out"] == len(variant_qc):
        raise ValueError(
            f"{total['alleles_in']} alleles came in, {out} should have come out, "
            f"{total['variants_out']} did, and the QC table has {len(variant_qc)} rows"
        )
    left_out = variant_qc.loc[~variant_qc["kept"], "reason"].value_counts()
    return {
        "records_in": total["records_in"] + strange["records"],
        "multiallelic_records": total["multiallelic_records"],
        "alleles_in": total["alleles_in"] + strange["alleles"],
        "outside_reference": strange["alleles"],
        "alleles_rejected": dict(sorted(rejected.items())),
        "structural": total["structural"],
        "monomorphic": total["monomorphic"],
        "reference_blocks": total["reference_blocks"],
        "alleles_left_aligned": total["left_aligned"],
        "duplicates_merged": total["duplicates_merged"],
        "genotypes_in_conflict": total["genotypes_in_conflict"],
        "joined_across_files": total["joined_across_files"],
        "info_fields_dropped": total["info_fields_dropped"],
        "half_calls": total["half_calls"],
        "filled_from_blocks": total["filled_from_blocks"],
        "variants_normalised": total["variants_out"],
        "variants_filtered": {str(k): int(v) for k, v in sorted(left_out.items())},
        "variants_kept": int(variant_qc["kept"].sum()),
        "genotypes_masked": {
            "quality": int(variant_qc["n_masked_quality"].sum()),
            "depth": int(variant_qc["n_masked_depth"].sum()),
            "balance": int(variant_qc["n_masked_balance"].sum()),
            "ploidy": total["calls_of_other_ploidy"],
        },
    }


def _write_reads(shards: Sequence[str], counts: Sequence[Mapping], path: Path) -> None:
    """Per-person sums over all shards, added in genome order."""
    nobody = reads_table([], np.empty((0, len(READ_COLUMNS)), np.int64))
    total = pq.read_table(f"{shards[0]}.reads.parquet").to_pandas() if shards else nobody
    total[MONOMORPHIC_COLUMNS] = 0
    total["n_monomorphic"] = sum(shard["monomorphic"] for shard in counts)
    for number, prefix in enumerate(shards):
        if number:
            total[READ_COLUMNS] += pq.read_table(f"{prefix}.reads.parquet", columns=READ_COLUMNS).to_pandas()
        called = pq.read_table(f"{prefix}.monomorphic.parquet").to_pandas()
        total["n_monomorphic_called"] += called["n_called"]
    write_parquet(total, path)


def _write_structural(shards: Sequence[str], out: Path) -> None:
    """The structural records of all shards as one BCF with its index."""
    with (
        tempfile.NamedTemporaryFile("w", suffix=".txt") as names,
        atomic_path(out) as final,
        atomic_path(f"{out}.csi") as index,
    ):
        if shards:
            names.write("".join(f"{prefix}.structural.bcf\n" for prefix in shards))
            names.flush()
            bcftools.run("concat", "--no-version", "-f", names.name, "-Ob1", "-o", str(final))
        else:
            names.write("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
            names.flush()
            bcftools.run("view", "--no-version", names.name, "-Ob1", "-o", str(final))
        bcftools.run("index", "-f", "-c", "-o", str(index), str(final))
