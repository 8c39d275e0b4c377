"""Results written in blocks: the rows of a scan in memory, the same bytes for any block, and no half file."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endotype.association import result_stream
from endotype.association.result_stream import (
    ResultWriter,
    line_offsets,
    read_packed,
    read_sites,
    stream_result,
)
from endotype.association.scan import VARIANT_SCHEMA, ScanOptions, plan_scan, scan
from endotype.engine import LocalEngine, spans_of
from endotype.errors import InputError
from tests.association.builders import covariate_set, make_design, make_store, random_dosages

N, M = 150, 90


@pytest.fixture
def study(tmp_path):
    """A store and a design with one trait of each kind and one more that goes with the first."""
    rng = np.random.default_rng(3)
    store = make_store(tmp_path / "g", random_dosages(rng, M, N, 0.03))
    traits = {
        "qt": ("linear", rng.normal(size=N)),
        "bt": ("logistic", rng.integers(0, 2, N)),
        "surv": (
            "cox",
            (1 + rng.integers(0, 9, N), rng.random(N) < 0.9, rng.random(N)),
        ),  # few without the event
        "qt2": ("linear", rng.normal(size=N)),
    }
    return store, make_design(traits, covariate_set(rng, N), N), list(traits)


def stream(study, folder, name, names=None, variants=slice(0, M), block=2048, threads=1):
    store, design, traits = study
    plan = plan_scan(store, design, names or traits, ScanOptions("score"))
    stream_result(
        folder / "g", N, [(variants, plan)], len(plan.models), VARIANT_SCHEMA, folder / name,
        engine=LocalEngine(threads), block=block,
    )  # fmt: skip
    return folder / name


def test_rows_are_those_of_the_scan_in_memory(study, tmp_path):
    store, design, traits = study
    found = pq.read_table(stream(study, tmp_path, "o.parquet", block=13))
    assert found.schema.equals(VARIANT_SCHEMA)
    expected = scan(store, design, traits, slice(0, M), ScanOptions("score")).to_pandas()
    assert set(expected["status"]) >= {"OK", "TOO_RARE"}
    pd.testing.assert_frame_equal(found.to_pandas(), expected)


@pytest.mark.parametrize("name", ["o.parquet", "o.tsv", "o.tsv.gz"])
def test_no_byte_depends_on_the_block_or_the_threads(study, tmp_path, monkeypatch, name):
    monkeypatch.setattr(result_stream, "ROW_GROUP", 32)
    whole = stream(study, tmp_path, name).read_bytes()
    for block, threads in ((1, 1), (7, 8), (32, 2), (50, 1)):
        again = stream(study, tmp_path, "again-" + name, block=block, threads=threads)
        assert again.read_bytes() == whole
    if name.endswith(".gz"):
        assert whole[3:8] == bytes(5)
        whole = gzip.decompress(whole)
    if ".tsv" in name:
        lines = whole.decode().splitlines()
        assert lines[0].split("\t") == VARIANT_SCHEMA.names
        assert len(lines) == 1 + 4 * M
    else:
        sizes = pq.ParquetFile(tmp_path / name).metadata
        assert [sizes.row_group(i).num_rows for i in range(sizes.num_row_groups)] == [32] * 11 + [8]


def test_shards_put_together_are_the_whole(study, tmp_path):
    whole = pq.read_table(stream(study, tmp_path, "o.parquet", ["qt"]))
    parts = [
        pq.read_table(stream(study, tmp_path, f"{a}.parquet", ["qt"], slice(a, b)))
        for a, b in ((0, 11), (11, 64), (64, M))
    ]
    assert pa.concat_tables(parts).combine_chunks().equals(whole.combine_chunks())


def test_an_error_in_a_thread_ends_the_scan_without_a_file(study, tmp_path):
    bim = tmp_path / "g.bim"
    lines = bim.read_text().splitlines()
    bim.write_text(
        "\n".join([*lines[:60], lines[60].replace("\t", "\t\t", 1).replace("A", ""), *lines[61:]]) + "\n"
    )
    for threads in (1, 3):
        with pytest.raises(InputError, match="columns"):
            stream(study, tmp_path, "o.parquet", block=9, threads=threads)
        assert not (tmp_path / "o.parquet").exists()


def test_no_variants_give_a_table_with_all_columns(study, tmp_path):
    table = pq.read_table(stream(study, tmp_path, "o.parquet", variants=slice(4, 4)))
    assert table.num_rows == 0
    assert table.schema.equals(VARIANT_SCHEMA)


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    out = tmp_path / "o.parquet"
    out.write_bytes(b"old")
    schema = pa.schema([("x", pa.int64())])

    def fail() -> None:
        with ResultWriter(out, schema, 3) as writer:
            writer.append(2, pa.table({"x": [1]}))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert out.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["o.parquet"]
    with ResultWriter(out, schema, 3) as writer:
        writer.append(2, pa.table({"x": [3]}))
        writer.append(0, pa.table({"x": [1]}))
        writer.append(1, pa.table({"x": [2]}))
        writer.append(0, pa.table({"x": [1]}))
    assert pq.read_table(out)["x"].to_pylist() == [1, 1, 2, 3]
    assert [p.name for p in tmp_path.iterdir()] == ["o.parquet"]


def test_a_quotation_mark_in_an_id_is_an_error_in_text_and_none_in_parquet(tmp_path):
    schema = pa.schema([("id", pa.string())])
    rows = pa.table({"id": ['a"b', "=cmd()"]})
    with (
        pytest.raises(InputError, match="quotation mark"),
        ResultWriter(tmp_path / "o.tsv", schema, 1) as writer,
    ):
        writer.append(0, rows)
    assert not list(tmp_path.iterdir())
    with ResultWriter(tmp_path / "o.parquet", schema, 1) as writer:
        writer.append(0, rows)
    assert pq.read_table(tmp_path / "o.parquet").equals(rows)
    with pytest.raises(InputError, match=r"tsv\.gz"):
        ResultWriter(tmp_path / "o.csv", schema, 1)


def test_blocks_of_sites_and_genotypes_are_those_of_the_store(study, tmp_path):
    store, *_ = study
    for size in (1, 17, 1000):
        bim, lines = tmp_path / "g.bim", line_offsets(tmp_path / "g.bim", slice(5, 61), size)
        spans = list(spans_of(5, 61, size))
        assert list(lines) == [start for start, _ in spans]
        sites = pa.concat_tables(read_sites(bim, lines[a], a, b) for a, b in spans).to_pandas()
        expected = store.variants.iloc[5:61][["chrom", "id", "pos", "alt", "ref"]].reset_index(drop=True)
        assert sites.to_numpy().tolist() == expected.to_numpy().tolist()
        packed = np.concatenate([read_packed(tmp_path / "g.bed", N, *span) for span in spans])
        np.testing.assert_array_equal(packed, store.packed[5:61])


def test_a_bim_with_blanks_is_read_and_a_broken_one_is_named_by_line(tmp_path):
    bim = tmp_path / "g.bim"
    bim.write_text('1 a 0  10 C A\r\n1\tNA\t0\t20\t"C\tA\n\nX  =1+1 0.5 30 <DEL> NA\n')
    assert line_offsets(bim, slice(1, 3), 1) == {1: 15, 2: 31}  # the second of them after a blank line
    table = read_sites(bim, 0, 0, 3)
    assert table["chrom"].to_pylist() == ["1", "1", "X"]
    assert table["pos"].to_pylist() == [10, 20, 30]
    assert table["alt"].to_pylist() == ["C", '"C', "<DEL>"]
    assert table["id"].to_pylist() == ["a", "NA", "=1+1"]
    assert table["ref"].to_pylist() == ["A", "A", "NA"]
    for text, message in (
        ("1\ta\t0\t10\tC\tA\n1\tb\t0\tten\tC\tA\n", "ten"),
        ("1\ta\t0\t10\tC\tA\n1\tb\t0\t20\tC\n", "5 columns"),
        ("1\ta\t0\t10\tC\tA\n", "1 lines"),
    ):
        bim.write_text(text)
        with pytest.raises(InputError, match=message):
            read_sites(bim, line_offsets(bim, slice(0, 2))[0], 0, 2)
