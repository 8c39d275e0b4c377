"""bcftools' expected outputs of +fill-tags, +setGT and +mendelian2, case by case; the exome kit's tags.

:data:`CASES` has a line for each case: either what of ours is compared, or why it doesn't concern us.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest

from endotype.tables import read_parquet, write_parquet
from endotype.variants.mendelian import CONSISTENT, INCONSISTENT, SKIPPED, UNTESTED, trio_verdicts
from endotype.variants.pack import pack_region
from endotype.variants.plink import open_store
from endotype.variants.shard import Outputs, normalise_region
from endotype.variants.site_filters import Filters
from tests.variants.test_mendelian import verdicts_of_file

DATA = Path(__file__).parents[3] / "shared" / "data"
ORACLES = DATA / "oracles"
BCFTOOLS = ORACLES / "bcftools"


def filters(min_depth: float = 0) -> Filters:
    """No filter but, perhaps, one of depth."""
    return Filters(
        pass_filters=("PASS", "."),
        min_genotype_quality=0,
        min_depth=min_depth,
        min_allele_balance=0,
        min_call_rate=0,
        min_hwe_p=1e-300,
    )


OPEN = filters()

UNCONCERNED = {
    "csq": "consequences are tested in tests/annotation",
    "vcf_annotate": "site annotation is a join of tables (tests/annotation), not an edit of INFO",
    "vcf_check": "bcftools stats: no such report is written",
    "vcf_check_merge": "bcftools stats: no such report is written",
    "vcf_stats": "bcftools stats: no such report is written",
    "vcf_convert": "no .gen, .haps or .tsv files are written",
    "vcf_filter": "the filter language of bcftools is not offered; our filters have tests of their own",
    "vcf_isec": "no files are intersected",
    "vcf_isec2": "no files are intersected",
    "vcf_merge": "people are joined after normalisation, site by site; INFO is not merged (test_normalise)",
    "vcf_view": "no records are chosen by expression",
    "vcf_plugin": "of the plugins, fill-tags, setGT and mendelian2 have a part that concerns us",
    "vcf_norm": "in test_norm_oracles",
}
"""Why whole types of ``cases.tsv`` are not compared here."""

PLUGINS = {
    "+fill-from-fasta": "REF is checked against the FASTA and never filled in",
    "+fixploidy": "ploidy follows the contig and the declared sex; no call is rewritten to fit",
    "+fixref": "REF is never rewritten, strands are never swapped (edge cases 13 and 14)",
    "+remove-overlaps": "overlapping variants are all kept; each is a variant of its own",
    "+split-vep": "imported consequences belong to the annotation stage",
    "+trio-stats": "counts by transmission are not reported; inconsistent ones are (mendelian)",
    "+trio-switch-rate": "phase is not judged",
}
"""Why the other plugins are not compared."""

EXPRESSION = "a filter expression of bcftools, which is not offered"
REWRITES = "calls are never set to a genotype that was not called; they become missing or stay"
CASES = [
    # plugin, input, expected output, options, which test compares it ("" for none), remark
    ("fill-tags", "fmissing", "fmissing.1.out", "-t 'F_MISSING'", "missing", "of all samples; no groups"),
    ("fill-tags", "fmissing", "fmissing.1.out", "F_PASS", "missing", "of all samples; no groups"),
    ("fill-tags", "fmissing", "fmissing.2.out", "N_PASS", "missing", "of all samples; no groups"),
    ("fill-tags", "merge.a", "fill-tags.out", "AC_Hemi", "tags", ""),
    ("fill-tags", "fill-tags-hemi", "fill-tags-hemi.1.out", "", "hemi", "half calls are missing"),
    ("fill-tags", "fill-tags-hemi", "fill-tags-hemi.2.out", "-d", "hemi", "half calls are missing"),
    ("fill-tags", "fill-tags-hwe", "fill-tags-hwe.out", "", "tags", ""),
    ("fill-tags", "fill-tags-hwe", "fill-tags-func.out", "F_PASS", "", EXPRESSION),
    ("fill-tags", "fill-tags-rw", "fill-tags-AN0.out", "all,END", "tags", "old INFO tags are not trusted"),
    ("fill-tags", "fill-tags-AN0", "fill-tags-AN0.out", "all,END", "tags", "old INFO tags are not trusted"),
    ("fill-tags", "fill-tags-VAF", "fill-tags-VAF.out", "VAF", "", "no FORMAT/VAF of germline calls"),
    ("fill-tags", "fill-tags-AD", "fill-tags-AD.1.out", "FMT/AD", "", EXPRESSION),
    ("fill-tags", "fill-tags-AD", "fill-tags-AD.2.out", "INFO/AD", "", EXPRESSION),
    ("fill-tags", "fill-tags-AD", "fill-tags-AD.3.out", "smpl_sum", "", EXPRESSION),
    ("fill-tags", "fill-tags-AD", "fill-tags-AD.4.out", "N_PASS", "", EXPRESSION),
    ("fill-tags", "fill-tags-AD", "fill-tags-AD.5.out", "binom", "", EXPRESSION),
    ("setGT", "setGT", "setGT.1.out", "-n 0", "", "missing calls are never turned into reference"),
    ("setGT", "setGT.2", "setGT.2.out", "het", "", EXPRESSION),
    ("setGT", "setGT.2", "setGT.3.out", "binom", "", EXPRESSION + "; allele balance is a share, not a test"),
    ("setGT", "setGT.2", "setGT.2.1.out", "-n i", "", "phase is not inverted"),
    ("setGT", "setGT.3", "setGT.3.1.out", "pM", "", REWRITES),
    ("setGT", "setGT.3", "setGT.3.2.out", "pm", "", REWRITES),
    ("setGT", "setGT.3", "setGT.3.3.out", "c:1", "", REWRITES),
    ("setGT", "setGT.3", "setGT.3.4.out", "1|1", "", REWRITES),
    ("setGT", "setGT.3", "setGT.3.5.out", "m|M", "", REWRITES),
    ("setGT", "setGT.3", "setGT.3.6.out", "c:0/1/1", "", REWRITES),
    ("setGT", "setGT.3", "setGT.3.7.out", "././.", "", REWRITES),
    ("setGT", "setGT.4", "setGT.4.1.out", "DP>90", "depth", "the input's stray fourth column is cut first"),
    ("setGT", "setGT.4", "setGT.4.2.out", "DP>100", "depth", "the input's stray fourth column is cut first"),
    ("setGT", "setGT.5", "setGT.5.1.out", "-n X", "", REWRITES),
    ("setGT", "setGT.5", "setGT.5.2.out", "c:0/X/X", "", REWRITES),
    ("setGT", "setGT.6", "setGT.6.1.out", "-t ./x", "half", ""),
    ("setGT", "setGT.6", "setGT.6.1.out", "-t . -n", "half", ""),
    ("setGT", "setGT.6", "setGT.6.2.out", "r:0.5", "", "no call is removed at random"),
    ("mendelian2", "mendelian", "mendelian.1.out", "-md", "mendelian", "contradicting trios are set missing"),
    ("mendelian2", "mendelian", "mendelian.6.out", "-mg", "mendelian", "good"),
    ("mendelian2", "mendelian", "mendelian.3.out", "-me", "mendelian", "errors"),
    ("mendelian2", "mendelian", "mendelian.4.out", "-ma", "mendelian", "every site, annotated"),
    ("mendelian2", "mendelian", "mendelian.7.out", "-mm", "mendelian", "missing"),
    ("mendelian2", "mendelian", "mendelian.8.out", "grep", "mendelian", "counts"),
]  # fmt: skip

real = pytest.mark.skipif(not ORACLES.is_dir(), reason="the oracle files (../shared/data) are not here")


def chosen(test: str) -> list[tuple[str, str]]:
    """(input, expected output) of the cases that a test compares, each once."""
    return sorted({(source, expected) for _, source, expected, _, name, _ in CASES if name == test})


@dataclass
class Store:
    """What :func:`packed` wrote: one row of ``qc`` and of ``dosages`` per allele, by place in the file."""

    qc: pd.DataFrame
    dosages: np.ndarray


SITE = 100
"""Positions are rewritten, so that sites with one position in the original stay apart."""


def packed(folder: Path, records: list[list[str]], limits: Filters = OPEN) -> Store:
    """Records (columns of a VCF with ``FORMAT``) through normalisation and packing.

    The n-th record is put at position n x ``SITE`` of contig 1; ``qc["record"]`` is n.
    """
    samples = [f"S{i:04d}" for i in range(len(records[0]) - 9)]
    header = ["##fileformat=VCFv4.3", "##contig=<ID=1,length=1000000>", '##FILTER=<ID=q,Description="q">']
    for key, number, kind in (("GT", 1, "String"), ("DP", 1, "Integer"), ("GQ", 1, "Integer")):
        header.append(f'##FORMAT=<ID={key},Number={number},Type={kind},Description="{key}">')
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    lines = ["\t".join([*columns, *samples])]
    for number, record in enumerate(records, start=1):
        keys = record[8].split(":")
        keep = [i for i, key in enumerate(keys) if key in ("GT", "DP", "GQ")]
        calls = [":".join(call.split(":")[i] for i in keep) for call in record[9:]]
        fixed = ["1", str(number * SITE), ".", record[3], record[4], ".", "PASS", "."]
        lines.append("\t".join([*fixed, ":".join(keys[i] for i in keep), *calls]))
    (folder / "in.vcf").write_text("\n".join([*header, *lines]) + "\n")
    return pack_file(folder, folder / "in.vcf", samples, f"1:1-{(len(records) + 1) * SITE}", None, limits)


def pack_file(
    folder: Path, vcf: Path, samples: list[str], region: str, fasta: Path | None, limits: Filters
) -> Store:
    stem = folder / "shard"
    people = pd.DataFrame({"patient": samples, "sex": "unknown", "in_genotypes": True})
    write_parquet(people, folder / "people.parquet")
    reference = None if fasta is None else str(fasta)
    normalise_region([vcf], region, reference, Outputs.at(stem), folder / "people.parquet", "GRCh37")
    pack_region(f"{stem}.bcf", region, folder / "people.parquet", "GRCh37", limits, stem)
    qc = read_parquet(f"{stem}.qc.parquet")
    store = open_store(stem)
    dosages = np.full((len(qc), len(samples)), -1, np.int8)
    dosages[qc["kept"]] = store.dosages(slice(0, store.n_variants))
    return Store(qc.assign(record=qc["pos"] // SITE), dosages)


def records_of(path: Path) -> list[list[str]]:
    """The records of a VCF text, cut to the columns that its header names."""
    lines = path.read_text().splitlines()
    names = next((line for line in lines if line.startswith("#CHROM")), None)
    width = len(names.split("\t")) if names else None
    return [line.split("\t")[:width] for line in lines if line and not line.startswith("#")]


def tags_of(record: list[str]) -> dict[str, list[str]]:
    return {
        key: value.split(",")
        for key, _, value in (entry.partition("=") for entry in record[7].split(";"))
        if value
    }


def rounded(value: float) -> str:
    """As bcftools prints a float32: six significant digits."""
    return f"{np.float32(value):.6g}"


class Tags:
    """The numbers of +fill-tags for one variant, out of our table."""

    def __init__(self, row: pd.Series, dosages: np.ndarray) -> None:
        n_hemi = 2 * row.n_called - row.allele_number
        self.AN = int(row.allele_number)
        self.AC = int(row.alt_count)
        self.NS = int(row.n_called)
        self.AC_Het = int(row.n_het)
        self.AC_Hom = self.AC - self.AC_Het if n_hemi == 0 else None
        self.AF = "." if pd.isna(row.alt_freq) else rounded(row.alt_freq)
        self.HWE = rounded(10 ** -float(row.hwe_neg_log10_p))
        self.ExcHet = rounded(10 ** -float(row.hwe_excess_neg_log10_p))
        self.F_MISSING = rounded(row.n_missing / (row.n_called + row.n_missing))


def close(ours: str, theirs: str) -> bool:
    """Equal to the digits that bcftools prints (the p-values come from logarithms: 2e-5 of them)."""
    if "." in (ours, theirs):
        return ours == theirs
    return abs(float(ours) - float(theirs)) <= 2e-5 * abs(float(theirs))


def same_tags(row: pd.Series, dosages: np.ndarray, expected: dict[str, str]) -> list[str]:
    """Which tags of bcftools our table has other values for."""
    ours = Tags(row, dosages)
    wrong = []
    for key in ("AN", "AC", "NS", "AC_Het", "AC_Hom"):
        mine = getattr(ours, key)
        if key in expected and mine is not None and mine != int(expected[key]):
            wrong.append(f"{key}: {mine}, not {expected[key]}")
    for key in ("AF", "HWE", "ExcHet", "F_MISSING"):
        if key in expected and not close(getattr(ours, key), expected[key]):
            wrong.append(f"{key}: {getattr(ours, key)}, not {expected[key]}")
    return wrong


def compare_tags(store: Store, records: list[list[str]]) -> tuple[int, list[str]]:
    """Compare our table with tagged records: number of alleles compared, and every difference."""
    by_record = dict(iter(store.qc.groupby("record")))
    compared, wrong = 0, []
    for number, record in enumerate(records, start=1):
        alts = [] if record[4] == "." else record[4].split(",")
        rows = by_record.get(number)
        tags = tags_of(record)
        for place, alt in enumerate(alts):
            ref, alt = trimmed(record[3], alt)
            row = rows[(rows["ref"] == ref) & (rows["alt"] == alt)].iloc[0]
            expected = {
                key: values[place] if len(values) == len(alts) else values[0] for key, values in tags.items()
            }
            wrong += [f"{number} {alt}: {w}" for w in same_tags(row, store.dosages[row.name], expected)]
            compared += 1
    return compared, wrong


def trimmed(ref: str, alt: str) -> tuple[str, str]:
    """REF and ALT without the bases that they share at the end, then at the start, leaving one."""
    while min(len(ref), len(alt)) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while min(len(ref), len(alt)) > 1 and ref[0] == alt[0]:
        ref, alt = ref[1:], alt[1:]
    return ref, alt


HARDY_WEINBERG = [
    # calls, tags of bcftools 1.24 (the same sites are in its own suite)
    ("C", ["0/1"] * 10, "AN=20;AC=10;NS=10;AC_Het=10;AC_Hom=0;AF=0.5;HWE=0.00690641;ExcHet=0.00554244"),
    ("C", ["1/1"] + ["0/0"] * 9, "AN=20;AC=2;NS=10;AC_Het=0;AC_Hom=2;AF=0.1;HWE=0.0526316;ExcHet=1"),
    ("C", ["1/0"] * 2 + ["0/0"] * 8, "AN=20;AC=2;NS=10;AC_Het=2;AC_Hom=0;AF=0.1;HWE=1;ExcHet=0.947368"),
    ("C", ["./."] * 10, "AN=0;AC=0;NS=0;AC_Het=0;AC_Hom=0;AF=.;HWE=1;ExcHet=1;F_MISSING=1"),
    ("C,G", ["1/2"] * 4 + ["0/0"] * 6, "AN=20;AC=4,4;NS=10;AC_Het=4,4;AC_Hom=0,0;AF=0.2,0.2"),
]  # fmt: skip


def test_counts_frequencies_and_hardy_weinberg_of_small_sites(tmp_path):
    records = [["1", "1", ".", "A", alt, ".", ".", tags, "GT", *calls] for alt, calls, tags in HARDY_WEINBERG]
    compared, wrong = compare_tags(packed(tmp_path, records), records)
    assert (compared, wrong) == (6, [])


@real
@pytest.mark.real
class TestEveryCaseHasALine:
    def rows(self) -> list[dict[str, str]]:
        with (BCFTOOLS / "cases.tsv").open() as stream:
            return list(csv.DictReader(stream, delimiter="\t"))

    def test_the_plugins_that_concern_us(self):
        theirs = Counter(
            (row["in"], row["out"])
            for row in self.rows()
            if re.search(r"\+(fill-tags|setGT|mendelian2) ", row["command"])
        )
        assert theirs == Counter((source, expected) for _, source, expected, _, _, _ in CASES)
        for plugin, source, expected, option, _, _ in CASES:
            commands = [r["command"] for r in self.rows() if (r["in"], r["out"]) == (source, expected)]
            assert any(f"+{plugin} " in command and option in command for command in commands), expected

    def test_all_others(self):
        rows = self.rows()
        assert len(rows) == 453
        types = Counter(row["type"] for row in rows)
        assert set(types) == set(UNCONCERNED)
        plugins = Counter(
            re.search(r"\+[\w-]+", row["command"])[0] for row in rows if row["type"] == "vcf_plugin"
        )
        ours = {"+fill-tags", "+setGT", "+mendelian2"}
        assert set(plugins) == set(PLUGINS) | ours
        assert sum(plugins[name] for name in ours) == len(CASES) == 40


@real
@pytest.mark.real
class TestFillTags:
    @pytest.mark.parametrize(("source", "expected"), chosen("tags"))
    def test_tags(self, tmp_path, source, expected):
        tagged = records_of(BCFTOOLS / expected)
        compared, wrong = compare_tags(packed(tmp_path, records_of(BCFTOOLS / f"{source}.vcf")), tagged)
        assert wrong == []
        assert compared == sum(record[4] != "." for record in tagged) + sum(r[4].count(",") for r in tagged)

    @pytest.mark.parametrize(("source", "expected"), chosen("missing"))
    def test_missing_calls(self, tmp_path, source, expected):
        store = packed(tmp_path, records_of(BCFTOOLS / f"{source}.vcf"))
        for row, record in zip(store.qc.itertuples(), records_of(BCFTOOLS / expected), strict=True):
            tags = tags_of(record)
            if "N_MISSING" in tags:
                assert row.n_missing == int(tags["N_MISSING"][0])
            else:
                assert 1 - row.call_rate == pytest.approx(float(tags["F_MISSING"][0]), abs=1e-7)

    @pytest.mark.parametrize(("source", "expected"), chosen("hemi"))
    def test_haploid_and_half_calls(self, tmp_path, source, expected):
        tagged = records_of(BCFTOOLS / expected)
        store = packed(tmp_path, records_of(BCFTOOLS / f"{source}.vcf"))
        compared, wrong = compare_tags(store, tagged)
        assert compared == 5
        haploid = [w for w in wrong if w.startswith("1 ")]
        assert haploid == []
        # The other three sites hold half calls, of which bcftools counts one copy; we count none.
        assert store.qc[store.qc["record"] > 1]["n_called"].tolist() == [0, 0, 0]

    def test_exomes(self, tmp_path):
        """122 records of 1,182 exomes against the tags of bcftools 1.16."""
        kit = DATA / "annotation_kit"
        vcf = kit / "1kg_phase2_exome.chr1.1182s.vcf.gz"
        with pysam.VariantFile(str(vcf)) as variants:
            samples = list(variants.header.samples)
        fasta = kit / "b37.chr1_1-3400000.fa.gz"
        store = pack_file(tmp_path, vcf, samples, "1:1-3400000", fasta, OPEN)
        qc = store.qc.set_index(["pos", "ref", "alt"])
        with (ORACLES / "fill_tags_kit" / "1kg_phase2_exome.expected.tsv").open() as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        compared, wrong = 0, []
        for expected in rows:
            alts = expected["alt"].split(",")
            for place, alt in enumerate(alts):
                values = {k: v.split(",") for k, v in expected.items()}
                one = {k: v[place] if len(v) == len(alts) else v[0] for k, v in values.items()}
                row = qc.loc[(int(expected["pos"]), expected["ref"], alt)]
                wrong += [f"{expected['pos']} {alt} {w}" for w in same_tags(row, store.dosages[0], one)]
                compared += 1
        assert (compared, len(rows)) == (123, 122)
        assert wrong == []


@real
@pytest.mark.real
class TestSetGenotypes:
    def expected_dosages(self, path: Path) -> list[list[int]]:
        values = {"0/0": 0, "0/1": 1, "1/0": 1, "1/1": 2, "./.": -1}
        return [[values[c.split(":")[0].replace("|", "/")] for c in r[9:]] for r in records_of(path)]

    @pytest.mark.parametrize(("source", "expected"), chosen("depth"))
    def test_calls_of_low_depth_become_missing(self, tmp_path, source, expected):
        least = {"setGT.4.1.out": 91, "setGT.4.2.out": 101}[expected]
        store = packed(tmp_path, records_of(BCFTOOLS / f"{source}.vcf"), filters(least))
        columns = ["n_hom_ref", "n_het", "n_hom_alt", "n_missing"]
        theirs = [
            [calls.count(d) for d in (0, 1, 2, -1)] for calls in self.expected_dosages(BCFTOOLS / expected)
        ]
        assert store.qc[columns].to_numpy().tolist() == theirs
        for row, dosages in zip(
            store.dosages.tolist(), self.expected_dosages(BCFTOOLS / expected), strict=True
        ):
            assert row in (dosages, [-1, -1, -1])  # a site that nobody carries is not in the store

    @pytest.mark.parametrize(("source", "expected"), chosen("half"))
    def test_half_calls_become_missing(self, tmp_path, source, expected):
        store = packed(tmp_path, records_of(BCFTOOLS / f"{source}.vcf"))
        assert store.dosages.tolist() == self.expected_dosages(BCFTOOLS / expected)


@real
@pytest.mark.real
class TestMendelian:
    def test_the_sites_with_errors_missing_calls_and_good_ones(self):
        keys, verdict, complete = verdicts_of_file(BCFTOOLS / "mendelian.vcf", "child1", "dad1", "mom1")

        def listed(name: str) -> list[tuple]:
            rows = records_of(BCFTOOLS / name)
            return [(r[0], int(r[1]), r[3], r[4]) for r in rows]

        def ours(choose: np.ndarray) -> list[tuple]:
            return [key for key, c in zip(keys, choose, strict=True) if c]

        bad = verdict == INCONSISTENT
        assert ours(bad) == listed("mendelian.3.out")
        assert ours((verdict == CONSISTENT) & complete) == listed("mendelian.6.out")
        assert ours(~complete) == listed("mendelian.7.out")
        annotated = records_of(BCFTOOLS / "mendelian.4.out")
        assert [int(tags_of(r)["MERR"][0]) for r in annotated] == bad.astype(int).tolist()
        deleted = records_of(BCFTOOLS / "mendelian.1.out")
        before = records_of(BCFTOOLS / "mendelian.vcf")
        # Where bcftools deletes the calls of a trio, we say that it contradicts itself, and nowhere else.
        changed = [a[9:] != b[9:] for a, b in zip(before, deleted, strict=True)]
        assert changed == bad.tolist()
        counts = dict(
            line.split("\t")[:2] for line in (BCFTOOLS / "mendelian.8.out").read_text().splitlines()
        )
        assert int(counts["nmerr"]) == bad.sum()
        assert int(counts["ngood"]) == ((verdict == CONSISTENT) & complete).sum()
        assert int(counts["nmissing"]) == (~complete).sum()
        assert set(verdict.tolist()) <= {SKIPPED, UNTESTED, CONSISTENT, INCONSISTENT}

    def test_the_published_trio_keeps_its_counts_through_normalisation_and_packing(self, tmp_path):
        """Of 9,940 records 9,833 are consistent, 91 are not, 16 lack the child's call; none has two ALTs."""
        vcf = DATA / "annotation_kit" / "trio" / "ashk-trio.vcf.gz"
        with pysam.VariantFile(str(vcf)) as variants:
            every_filter = tuple(variants.header.filters)
        trio = ("HG002", "HG003", "HG004")
        counts = np.zeros(4, np.int64)
        for chrom in ("1", "2"):
            folder = tmp_path / chrom
            folder.mkdir()
            limits = replace(OPEN, pass_filters=(*every_filter, "."))
            store = pack_file(folder, vcf, list(trio), f"{chrom}:1-249250621", None, limits)
            assert store.qc["kept"].all()
            counts += np.bincount(trio_verdicts(open_store(folder / "shard"), trio, "GRCh37"), minlength=4)
        assert counts[INCONSISTENT] == 91
        assert counts[CONSISTENT] + counts[UNTESTED] == 9833
        assert (counts[UNTESTED], counts[SKIPPED], counts.sum()) == (1, 16, 9940)
