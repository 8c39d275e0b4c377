"""Records of a VCF as one row per alternate allele, each with what the record says of that allele.

A record may have several alleles, and a text of the record is an allele's own only when it says so: one
value in a field of two alleles belongs to neither, unless the header declares one value for the record.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Alleles:
    """The alleles of a batch of records.

    Attributes:
        n: how many there are; an ALT of ``.`` counts as one.
        record: which record each is of, int64, shape (n,).
        which: its place among the alleles of its record, from 0, int64, shape (n,).
        of_record: how many alleles that record has, int64, shape (n,).
    """

    def __init__(self, alts: pa.Array) -> None:
        self._parts = pc.split_pattern(pc.fill_null(alts, "."), ",")
        lengths = pc.list_value_length(self._parts).to_numpy(zero_copy_only=False).astype(np.int64)
        self.n = int(lengths.sum())
        self.record = np.repeat(np.arange(len(lengths)), lengths)
        self.which = np.arange(self.n) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        self.of_record = lengths[self.record]
        self.single = self.n == len(lengths)

    @property
    def alt(self) -> pa.Array:
        """The alternate alleles."""
        return self._parts.flatten()

    def whole(self, column: pa.Array) -> pa.Array:
        """For each allele, the value of its record."""
        return column if self.single else column.take(pa.array(self.record))

    def own(self, column: pa.Array, separator: str = ",") -> pa.Array:
        """For each allele, its own part of a list; null when the list doesn't have one for each allele."""
        if self.single:
            return column
        parts = pc.split_pattern(column, separator)
        lengths = pc.fill_null(pc.list_value_length(parts), 0).to_numpy().astype(np.int64)
        starts = np.cumsum(lengths) - lengths
        mine = (lengths[self.record] == self.of_record) | (self.of_record == 1)
        # The only allele of a record owns the whole text, whatever is in it.
        split = self.of_record > 1
        at = np.where(mine & split, starts[self.record] + self.which, 0)
        flat = pc.if_else(pc.equal(parts.flatten(), "."), None, parts.flatten())
        picked = flat.take(pa.array(at, mask=~(mine & split))) if len(flat) else pa.nulls(self.n, pa.string())
        whole = self.whole(column)
        return pc.if_else(pa.array(split), picked, whole)

    def by_number(self, column: pa.Array, number: str) -> pa.Array:
        """For each allele, its value of an INFO tag whose header says ``Number=number``."""
        return self.whole(column) if number in ("0", "1") else self.own(column)
