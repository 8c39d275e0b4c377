"""Consequence terms against two other engines: ``bcftools csq -l``, and mehari as the HGVS oracle has it.

Both place an insertion or deletion where it is written, and csq has fewer terms. What is left after that is
explained here difference by difference; a substitution is never different.
"""

from __future__ import annotations

import csv
import gzip
import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from endotype.annotation.consequences import local_consequences
from endotype.annotation.effects.predict import predict_effects
from endotype.annotation.severity import so_terms
from tests.annotation.effects_cases import bare

DATA = Path(__file__).parents[3] / "shared" / "data"
ORACLE, KIT = DATA / "oracles" / "hgvs_oracle", DATA / "annotation_kit"
KIT_EXPECTED = DATA / "oracles" / "csq_kit" / "ashk_trio.chr1_1-3400000.csq_local.tsv"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ORACLE.is_dir() or not KIT.is_dir(), reason="the oracles are not at hand"),
]

COARSE = {
    "splice_donor_5th_base_variant": "splice_region_variant",
    "splice_donor_region_variant": "splice_region_variant",
    "exonic_splice_region_variant": "splice_region_variant",
    "disruptive_inframe_insertion": "inframe_insertion",
    "conservative_inframe_insertion": "inframe_insertion",
    "disruptive_inframe_deletion": "inframe_deletion",
    "conservative_inframe_deletion": "inframe_deletion",
    "3_prime_UTR_exon_variant": "3_prime_UTR_variant",
    "5_prime_UTR_exon_variant": "5_prime_UTR_variant",
    "coding_transcript_intron_variant": "intron_variant",
}
"""Terms that not all engines have, and the one that they have for it."""
ONLY_SOME = {
    *("splice_polypyrimidine_tract_variant", "frameshift_truncation", "frameshift_elongation"),
    *("3_prime_UTR_intron_variant", "5_prime_UTR_intron_variant", "feature_elongation"),
}
SITES = {"splice_donor_variant", "splice_acceptor_variant"}
AT_EDGE = SITES | {"splice_region_variant", "intron_variant", "coding_sequence_variant"}
UTR = {"3_prime_UTR_variant", "5_prime_UTR_variant"}


def coarse(terms: str) -> frozenset[str]:
    found = {COARSE.get(term, term) for term in terms.split("&")} - ONLY_SOME
    if found & SITES:
        found.discard("splice_region_variant")
    if found & (SITES | {"splice_region_variant"}):
        found.discard("intron_variant")
    if found & {"inframe_insertion", "inframe_deletion"}:
        found.discard("protein_altering_variant")
    return frozenset(found)


def explained(ref: str, alt: str, theirs: frozenset[str], row) -> str:
    """Why the terms differ; empty if there is no reason."""
    ours = coarse(row.consequence)
    more, less = ours - theirs, theirs - ours
    name = bare(row.hgvs_c) or ""
    if row.hgvs_status not in ("described", "beyond_transcript_end"):
        return "marked transcript"
    if len(ref) == 1 == len(alt):
        return ""
    if bare(row.hgvs_p) == "p.?":
        return "over the border of an exon"
    if more == {"stop_gained"} and "frameshift_variant" in theirs:
        return "frameshift that stops at once"
    if more == {"stop_gained"} and less == {"missense_variant"} and "delins" in (bare(row.hgvs_p) or ""):
        return "several residues and a stop"
    if "stop_retained_variant" in more and not less - {"stop_gained", "synonymous_variant"}:
        return "the stop is still there"
    if less == {"missense_variant"} and "stop_retained_variant" in ours:
        return "the stop is still there"
    if more == {"stop_lost"} and less == {"protein_altering_variant"}:
        return "a stop that is lost"
    if less == {"inframe_deletion"} and "start_lost" in ours:
        return "a start that is lost"
    if "start_retained_variant" in more and less <= UTR:
        return "a start that is still there"
    if len(ref) != len(alt) and not more - AT_EDGE - UTR and not less - AT_EDGE - UTR:
        return "placed elsewhere"
    edge = {"frameshift_variant", "inframe_insertion", "synonymous_variant"}
    if len(ref) != len(alt) and less & (SITES | {"frameshift_variant"}) and not more - AT_EDGE - edge:
        return "placed elsewhere" if ("dup" in name or "del" in name) else ""
    return ""


def compare(pairs) -> tuple[int, dict[str, int]]:
    """How many pairs are equal, and how many differ for which reason."""
    equal, reasons = 0, {}
    for ref, alt, theirs, row in pairs:
        if theirs == coarse(row.consequence):
            equal += 1
            continue
        reason = explained(ref, alt, theirs, row)
        assert reason, (row.variant_id, row.hgvs_c, row.hgvs_p, sorted(theirs), row.consequence)
        reasons[reason] = reasons.get(reason, 0) + 1
    return equal, reasons


@pytest.fixture(scope="module")
def oracle(tmp_path_factory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Our effects and csq's consequences of the oracle's VCF."""
    folder = tmp_path_factory.mktemp("oracle")
    for name in ("g40.fa.gz", "g40.gff3.gz"):
        with gzip.open(ORACLE / name) as packed, (folder / name.removesuffix(".gz")).open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    files = folder / "g40.fa", folder / "g40.gff3"
    predict_effects(ORACLE / "v40.vcf.gz", folder / "effects.parquet", *files)
    local_consequences(ORACLE / "v40.vcf.gz", folder / "csq.parquet", *files)
    return tuple(pq.read_table(folder / name).to_pandas() for name in ("effects.parquet", "csq.parquet"))


class TestCsq:
    def test_synthetic_genes(self, oracle):
        effects, csq = oracle
        ours = {(r.variant_id, r.transcript): r for r in effects.dropna(subset="transcript").itertuples()}
        rows = csq.dropna(subset=["transcript", "consequence"])
        equal, reasons = compare(
            (r.ref, r.alt, coarse(r.consequence), ours[r.variant_id, r.transcript]) for r in rows.itertuples()
        )
        assert equal / len(rows) > 0.97, reasons

    def test_a_trio(self, tmp_path):
        fasta, gff = KIT / "b37.chr1_1-3400000.fa.gz", KIT / "gencode19_derived.chr1_1-3400000.sorted.gff3.gz"
        predict_effects(KIT / "trio" / "ashk-trio.vcf.gz", tmp_path / "e.parquet", fasta, gff)
        effects = pq.read_table(tmp_path / "e.parquet").to_pandas().dropna(subset="transcript")
        ours = {(r.pos, r.ref, r.alt, r.transcript): r for r in effects.itertuples()}
        pairs = []
        expected = pd.read_csv(KIT_EXPECTED, sep="\t", dtype=str, keep_default_na=False)
        assert len(expected) == 404
        for record in expected.itertuples():
            terms: dict[str, set[str]] = {}
            for entry in record.BCSQ.split(","):
                fields = entry.split("|")
                if len(fields) > 2 and fields[2]:
                    terms.setdefault(fields[2], set()).update(so_terms(fields[0]).split("&"))
            for transcript, found in terms.items():
                row = ours[int(record.pos), record.ref, record.alt, transcript]
                pairs.append((record.ref, record.alt, coarse("&".join(found)), row))
        equal, reasons = compare(pairs)
        assert (equal, len(pairs)) == (307, 321), reasons

    def test_published_causes(self, tmp_path):
        fasta, gff = KIT / "b37.chr1_1-3400000.fa.gz", KIT / "gencode19_derived.chr1_1-3400000.sorted.gff3.gz"
        predict_effects(KIT / "cases" / "case_variants.b37.vcf.gz", tmp_path / "e.parquet", fasta, gff)
        effects = pq.read_table(tmp_path / "e.parquet").to_pandas()
        expected = pd.read_csv(KIT / "cases" / "case_variants.expected.tsv", sep="\t", dtype=str)
        assert len(expected) == 24
        for case in expected.itertuples():
            term, _, transcript, *_ = case.bcftools_csq_local.split("|")
            here = effects[(effects["pos"] == int(case.pos)) & (effects["transcript"] == transcript)]
            rows = [r for r in here.itertuples() if bare(r.hgvs_c) == case.published_hgvs_c.split(":")[1]]
            assert len(rows) == 1, case
            assert rows[0].gene == case.gene
            assert coarse(rows[0].consequence) == coarse(so_terms(term))
            if isinstance(case.published_hgvs_p, str) and ":" in case.published_hgvs_p:
                assert bare(rows[0].hgvs_p) == bare(case.published_hgvs_p)


class TestMehari:
    def test_synthetic_genes(self, oracle):
        effects, _ = oracle
        rows = effects.dropna(subset="transcript")
        ours = {(r.pos, r.ref, r.alt, r.transcript.split(".")[0]): r for r in rows.itertuples()}
        with gzip.open(ORACLE / "truth.tsv.gz", "rt") as stream:
            truth = list(csv.DictReader(stream, delimiter="\t"))
        pairs = [
            (r["ref"], r["alt"], coarse(r["mehari_consequences"]), ours[key])
            for r in truth
            if (key := (int(r["pos"]), r["ref"], r["alt"], r["transcript"])) in ours
        ]
        equal, reasons = compare(pairs)
        assert len(pairs) > 3800 and equal / len(pairs) > 0.99, reasons
