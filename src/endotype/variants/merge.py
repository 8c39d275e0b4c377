"""The shards' results as one: genotype store, QC table, rejects, and the flow of all records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from endotype.files import read_json, write_json
from endotype.tables import read_tsv, write_arrow, write_parquet, write_tsv
from endotype.variants.normalise import REJECT_COLUMNS
from endotype.variants.pack import READ_COLUMNS, bim_table
from endotype.variants.plink import StoreWriter, open_store


def merge_shards(shards: Sequence[tuple[str, str]], out_dir: str | Path) -> None:
    """Join shards in genome order.

    Args:
        shards: (prefix of the packed shard, stem of ``.rejects.tsv`` and ``.counts.json``), in genome order.
        out_dir: gets ``genotypes.bed/.bim/.fam``, ``variant_qc.parquet``, ``reads.parquet``, ``rejects.tsv``
            and ``flow.json``.

    Raises:
        ValueError: shards disagree on the people, or counts do not add up. Either is a fault of ours.
    """
    out = Path(out_dir)
    prefixes = [prefix for prefix, _ in shards]
    variant_qc = pa.concat_tables([pq.read_table(f"{p}.qc.parquet") for p in prefixes])
    qc = variant_qc.to_pandas()
    people = open_store(prefixes[0]).people
    with StoreWriter(out / "genotypes", people) as writer:
        for prefix in prefixes:
            store = open_store(prefix)
            if list(store.people["iid"]) != list(people["iid"]):
                raise ValueError(f"{prefix}.fam holds other people than {prefixes[0]}.fam")
            for block in store.blocks(4096):
                writer.append(store.packed[block])
        writer.finish(bim_table(qc))
    write_arrow(variant_qc, out / "variant_qc.parquet")
    _write_reads(prefixes, out / "reads.parquet")
    rejects = pd.concat([read_tsv(f"{stem}.rejects.tsv") for _, stem in shards], ignore_index=True)
    write_tsv(rejects[REJECT_COLUMNS], out / "rejects.tsv")
    write_json(out / "flow.json", flow([read_json(f"{stem}.counts.json") for _, stem in shards], qc))


def flow(counts: Sequence[dict], variant_qc: pd.DataFrame) -> dict:
    """How many records and alleles came in, and where each allele went.

    Raises:
        ValueError: an allele is not accounted for.
    """
    rejected: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for shard in counts:
        rejected.update(shard["rejected"])
        total.update({key: value for key, value in shard.items() if key != "rejected"})
    out = total["alleles_in"] - rejected.total() - total["duplicates_merged"] - total["joined_across_files"]
    if not out == total["variants_out"] == len(variant_qc):
        raise ValueError(
            f"{total['alleles_in']} alleles came in, {out} should have come out, "
            f"{total['variants_out']} did, and the QC table has {len(variant_qc)} rows"
        )
    left_out = variant_qc.loc[~variant_qc["kept"], "reason"].value_counts()
    return {
        "records_in": total["records_in"],
        "multiallelic_records": total["multiallelic_records"],
        "alleles_in": total["alleles_in"],
        "alleles_rejected": dict(sorted(rejected.items())),
        "alleles_left_aligned": total["left_aligned"],
        "duplicates_merged": total["duplicates_merged"],
        "genotypes_in_conflict": total["genotypes_in_conflict"],
        "joined_across_files": total["joined_across_files"],
        "variants_normalised": total["variants_out"],
        "variants_filtered": {str(k): int(v) for k, v in sorted(left_out.items())},
        "variants_kept": int(variant_qc["kept"].sum()),
        "genotypes_masked": int(variant_qc["n_genotypes_masked"].sum()),
    }


def _write_reads(prefixes: Sequence[str], path: Path) -> None:
    """Per-person sums over all shards, added in genome order."""
    first, *rest = (pq.read_table(f"{p}.reads.parquet").to_pandas() for p in prefixes)
    for table in rest:
        first[READ_COLUMNS] += table[READ_COLUMNS]
    write_parquet(first, path)
