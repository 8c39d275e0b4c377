"""A normalised shard to packed genotypes: genotype filters, site filters, counts.

One pass over the BCF, block by block. Each variant gets a row in the QC table, kept or not; those kept are
packed, 2 bits a call. Per-person sums that need more than the genotype (depth, quality, reads of the
reference at homozygous alternate calls) are taken in the same pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from endotype.cohort.assembly import sex_chromosome
from endotype.files import atomic_path
from endotype.tables import read_parquet, write_arrow, write_parquet
from endotype.variants import decode
from endotype.variants.bcf import Block, Header, open_bcf
from endotype.variants.bcf_kernels import (
    ALT_AT,
    ALT_LEN,
    POS,
    REF_AT,
    REF_LEN,
    RID,
    first_filters,
    info_numbers,
    scan,
)
from endotype.variants.bcf_record import Record, parse_record, vector_text
from endotype.variants.bgzf import DamagedError
from endotype.variants.ingest import unreadable
from endotype.variants.kernels import hardy_weinberg, log_factorials
from endotype.variants.normalise import ATOMS, Window, parse_region
from endotype.variants.plink import StoreWriter
from endotype.variants.ploidy import HaploidRule
from endotype.variants.site_filters import Filters, site_faults
from endotype.variants.split import OTHER

QC_DTYPES = {
    "variant_id": "str",
    "chrom": "str",
    "pos": "int64",
    "ref": "str",
    "alt": "str",
    "site_filter": "str",
    "kept": "bool",
    "reason": "str",
    "n_called": "int64",
    "n_missing": "int64",
    "n_hom_ref": "int64",
    "n_het": "int64",
    "n_hom_alt": "int64",
    "alt_count": "int64",
    "allele_number": "int64",
    "alt_freq": "float64",
    "call_rate": "float64",
    "hwe_neg_log10_p": "float64",
    "hwe_excess_neg_log10_p": "float64",
    "n_genotypes_masked": "int64",
    "n_masked_quality": "int64",
    "n_masked_depth": "int64",
    "n_masked_balance": "int64",
    "atoms": "str",
}

UNITS = 2**20
"""Sums of reads and qualities are whole numbers of this part of one."""

READ_COLUMNS = [
    "n_depth", "sum_depth", "n_quality", "sum_quality", "n_charr", "sum_charr",
    "n_depth_x", "sum_depth_x", "n_depth_y", "sum_depth_y",
]  # fmt: skip
"""Columns of :func:`endotype.variants.decode.add_reads`."""

MONOMORPHIC_COLUMNS = ["n_monomorphic", "n_monomorphic_called"]


def pack_region(
    bcf: str | Path,
    region: str,
    people: str | Path,
    assembly: str,
    filters: Filters,
    prefix: str | Path,
    frequencies: str | Path | None = None,
) -> None:
    """:func:`pack_shard` with the declared sex of ``cohort/people.parquet``.

    Raises:
        InputError: the BCF can't be read to its end.
    """
    declared = read_parquet(people, ["patient", "sex"]).set_index("patient")["sex"]
    try:
        with open_bcf(bcf) as reader:
            samples = list(reader.header.samples)
        sex = declared.reindex(samples).fillna("unknown").tolist()
        pack_shard(bcf, parse_region(region), sex, assembly, filters, prefix, frequencies)
    except DamagedError as error:
        raise unreadable(bcf, str(error)) from None


def pack_shard(
    bcf: str | Path,
    window: Window,
    sex: Sequence[str],
    assembly: str,
    filters: Filters,
    prefix: str | Path,
    frequencies: str | Path | None = None,
) -> None:
    """Write one shard's genotype store, QC table and per-person sums.

    Args:
        bcf: normalised shard; its samples are the patients.
        window: the shard's place, used to read only its part of ``frequencies``.
        sex: declared sex of each sample, ``male``, ``female`` or ``unknown``: decides who is haploid where.
        assembly: names the pseudoautosomal regions.
        filters: what is trusted.
        prefix: writes ``prefix.bed/.bim/.fam``, ``prefix.qc.parquet``, ``prefix.reads.parquet``.
        frequencies: Parquet with ``chrom pos ref alt allele_frequency`` of an external population, for
            contamination; without it the CHARR sums stay 0.

    Raises:
        DamagedError: the BCF can't be read to its end.
    """
    known = _external_frequencies(frequencies, window)
    with open_bcf(bcf) as reader:
        people = list(reader.header.samples)
        packer = _Packer(reader.header, HaploidRule(sex, assembly), filters, known)
        # All files take their names together, when the last of them is written.
        with (
            StoreWriter(prefix, fam_table(people, sex)) as store,
            atomic_path(f"{prefix}.qc.parquet") as qc_path,
            atomic_path(f"{prefix}.reads.parquet") as reads_path,
        ):
            tables = [no_variants()]
            for block in reader.blocks():
                table, packed = packer.pack(block)
                store.append(packed[table["kept"].to_numpy()])
                tables.append(pa.Table.from_pandas(table, preserve_index=False))
            qc = pa.concat_tables(tables)
            store.finish(bim_table(qc.to_pandas()))
            write_arrow(qc.replace_schema_metadata(None), qc_path)
            write_parquet(reads_table(people, packer.sums), reads_path)


def no_variants() -> pa.Table:
    """A QC table without a row."""
    empty = pd.DataFrame(columns=list(QC_DTYPES)).astype(QC_DTYPES)
    return pa.Table.from_pandas(empty, preserve_index=False)


def reads_table(people: Sequence[str], sums: np.ndarray) -> pd.DataFrame:
    """Per-person sums, int64 (n_people, n_columns), as a table: ``patient`` and :data:`READ_COLUMNS`."""
    reads = pd.DataFrame(sums, columns=READ_COLUMNS)
    reads.insert(0, "patient", pd.Series(list(people), dtype="str"))
    return reads


class _Packer:
    """Turns blocks of a shard into rows of the QC table and packed calls; adds up per-person sums."""

    def __init__(
        self,
        header: Header,
        haploid: HaploidRule,
        filters: Filters,
        known: dict[tuple[int, str, str], float],
    ) -> None:
        self.sums = np.zeros((len(header.samples), len(READ_COLUMNS)), np.int64)
        self._header, self._haploid, self._filters, self._known = header, haploid, filters, known
        self._formats = np.array([_numeric(header, key) for key in ("GT", "GQ", "DP", "AD", OTHER)])
        self._info = {key: header.key(key) for key in filters.info_keys()}
        self._lf = log_factorials(2 * len(header.samples))

    def pack(self, block: Block) -> tuple[pd.DataFrame, np.ndarray]:
        """The QC rows of a block and the packed calls of all its records."""
        core, quality, formats = scan(block.data, block.offsets, len(self._header.samples), self._formats)
        chrom = self._header.contigs[int(core[0, RID])]
        positions = core[:, POS] + 1
        zone = self._haploid.zones(chrom, positions)
        limits = self._filters
        packed, counts = decode.decode_block(
            block.data,
            formats,
            self._haploid.rows,
            zone,
            limits.min_genotype_quality,
            limits.min_depth,
            limits.min_allele_balance,
        )
        table, excess = self._table(block, core, counts, chrom, zone)
        info = {key: info_numbers(block.data, core, number) for key, number in self._info.items()}
        table["reason"] = site_faults(table, quality, excess, info, limits)
        table["kept"] = table["reason"] == ""
        decode.add_reads(
            block.data,
            formats,
            packed,
            table["kept"].to_numpy(),
            _place(chrom, zone),
            self._charr_frequency(table, chrom),
            UNITS,
            self.sums,
        )
        return table[list(QC_DTYPES)].astype(QC_DTYPES), packed

    def _table(
        self, block: Block, core: np.ndarray, counts: np.ndarray, chrom: str, zone: np.ndarray
    ) -> tuple[pd.DataFrame, np.ndarray]:
        text = block.data.tobytes()
        ref = [text[a : a + n].decode() for a, n in core[:, [REF_AT, REF_LEN]].tolist()]
        alt = [text[a : a + n].decode() for a, n in core[:, [ALT_AT, ALT_LEN]].tolist()]
        positions = (core[:, POS] + 1).tolist()
        called = counts[:, : decode.N_MISSING].sum(axis=1)
        eligible = np.full(len(core), len(self._header.samples))
        if sex_chromosome(chrom) == "Y":
            # A Y chromosome is not there to be called in people who have none.
            eligible = np.maximum(self._haploid.rows.sum(axis=1)[zone], called)
        number, copies = counts[:, decode.ALLELE_NUMBER], counts[:, decode.ALT_COUNT]
        diploid = (decode.DIPLOID_REF, decode.DIPLOID_HET, decode.DIPLOID_ALT)
        n_ref, n_het, n_alt = (np.ascontiguousarray(counts[:, column]) for column in diploid)
        two_sided, excess = hardy_weinberg(n_ref, n_het, n_alt, self._lf)
        with np.errstate(invalid="ignore", divide="ignore"):
            table = pd.DataFrame(
                {
                    "variant_id": [
                        f"{chrom}:{p}:{r}:{a}" for p, r, a in zip(positions, ref, alt, strict=True)
                    ],
                    "chrom": chrom,
                    "pos": positions,
                    "ref": ref,
                    "alt": alt,
                    "site_filter": self._site_filters(block, core),
                    "n_called": called,
                    "n_missing": eligible - called,
                    "n_hom_ref": counts[:, decode.N_HOM_REF],
                    "n_het": counts[:, decode.N_HET],
                    "n_hom_alt": counts[:, decode.N_HOM_ALT],
                    "alt_count": copies,
                    "allele_number": number,
                    "alt_freq": copies / number,
                    "call_rate": called / eligible,
                    "hwe_neg_log10_p": two_sided,
                    "hwe_excess_neg_log10_p": excess,
                    "n_masked_quality": counts[:, decode.MASKED_QUALITY],
                    "n_masked_depth": counts[:, decode.MASKED_DEPTH],
                    "n_masked_balance": counts[:, decode.MASKED_BALANCE],
                    "n_genotypes_masked": counts[:, decode.MASKED_QUALITY :].sum(axis=1),
                    "atoms": self._atoms(block, core),
                }
            )
        return table, excess

    def _site_filters(self, block: Block, core: np.ndarray) -> list[str]:
        found = first_filters(block.data, core).tolist()
        names = []
        for r, (n, first) in enumerate(found):
            if n > 1:
                names.append(";".join(self._record(block, r).filters))
            else:
                names.append(self._header.keys[first] if n else "PASS")
        return names

    def _atoms(self, block: Block, core: np.ndarray) -> list[str]:
        several = (core[:, REF_LEN] > 1) & (core[:, ALT_LEN] > 1)
        keys = [""] * len(core)
        for r in np.flatnonzero(several).tolist():
            value = self._record(block, r).info.get(ATOMS)
            keys[r] = "" if value is None else vector_text(value)
        return keys

    def _record(self, block: Block, r: int) -> Record:
        return parse_record(block.data[block.offsets[r] : block.offsets[r + 1]].tobytes(), self._header)

    def _charr_frequency(self, table: pd.DataFrame, chrom: str) -> np.ndarray:
        """Frequency of ALT elsewhere where CHARR is taken, NaN at all other variants."""
        frequency = np.full(len(table), np.nan)
        if not self._known or sex_chromosome(chrom) is not None:
            return frequency
        for v, key in enumerate(zip(table["pos"], table["ref"], table["alt"], strict=True)):
            if len(key[1]) == len(key[2]) == 1:
                value = self._known.get(key, np.nan)
                if 0.05 < 1 - value < 0.95:
                    frequency[v] = value
        return frequency


def _numeric(header: Header, key: str) -> int:
    """Number of a FORMAT key that holds what its name says, else -1."""
    field = header.formats.get(key)
    if field is None or (key != "GT" and field.type not in ("Integer", "Float")):
        return -1
    return header.key(key)


def _place(chrom: str, zone: np.ndarray) -> np.ndarray:
    """Autosome, X or Y outside the pseudoautosomal regions, or other, for each record."""
    kind = {None: decode.AUTOSOME, "X": decode.X, "Y": decode.Y}.get(sex_chromosome(chrom), decode.OTHER)
    place = np.full(len(zone), kind, np.int64)
    if kind in (decode.X, decode.Y):
        place[zone == 0] = decode.OTHER
    return place


def bim_table(variant_qc: pd.DataFrame) -> pd.DataFrame:
    """The rows of a .bim: the kept variants of a QC table."""
    kept = variant_qc[variant_qc["kept"]]
    return (
        kept[["chrom", "variant_id", "pos", "alt", "ref"]].rename(columns={"variant_id": "id"}).assign(cm="0")
    )


def fam_table(people: Sequence[str], sex: Sequence[str]) -> pd.DataFrame:
    """The rows of a .fam: FID 0, IID the patient, sex 1 male, 2 female, 0 unknown, no phenotype."""
    code = pd.Series(list(sex), dtype="str").map({"male": "1", "female": "2"}).fillna("0")
    return pd.DataFrame({"fid": "0", "iid": list(people), "father": "0", "mother": "0"}).assign(
        sex=code.to_numpy(), phenotype="-9"
    )


def _external_frequencies(path: str | Path | None, window: Window) -> dict[tuple[int, str, str], float]:
    if path is None:
        return {}
    table = read_parquet(path)
    here = table[(table["chrom"] == window.chrom) & table["pos"].between(window.start, window.end)]
    here = here[here["allele_frequency"].notna()]
    return dict(
        zip(zip(here["pos"], here["ref"], here["alt"], strict=True), here["allele_frequency"], strict=True)
    )
