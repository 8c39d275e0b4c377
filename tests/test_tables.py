"""Text tables are read as text; tables are written the same way every time."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.errors import InputError
from endotype.tables import read_parquet, read_text_table, spreadsheet_safe, write_parquet, write_tsv


def table(tmp_path, content: bytes):
    path = tmp_path / "table.tsv"
    path.write_bytes(content)
    return read_text_table(path)


def test_words_that_look_like_values_stay_words(tmp_path):
    rows = table(tmp_path, b"id\tvalue\nNA\t001\nnull\t1e5\n").rows
    assert rows["id"].tolist() == ["NA", "null"]
    assert rows["value"].tolist() == ["001", "1e5"]


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    content = f"id{delimiter}value\na{delimiter}1\n".encode()
    assert table(tmp_path, content).rows.to_dict("list") == {"id": ["a"], "value": ["1"]}


def test_byte_order_mark_and_windows_line_ends(tmp_path):
    read = table(tmp_path, b"\xef\xbb\xbfid\tvalue\r\na\t1\r\n")
    assert read.rows.to_dict("list") == {"id": ["a"], "value": ["1"]}


def test_rows_know_their_line_also_after_blank_and_multi_line_ones(tmp_path):
    read = table(tmp_path, b'## made by hand\nid\tnote\na\t"two\nlines"\n\nb\tx\n')
    assert read.rows.index.tolist() == [3, 6]


def test_ragged_rows_are_listed_and_not_read(tmp_path):
    read = table(tmp_path, b"id\tvalue\na\t1\t2\nb\t2\nc\n")
    assert read.rows["id"].tolist() == ["b"]
    assert read.ragged == ((2, 3), (4, 1))


def test_a_column_name_that_occurs_twice_is_listed(tmp_path):
    assert table(tmp_path, b"id\tx\tx\na\t1\t2\n").duplicate_columns == ("x",)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"id\tv\n\xff\t1\n", b"id\tv\na\0\t1\n"])
def test_what_is_no_table_is_an_input_error(tmp_path, content):
    with pytest.raises(InputError):
        table(tmp_path, content)


def test_a_missing_table_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_text_table(tmp_path / "absent.tsv")


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-x", "@SUM", "\tx", "\rx"])
def test_formulas_are_disarmed(cell):
    assert spreadsheet_safe(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["-1.5", "+3", "abc", "", None, -2.5])
def test_numbers_and_plain_text_stay(cell):
    assert spreadsheet_safe(cell) == cell


@given(st.lists(st.tuples(st.text(max_size=5), st.floats(allow_nan=False) | st.none()), max_size=5))
def test_parquet_gives_back_what_was_written_and_the_same_bytes(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("parquet")
    frame = pd.DataFrame(rows, columns=["text", "number"]).astype({"text": "str", "number": "float64"})
    write_parquet(frame, folder / "a.parquet", {"k": "v"})
    write_parquet(frame, folder / "b.parquet", {"k": "v"})
    assert (folder / "a.parquet").read_bytes() == (folder / "b.parquet").read_bytes()
    pd.testing.assert_frame_equal(read_parquet(folder / "a.parquet"), frame)


def test_tsv_writes_missing_as_empty(tmp_path):
    write_tsv(pd.DataFrame({"a": [1.5, None], "b": ["=x", None]}), tmp_path / "t.tsv")
    assert (tmp_path / "t.tsv").read_text() == "a\tb\n1.5\t'=x\n\t\n"
