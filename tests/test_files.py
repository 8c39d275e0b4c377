"""Whether a file is still the one that was checked."""

from __future__ import annotations

import os

import pytest

from endotype.errors import InputError
from endotype.files import check_unchanged, fingerprint


@pytest.fixture
def large(tmp_path):
    """A file of more than the bytes that are read: 5 MB."""
    path = tmp_path / "x.vcf.gz"
    path.write_bytes(bytes(range(256)) * 20_000)
    return path


def test_a_fingerprint_depends_on_the_content_alone(large):
    before = fingerprint(large)
    os.utime(large, (0, 0))
    copy = large.with_name("copy")
    copy.write_bytes(large.read_bytes())
    assert fingerprint(large) == fingerprint(copy) == before and len(before) == 64
    check_unchanged(large, before)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: b"x" + data[1:],
        lambda data: data[:-1] + b"x",
        lambda data: data[1:] + data[:1],
        lambda data: b"",
    ],
    ids=["cut off", "longer", "another first byte", "another last byte", "shifted", "emptied"],
)
def test_a_changed_file_is_an_error(large, change):
    before = fingerprint(large)
    large.write_bytes(change(large.read_bytes()))
    with pytest.raises(InputError, match="another content than when the input was checked"):
        check_unchanged(large, before)


def test_a_small_file_is_read_whole(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(bytes(2 * 2**20))
    before = fingerprint(path)
    for at in range(0, 2 * 2**20, 99_991):
        data = bytearray(2 * 2**20)
        data[at] = 1
        path.write_bytes(data)
        assert fingerprint(path) != before


def test_the_length_counts_where_all_bytes_are_the_same(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(bytes(5_000_000))
    before = fingerprint(path)
    path.write_bytes(bytes(6_000_000))
    assert fingerprint(path) != before


def test_a_file_that_is_gone_is_an_error(large):
    before = fingerprint(large)
    large.unlink()
    with pytest.raises(InputError, match="can't be read any more"):
        check_unchanged(large, before)
