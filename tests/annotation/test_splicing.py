"""Transcripts as arrays: their bases, their positions, and which of them have a protein that can be told."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from endotype.annotation.gene_model import read_gene_model
from endotype.annotation.reference import Reference, indexed_fasta
from endotype.annotation.splicing import build_transcripts
from endotype.annotation.transcripts import BASES, Transcripts
from endotype.errors import InputError
from tests.annotation.builders import CONTIGS, EXON_1, EXON_2, write_fasta, write_gff
from tests.annotation.test_gene_model import ENSEMBL, GENCODE, REFSEQ, written
from tests.reference.splicing import spliced, translate

SHARED = Path(__file__).parents[3] / "shared" / "data"
ORACLE = SHARED / "oracles" / "hgvs_oracle"
KIT = SHARED / "annotation_kit"


def built(folder: Path, chrom: str, contigs: dict[str, str], gff: str, **options) -> Transcripts:
    fasta = folder / "genome.fa"
    fasta.write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()))
    model = read_gene_model(written(folder, gff))
    with indexed_fasta(fasta) as path, Reference(path) as reference:
        return build_transcripts(model, chrom, reference, **options)


def bases_of(t: Transcripts, k: int) -> str:
    return "".join(BASES[c] for c in t.sequence[t.sequence_offset[k] : t.sequence_offset[k + 1]])


@pytest.fixture
def small(tmp_path) -> Transcripts:
    with indexed_fasta(write_fasta(tmp_path)) as path, Reference(path) as reference:
        return build_transcripts(read_gene_model(write_gff(tmp_path)), "c1", reference)


def test_a_gene_and_its_mirror_are_the_same_transcript(small):
    assert small.name == ("FWD.1", "REV.1")
    assert small.strand.tolist() == [1, -1]
    for k in (0, 1):
        assert bases_of(small, k) == EXON_1 + EXON_2
        exons = slice(small.exon_offset[k], small.exon_offset[k + 1])
        assert small.exon_first[exons].tolist() == [0, 30]
        assert (small.cds_start[k], small.cds_end[k], small.phase[k]) == (9, 51, 0)
    assert small.exon_start.tolist() == [101, 161, 361, 301]
    assert small.exon_end.tolist() == [130, 190, 390, 330]
    assert small.status == ("", "")
    assert (small.start.tolist(), small.end.tolist()) == ([101, 301], [190, 390])


@pytest.mark.parametrize("text", [ENSEMBL, GENCODE, REFSEQ])
def test_every_dialect_gives_the_same_arrays(tmp_path, text):
    # RefSeq's contig is an accession, GENCODE's has chr: the reference's name counts. Lower case is read.
    t = built(tmp_path, "1", {"1": CONTIGS["c1"].lower()}, text)
    assert t.chrom == "1"
    assert bases_of(t, 0) == EXON_1 + EXON_2
    assert (t.cds_start[0], t.cds_end[0], t.status[0], t.mane[0]) == (9, 51, "", "select")
    assert t.canonical.tolist() == [True]


def test_a_window_takes_the_transcripts_that_meet_it(tmp_path):
    contigs = {"chr1": CONTIGS["c1"]}
    gff = GENCODE
    assert built(tmp_path, "chr1", contigs, gff, window=(190, 400)).name == ("ENST1.4",)
    empty = built(tmp_path, "chr1", contigs, gff, window=(191, 400))
    assert len(empty) == 0
    assert empty.exon_offset.tolist() == empty.sequence_offset.tolist() == [0]
    assert len(empty.sequence) == 0


def test_a_contig_without_genes_has_no_transcripts_and_an_unknown_one_is_an_error(tmp_path):
    assert len(built(tmp_path, "c3", CONTIGS, GENCODE)) == 0
    with pytest.raises(ValueError, match="no contig chr9"):
        built(tmp_path, "chr9", CONTIGS, GENCODE)


def test_a_transcript_beyond_the_reference_is_of_another_assembly(tmp_path):
    with pytest.raises(
        InputError, match=r"'ENST1\.4' ends at 190, beyond 'chr1' of the reference \(150 bp\)"
    ):
        built(tmp_path, "chr1", {"chr1": CONTIGS["c1"][:150]}, GENCODE)


def test_random_transcripts_are_spliced_as_base_by_base(tmp_path):
    draw = random.Random(7)
    genome = "".join(draw.choices("ACGTacgtN", k=3000))
    text, expected = "1 e gene 1 3000 . + . ID=gene:G\n", {}
    for i in range(40):
        strand = draw.choice("+-")
        bounds = sorted(draw.sample(range(1, 3001, 2), 2 * draw.randint(1, 6)))
        exons = list(zip(bounds[::2], bounds[1::2], strict=True))
        place = f"{bounds[0]} {bounds[-1]} . {strand} ."
        text += f"1 e mRNA {place} ID=transcript:T{i};Parent=gene:G;biotype=x\n"
        for start, end in exons:
            text += f"1 e exon {start} {end} . {strand} . Parent=transcript:T{i}\n"
        expected[f"T{i}"] = spliced(genome, exons, strand)
    t = built(tmp_path, "1", {"1": genome}, text)
    assert len(t) == 40
    assert list(zip(t.start.tolist(), t.end.tolist(), t.name, strict=True)) == sorted(
        zip(t.start.tolist(), t.end.tolist(), t.name, strict=True)
    )
    for k, name in enumerate(t.name):
        assert bases_of(t, k) == expected[name]


# -- why no protein may be predicted -------------------------------------------------------------------

_LEADER, _TRAILER = "GATTACAGCCAA", "GGCATTACAAAA"
_DIFFERS = "differs_from_reference"


def _status(
    folder: Path,
    coding: str,
    attributes: str = "",
    leader: str = _LEADER,
    trailer: str = _TRAILER,
    phase=0,
    chrom="1",
):
    bases = leader + coding + trailer
    start, end = 1 + len(leader), len(leader) + len(coding)
    gff = (
        f"{chrom} e gene 1 {len(bases)} . + . ID=gene:G\n"
        f"{chrom} e mRNA 1 {len(bases)} . + . ID=transcript:T;Parent=gene:G;biotype=x;{attributes}\n"
        f"{chrom} e exon 1 {len(bases)} . + . Parent=transcript:T\n"
    )
    if coding:
        gff += f"{chrom} e CDS {start} {end} . + {phase} Parent=transcript:T\n"
    t = built(folder, chrom, {chrom: bases}, gff)
    return t.status[0], int(t.phase[0])


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"coding": "ATGAAATAA"}, ""),
        ({"coding": ""}, "not_coding"),
        ({"coding": "ATGAAATAAA"}, "cds_length_not_of_codons"),
        ({"coding": "ATGAAAAAA"}, "no_stop_codon"),
        ({"coding": "ATGTGAAAATAA"}, "stop_within"),
        ({"coding": "ATGTGAAAATAA", "attributes": "tag=seleno"}, "selenocysteine"),
        ({"coding": "ATGNAATAA"}, "unknown_bases"),
        ({"coding": "ATGAAATAA", "attributes": "tag=basic,cds_start_NF"}, "cds_start_incomplete"),
        ({"coding": "ATGAAATAA", "attributes": "tag=cds_end_NF"}, "cds_end_incomplete"),
        ({"coding": "AAATAA", "leader": ""}, "cds_start_incomplete"),
        ({"coding": "ATGAAATAA", "leader": ""}, ""),
        ({"coding": "CTGAAATAA"}, ""),  # translation from another codon than ATG, inside the transcript
        ({"coding": "ATGAAAAA", "trailer": ""}, "cds_end_incomplete"),
        ({"coding": "ATGAAAAAA", "trailer": ""}, "cds_end_incomplete"),
        ({"coding": "ATGAAATAA", "attributes": "exception=ribosomal slippage"}, "ribosomal_slippage"),
        ({"coding": "ATGAAATAA", "attributes": "Note=1 indel compared to this genomic sequence"}, _DIFFERS),
        # The mitochondrion: TGA is tryptophan, AGA a stop, and there is no leader.
        ({"coding": "ATGTGAAAATAA", "chrom": "chrM"}, ""),
        ({"coding": "ATTTGAAAAAGA", "chrom": "chrM", "leader": ""}, ""),
        ({"coding": "ATGAAAAGATAA", "chrom": "chrM"}, "stop_within"),
        ({"coding": "ATGAAAT", "chrom": "chrM", "trailer": ""}, "cds_length_not_of_codons"),
    ],
)  # fmt: skip
def test_a_protein_that_does_not_follow_from_the_genome_is_refused(tmp_path, options, status):
    assert _status(tmp_path, **options)[0] == status


@pytest.mark.parametrize("phase", [1, 2])
def test_the_phase_of_an_incomplete_start_is_kept(tmp_path, phase):
    assert _status(tmp_path, "GG"[:phase] + "AAATAA", leader="", phase=phase) == (
        "cds_start_incomplete",
        phase,
    )


@pytest.mark.parametrize(
    ("second", "status"), [(20, "ribosomal_slippage"), (22, "ribosomal_slippage"), (21, "")]
)
def test_coding_segments_that_repeat_or_skip_a_base_are_a_slip(tmp_path, second, status):
    bases = _LEADER + "ATGAAATGGAAATAA" + _TRAILER
    gff = (
        f"1 e gene 1 39 . + . ID=gene:G\n1 e mRNA 1 39 . + . ID=transcript:T;Parent=gene:G;biotype=x\n"
        f"1 e exon 1 39 . + . Parent=transcript:T\n1 e CDS 13 20 . + . Parent=transcript:T\n"
        f"1 e CDS {second} 27 . + . Parent=transcript:T\n"
    )
    assert built(tmp_path, "1", {"1": bases}, gff).status == (status,)


# -- other people's transcripts ----------------------------------------------------------------------------


@pytest.mark.skipif(not ORACLE.is_dir(), reason="the HGVS oracle is not at hand")
@pytest.mark.real
def test_the_transcripts_of_the_hgvs_oracle():
    with gzip.open(ORACLE / "g40.tx.json.gz", "rt") as stream:
        expected = json.load(stream)
    with gzip.open(ORACLE / "g40.cdna.fa.gz", "rt") as stream:
        entries = [entry.partition("\n") for entry in stream.read().split(">")[1:]]
    cdna = {head.split()[0]: body.replace("\n", "") for head, _, body in entries}
    with Reference(ORACLE / "g40.fa.gz") as reference:
        t = build_transcripts(read_gene_model(ORACLE / "g40.gff3.gz"), "1", reference)
    assert set(t.name) == set(cdna)
    assert {name.rpartition(".")[0] for name in t.name} == set(expected)
    for k, name in enumerate(t.name):
        truth = expected[name.rpartition(".")[0]]
        assert bases_of(t, k) == truth["mrna"] == cdna[name]
        assert (t.cds_start[k], t.cds_end[k]) == (truth["c0"], truth["c1"])
        exons = slice(t.exon_offset[k], t.exon_offset[k + 1])
        bounds = sorted(zip(t.exon_start[exons].tolist(), t.exon_end[exons].tolist(), strict=True))
        assert bounds == sorted(map(tuple, truth["exons"]))
        assert t.status[k] == ""


@pytest.mark.skipif(not KIT.is_dir(), reason="the annotation kit is not at hand")
@pytest.mark.real
def test_the_transcripts_of_gencode_19_are_translated_or_refused_for_a_reason():
    with Reference(KIT / "b37.chr1_1-3400000.fa.gz") as reference:
        model = read_gene_model(KIT / "gencode19_derived.chr1_1-3400000.sorted.gff3.gz", ["chr1"])
        t = build_transcripts(model, "1", reference)
    # 24 of 243 coding transcripts have no protein of their own: 20 end with the transcript, three in it
    # without a stop, and the CDS of one has a gap.
    assert Counter(t.status) == {
        "": 219, "not_coding": 565, "cds_end_incomplete": 20, "no_stop_codon": 3, "cds_not_contiguous": 1,
    }  # fmt: skip
    for k in np.flatnonzero([status == "" for status in t.status]):
        protein = translate(bases_of(t, k)[t.cds_start[k] : t.cds_end[k]])
        assert protein[0] == "M"
        assert protein[-1] == "*"
        assert len(protein) == (t.cds_end[k] - t.cds_start[k]) // 3
