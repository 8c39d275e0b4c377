"""Which rows of a sorted table are alleles of a block, against a dictionary."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from endotype.annotation.allele_join import allele_hits

ALLELE = st.tuples(st.integers(1, 8), st.sampled_from(["A", "C", "AT"]), st.sampled_from(["G", "T", "TTT"]))
SOURCE = st.lists(st.tuples(st.sampled_from(["1", "10", "2"]), ALLELE), unique=True, max_size=40)


def write_source(path: Path, rows: list, group: int) -> None:
    order = sorted(rows, key=lambda r: (["1", "10", "2"].index(r[0]), r[1]))
    table = {
        "chrom": [c for c, _ in order],
        "pos": pa.array([a[0] for _, a in order], pa.int64()),
        "ref": [a[1] for _, a in order],
        "alt": [a[2] for _, a in order],
        "word": pa.array([None if i % 3 == 0 else f"w{i % 2}" for i in range(len(order))], pa.string()),
        "source_row": pa.array(range(1, len(order) + 1), pa.int64()),
    }
    types = {"chrom": pa.string(), "ref": pa.string(), "alt": pa.string()}
    columns = {n: pa.array(v, types[n]) if n in types else v for n, v in table.items()}
    pq.write_table(pa.table(columns), path, row_group_size=group)


@given(SOURCE, st.lists(ALLELE, max_size=15), st.sampled_from(["1", "10", "2", None]), st.integers(1, 12))
def test_the_hits_are_those_of_a_dictionary(source, variants, contig, group):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.parquet")
        write_source(path, source, group)
        block_rows = sorted(variants)
        block = pa.table(
            {
                "nth": pa.array(range(7, 7 + len(block_rows)), pa.int64()),
                "pos": pa.array([v[0] for v in block_rows], pa.int64()),
                "ref": pa.array([v[1] for v in block_rows], pa.string()),
                "alt": pa.array([v[2] for v in block_rows], pa.string()),
            }
        )
        stored = pq.read_table(path).to_pylist()
        known = {(r["pos"], r["ref"], r["alt"]): r for r in stored if r["chrom"] == contig}
        expected = [
            {"nth": 7 + i, "word": known[v]["word"], "source_row": known[v]["source_row"]}
            for i, v in enumerate(block_rows)
            if v in known
        ]
        found = allele_hits(path, contig, block)
        assert found.schema.names == ["nth", "word", "source_row"]
        key = lambda row: (row["nth"], row["source_row"])  # noqa: E731
        assert sorted(found.to_pylist(), key=key) == sorted(expected, key=key)
        rows = found["source_row"].to_pylist()
        assert rows == sorted(rows)


def test_a_block_of_one_chunk_or_several_gives_the_same(tmp_path):
    write_source(tmp_path / "s.parquet", [("1", (p, "A", "G")) for p in range(1, 9)], 3)
    columns = {"nth": [0, 1], "pos": [2, 7], "ref": ["A", "A"], "alt": ["G", "G"]}
    one = pa.table(columns)
    several = pa.concat_tables([one.slice(0, 1), one.slice(1)])
    hits = [allele_hits(tmp_path / "s.parquet", "1", block) for block in (one, several)]
    assert hits[0].equals(hits[1])
    assert hits[0]["source_row"].to_pylist() == [2, 7]
