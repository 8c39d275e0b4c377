# ruff: noqa: E501 - lines of GFF3 are long
"""Gene models of three dialects, and of files that are faulty as a whole or in part."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pysam
import pytest

from endotype.annotation.gene_model import gene_frame, model_contig, read_gene_model
from endotype.errors import InputError
from tests.annotation.builders import HOSTILE_NAME, write_gff

SHARED = Path(__file__).parents[3] / "shared" / "data"
KIT = SHARED / "annotation_kit"
VEP = SHARED / "oracles" / "vep" / "test.gff.gz"

# One gene of two exons, as each of the three would write it; blanks of the nine columns become tabs.
ENSEMBL = """##gff-version 3
1 ensembl gene 101 190 . + . ID=gene:ENSG1;Name=FW1;biotype=protein_coding;description=a%20b [Source:HGNC Symbol%3BAcc:HGNC:77];version=3
1 ensembl mRNA 101 190 . + . ID=transcript:ENST1;Parent=gene:ENSG1;biotype=protein_coding;tag=basic,Ensembl_canonical,MANE_Select;transcript_id=ENST1;version=4
1 ensembl exon 101 130 . + . Parent=transcript:ENST1;Name=ENSE1;version=1
1 ensembl CDS 110 130 . + 0 ID=CDS:ENSP1;Parent=transcript:ENST1;protein_id=ENSP1;version=2
1 ensembl exon 161 190 . + . Parent=transcript:ENST1;Name=ENSE2;version=1
1 ensembl CDS 161 181 . + 0 ID=CDS:ENSP1;Parent=transcript:ENST1;protein_id=ENSP1;version=2
"""
GENCODE = """##gff-version 3
##provider: GENCODE
chr1 HAVANA gene 101 190 . + . ID=ENSG1.3;gene_id=ENSG1.3;gene_type=protein_coding;gene_name=FW1;level=2;hgnc_id=HGNC:77
chr1 HAVANA transcript 101 190 . + . ID=ENST1.4;Parent=ENSG1.3;gene_id=ENSG1.3;gene_type=protein_coding;transcript_type=protein_coding;gene_name=FW1;tag=basic,Ensembl_canonical,MANE_Select
chr1 HAVANA exon 101 130 . + . ID=exon:ENST1.4:1;Parent=ENST1.4;gene_id=ENSG1.3;gene_type=protein_coding;tag=basic
chr1 HAVANA CDS 110 130 . + 0 ID=CDS:ENST1.4;Parent=ENST1.4;gene_id=ENSG1.3;gene_type=protein_coding;protein_id=ENSP1.2
chr1 HAVANA start_codon 110 112 . + 0 ID=start_codon:ENST1.4;Parent=ENST1.4;gene_type=protein_coding
chr1 HAVANA exon 161 190 . + . ID=exon:ENST1.4:2;Parent=ENST1.4;gene_id=ENSG1.3;gene_type=protein_coding;tag=basic
chr1 HAVANA CDS 161 181 . + 0 ID=CDS:ENST1.4;Parent=ENST1.4;gene_id=ENSG1.3;gene_type=protein_coding;protein_id=ENSP1.2
chr1 HAVANA five_prime_UTR 101 109 . + . ID=UTR5:ENST1.4;Parent=ENST1.4;gene_type=protein_coding
"""
REFSEQ = """##gff-version 3
#!processor NCBI annotwriter
NC_000001.11 RefSeq region 1 600 . + . ID=NC_000001.11:1..600;Dbxref=taxon:9606;gbkey=Src
NC_000001.11 BestRefSeq gene 101 190 . + . ID=gene-FW1;Dbxref=GeneID:5,HGNC:HGNC:77,MIM:1;Name=FW1;gbkey=Gene;gene=FW1;gene_biotype=protein_coding;gene_synonym=OLD1,OLD%2C2
NC_000001.11 BestRefSeq mRNA 101 190 . + . ID=rna-NM_1.4;Parent=gene-FW1;Dbxref=GeneID:5,GenBank:NM_1.4;Name=NM_1.4;gbkey=mRNA;gene=FW1;tag=MANE Select;transcript_id=NM_1.4
NC_000001.11 BestRefSeq exon 101 130 . + . ID=exon-NM_1.4-1;Parent=rna-NM_1.4;gbkey=mRNA;transcript_id=NM_1.4
NC_000001.11 BestRefSeq exon 161 190 . + . ID=exon-NM_1.4-2;Parent=rna-NM_1.4;gbkey=mRNA;transcript_id=NM_1.4
NC_000001.11 BestRefSeq CDS 110 130 . + 0 ID=cds-NP_1.2;Parent=rna-NM_1.4;Name=NP_1.2;gbkey=CDS;gene=FW1;protein_id=NP_1.2
NC_000001.11 BestRefSeq CDS 161 181 . + 0 ID=cds-NP_1.2;Parent=rna-NM_1.4;Name=NP_1.2;gbkey=CDS;gene=FW1;protein_id=NP_1.2
"""


def tabbed(text: str) -> str:
    """The first nine blanks of each line as tabs: attributes may hold blanks themselves."""
    rows = [line if line.startswith("#") else "\t".join(line.split(" ", 8)) for line in text.splitlines()]
    return "\n".join(rows) + "\n"


def written(folder: Path, text: str, name: str = "genes.gff3") -> Path:
    path = folder / name
    path.write_text(tabbed(text))
    return path


@pytest.mark.parametrize(
    ("text", "dialect", "names"),
    [
        (ENSEMBL, "ensembl", ("1", "ENSG1", "ENST1.4", "ENSP1.2", "")),
        (GENCODE, "gencode", ("chr1", "ENSG1", "ENST1.4", "ENSP1.2", "")),
        (REFSEQ, "refseq", ("NC_000001.11", "FW1", "NM_1.4", "NP_1.2", "OLD1|OLD,2")),
    ],
)
def test_a_gene_is_the_same_in_every_dialect(tmp_path, text, dialect, names):
    model = read_gene_model(written(tmp_path, text))
    chrom, gene_id, transcript, protein, synonyms = names
    [gene], [only] = model.genes.values(), model.transcripts.values()
    assert model.dialect == dialect
    assert (gene.gene, gene.gene_id, gene.hgnc_id, gene.synonyms) == ("FW1", gene_id, "HGNC:77", synonyms)
    assert gene.biotype == only.biotype == "protein_coding"
    assert (only.transcript, only.protein_id, only.mane, only.canonical) == (
        transcript,
        protein,
        "select",
        True,
    )
    assert (only.chrom, only.start, only.end, only.strand) == (chrom, 101, 190, "+")
    for segments, bounds in (
        (model.exons, [(101, 130), (161, 190)]),
        (model.coding, [(110, 130), (161, 181)]),
    ):
        assert list(zip(segments.start.tolist(), segments.end.tolist(), strict=True)) == bounds
    assert model.coding.phase.tolist() == [0, 0]
    assert model_contig(model, "chr1") == chrom
    assert model.excluded == ()


def test_the_genes_as_a_table(tmp_path):
    frame = gene_frame(read_gene_model(written(tmp_path, REFSEQ)))
    assert frame.loc[0, ["gene", "gene_id", "hgnc_id", "synonyms"]].tolist() == [
        *("FW1", "FW1", "HGNC:77", "OLD1|OLD,2")
    ]
    assert gene_frame(read_gene_model(written(tmp_path, ENSEMBL)))["synonyms"].isna().all()


def test_names_are_text_whatever_they_hold_and_parts_may_come_first(tmp_path):
    model = read_gene_model(write_gff(tmp_path))
    assert model.genes["REV"].gene == HOSTILE_NAME
    assert model.transcripts["REV.1"].strand == "-"
    assert model.genes["NC"].gene == "NC"  # no symbol


@pytest.mark.parametrize("form", ["gzip", "bgzip", "tabix", "stale"])
def test_compressed_and_indexed_files_read_the_same(tmp_path, form):
    plain = written(tmp_path, GENCODE + GENCODE.replace("chr1", "chr2").replace("1.", "2."))
    expected = read_gene_model(plain)
    packed = tmp_path / "packed.gff3.gz"
    if form == "gzip":
        packed.write_bytes(gzip.compress(plain.read_bytes()))
    else:
        lines = sorted(
            (x for x in plain.read_text().splitlines() if not x.startswith("#")),
            key=lambda x: (x.split("\t")[0], int(x.split("\t")[3])),
        )
        text = tmp_path / "sorted.gff3"
        text.write_text("\n".join(lines) + "\n")
        pysam.tabix_compress(str(text), str(packed))
    if form in ("tabix", "stale"):
        pysam.tabix_index(str(packed), preset="gff")
    if form == "stale":
        index = Path(f"{packed}.tbi")
        index.write_bytes(b"no index")
        import os

        os.utime(index, (0, 0))
    found = read_gene_model(packed)
    assert dict(found.transcripts) == dict(expected.transcripts)
    assert np.array_equal(found.exons.start, expected.exons.start)
    one = read_gene_model(packed, ["2"])
    assert list(one.transcripts) == ["ENST2.4"]
    assert read_gene_model(packed, ["7"]).transcripts == {}


# -- what each dialect says of unusual transcripts -------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "flag"),
    [
        ("exception=ribosomal slippage", "ribosomal_slippage"),
        ("transl_except=(pos:120..122%2Caa:Sec)", "selenocysteine"),
        (
            "Note=The RefSeq protein has 1 substitution compared to this genomic sequence",
            "differs_from_reference",
        ),
        ("exception=unclassified transcription discrepancy", "differs_from_reference"),
        ("product=LOW QUALITY PROTEIN: x", "differs_from_reference"),
        ("partial=true;start_range=.%2C110", "cds_start_NF"),
        ("partial=true;end_range=181%2C.", "cds_end_NF"),
        ("tag=cds_start_NF", "cds_start_NF"),
        ("tag=seleno", "selenocysteine"),
    ],
)
def test_marks_of_a_coding_segment_are_marks_of_its_transcript(tmp_path, attributes, flag):
    text = REFSEQ.replace("ID=cds-NP_1.2;", f"ID=cds-NP_1.2;{attributes};")
    [only] = read_gene_model(written(tmp_path, text)).transcripts.values()
    assert flag in only.flags
    assert flag not in next(iter(read_gene_model(written(tmp_path, REFSEQ)).transcripts.values())).flags


def test_a_redefined_stop_of_gencode_and_a_gapped_alignment_of_refseq(tmp_path):
    stop = (
        "chr1 HAVANA stop_codon_redefined_as_selenocysteine 119 121 . + . ID=s;Parent=ENST1.4;gene_type=x\n"
    )
    model = read_gene_model(written(tmp_path, GENCODE + stop))
    assert "selenocysteine" in model.transcripts["ENST1.4"].flags
    match = "NC_000001.11 RefSeq cDNA_match 101 190 90 + . ID=aln1;Target=NM_1.4 1 91 +;gap_count={};Gap=M30 I1 M60\n"
    model = read_gene_model(written(tmp_path, REFSEQ + match.format(1)))
    assert "differs_from_reference" in model.transcripts["NM_1.4"].flags
    exact = match.format(0).replace(";Gap=M30 I1 M60", "")
    model = read_gene_model(written(tmp_path, REFSEQ + exact))
    assert "differs_from_reference" not in model.transcripts["NM_1.4"].flags


def test_the_copies_of_gencode_and_refseq_on_other_contigs_keep_their_own_ids(tmp_path):
    copy = (
        GENCODE.replace("chr1", "chrY")
        .replace("ENSG1.3", "ENSG1.3_PAR_Y")
        .replace("ENST1.4", "ENST1.4_PAR_Y")
    )
    model = read_gene_model(written(tmp_path, GENCODE + copy))
    assert list(model.transcripts) == ["ENST1.4", "ENST1.4_PAR_Y"]
    assert list(model.genes) == ["ENSG1", "ENSG1_PAR_Y"]
    alt = (
        REFSEQ.replace("NC_000001.11", "NT_1.1")
        .replace("gene-FW1", "gene-FW1-2")
        .replace("rna-NM_1.4", "rna-NM_1.4-2")
    )
    model = read_gene_model(written(tmp_path, REFSEQ + alt))
    assert list(model.transcripts) == ["NM_1.4", "NM_1.4-2"]
    assert model.genes["FW1-2"].gene == "FW1"


def test_refseq_parts_of_a_gene_itself_are_its_transcript_and_mature_rnas_have_their_gene(tmp_path):
    model = read_gene_model(
        written(
            tmp_path,
            "NC_012920.1 RefSeq gene 51 68 . + . ID=gene-MTG;Name=MTG;gbkey=Gene;gene_biotype=protein_coding\n"
            "NC_012920.1 RefSeq CDS 51 68 . + 0 ID=cds-YP_1.1;Parent=gene-MTG;protein_id=YP_1.1;gbkey=CDS\n"
            "NC_000001.11 B gene 1 90 . + . ID=gene-MIR1;Name=MIR1;gbkey=Gene;gene_biotype=miRNA\n"
            "NC_000001.11 B primary_transcript 1 90 . + . ID=rna-NR_1.1;Parent=gene-MIR1;gbkey=precursor_RNA\n"
            "NC_000001.11 B exon 1 90 . + . ID=exon-NR_1.1-1;Parent=rna-NR_1.1\n"
            "NC_000001.11 B miRNA 9 30 . + . ID=rna-MIR1;Parent=rna-NR_1.1;gbkey=ncRNA\n"
            "NC_000001.11 B exon 9 30 . + . ID=exon-MIR1-1;Parent=rna-MIR1\n",
        )
    )
    assert model.transcripts["MTG"].protein_id == "YP_1.1"
    assert model.transcripts["MTG"].biotype == "protein_coding"
    assert model.transcripts["MIR1"].gene_id == "MIR1"
    assert model.transcripts["NR_1.1"].biotype == "primary_transcript"


# -- files that are refused, with every fault ------------------------------------------------------------

_ONE = "1 e gene 1 90 . + . ID=gene:G\n1 e mRNA 1 90 . + . ID=transcript:T;Parent=gene:G;biotype=x\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 e exon 1 9 . + . Parent=transcript:T", "'T', which no line describes"),
        ("1 e mRNA 1 9 . + . ID=transcript:T;Parent=gene:G;biotype=x", "gene 'G', which no line describes"),
        (_ONE + "1 e exon 9 1 . + . Parent=transcript:T", "row 3, column start: found start '9', end '1'"),
        (_ONE + "1 e exon -5 9 . + . Parent=transcript:T", "row 3, column start"),
        (_ONE + "1 e exon x 9 . + . Parent=transcript:T", "1 <= start <= end"),
        (_ONE + "1 e exon 1 9 . * . Parent=transcript:T", "column strand: found '\\*'"),
        (_ONE + "1 e CDS 1 9 . + 3 Parent=transcript:T", "column phase: found '3'"),
        (_ONE + "1 e exon 1 9 . + . Name=x", "exon without a Parent"),
        (
            _ONE + "1 e mRNA 1 90 . + . ID=transcript:T;Parent=gene:G;biotype=x",
            "transcript 'T' a second time",
        ),
        (_ONE + "1 e gene 1 90 . + . ID=gene:G", "gene 'G' a second time"),
        (_ONE + "1 e exon", "3 columns"),
        ("1 e gene 1 90 . + . ID=gene:G", "1 genes and no transcripts"),
        ("", "no transcripts"),
        ('1 e exon 1 9 . + . gene_id "G"; transcript_id "T";', "found GTF"),
        ("1 maker match 1 9 . + . ID=m1", "Ensembl, GENCODE or RefSeq"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_gene_model(written(tmp_path, text))


def test_all_faults_are_listed_at_once_up_to_a_limit(tmp_path):
    text = _ONE + "".join(f"1 e exon 9 {i} . + . Parent=transcript:T\n" for i in range(1, 8))
    with pytest.raises(InputError) as caught:
        read_gene_model(written(tmp_path, text))
    assert [p.row for p in caught.value.problems] == list(range(3, 10))
    text = _ONE + "1 e exon 9 1 . + . Parent=transcript:T\n" * 50
    with pytest.raises(InputError) as caught:
        read_gene_model(written(tmp_path, text))
    assert len(caught.value.problems) == 20


@pytest.mark.parametrize("suffix", ["gff3", "gff3.gz"])
def test_a_damaged_or_missing_file_is_the_users_error(tmp_path, suffix):
    path = tmp_path / f"genes.{suffix}"
    with pytest.raises(InputError, match="no such file"):
        read_gene_model(path)
    packed = gzip.compress(tabbed(ENSEMBL * 50).encode())
    path.write_bytes(packed[: len(packed) // 2] if suffix.endswith("gz") else b"1\te\t\xff\xfe")
    with pytest.raises(InputError, match="damaged"):
        read_gene_model(path)


# -- odd transcripts in files that are otherwise whole -----------------------------------------------------

_GOOD = (
    "1 e gene 1 300 . + . ID=gene:G\n"
    "1 e mRNA 1 300 . + . ID=transcript:OK;Parent=gene:G;biotype=protein_coding\n"
    "1 e exon 1 300 . + . Parent=transcript:OK\n"
    "1 e mRNA 1 300 . + . ID=transcript:ODD;Parent=gene:G;biotype=protein_coding\n"
)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ("", "no_exons"),
        ("exon 1 50 +,exon 40 90 +", "overlapping_exons"),
        ("exon 1 50 +,exon 100 301 +", "exons_outside_transcript"),
        ("exon 1 50 +,CDS 10 60 +", "cds_outside_exons"),
        ("exon 10 50 +,CDS 1 9 +", "cds_outside_exons"),
        ("exon 1 50 -", "mixed_strands"),
        ("exon 1 90 +,CDS 1 30 +,CDS 20 60 +", "overlapping_cds"),
    ],
)
def test_an_odd_transcript_is_left_out_and_counted_with_its_reason(tmp_path, parts, reason):
    lines = []
    for part in filter(None, parts.split(",")):
        kind, start, end, strand = part.split()
        lines.append(f"1 e {kind} {start} {end} . {strand} . Parent=transcript:ODD\n")
    model = read_gene_model(written(tmp_path, _GOOD + "".join(lines)))
    assert list(model.transcripts) == ["OK"]
    [odd] = model.excluded
    assert (odd.transcript, odd.gene_id, odd.chrom, odd.start, odd.end) == ("ODD", "G", "1", 1, 300)
    assert odd.reason == reason
    summary = model.summary()
    assert summary["excluded"] == {reason: 1}
    assert summary["transcripts_read"] == summary["transcripts"] + sum(summary["excluded"].values()) == 2


def test_a_transcript_with_parts_on_another_contig_is_left_out(tmp_path):
    model = read_gene_model(written(tmp_path, _GOOD + "2 e exon 1 50 . + . Parent=transcript:ODD\n"))
    assert model.summary()["excluded"] == {"mixed_contigs": 1}


@pytest.mark.parametrize(
    ("strand", "phases", "wrong"),
    [
        ("+", (0, 2, 0), False),
        ("+", (0, 1, 0), True),
        ("+", (2, 1, 2), False),
        ("-", (1, 0, 0), False),
        ("-", (2, 0, 0), True),
    ],
)
def test_phases_follow_from_the_coding_bases_before_them(tmp_path, strand, phases, wrong):
    # CDS of 10, 20 and 21 bases; phases are listed in the order of the genome.
    text = _GOOD.replace(" + ", f" {strand} ")
    bounds = [(1, 10), (101, 120), (201, 221)]
    for (start, end), phase in zip(bounds, phases, strict=True):
        text += f"1 e exon {start} {end} . {strand} . Parent=transcript:ODD\n"
        text += f"1 e CDS {start} {end} . {strand} {phase} Parent=transcript:ODD\n"
    model = read_gene_model(written(tmp_path, text))
    assert ("wrong_phase" in model.transcripts["ODD"].flags) == wrong


def test_a_cds_that_skips_an_exon_is_marked_and_its_exons_kept(tmp_path):
    text = _GOOD
    for start, end in [(1, 30), (101, 130), (201, 230)]:
        text += f"1 e exon {start} {end} . + . Parent=transcript:ODD\n"
    text += "1 e CDS 1 30 . + 0 Parent=transcript:ODD\n1 e CDS 201 230 . + 0 Parent=transcript:ODD\n"
    model = read_gene_model(written(tmp_path, text))
    assert model.transcripts["ODD"].flags == {"cds_not_contiguous"}


def test_exons_are_made_of_cds_and_utrs_where_there_are_none_and_adjoining_ones_joined(tmp_path):
    parts = "CDS 40 50 +,five_prime_UTR 30 39 +,CDS 60 65 +,three_prime_UTR 66 80 +"
    lines = [
        f"1 e {kind} {start} {end} . {strand} . Parent=transcript:ODD\n"
        for kind, start, end, strand in map(str.split, parts.split(","))
    ]
    model = read_gene_model(written(tmp_path, _GOOD + "".join(lines)))
    part = model.exons.of(1)
    assert model.exons.start[part].tolist() == [30, 60]
    assert model.exons.end[part].tolist() == [50, 80]
    assert model.summary()["notes"] == {"exons_derived": 1}
    text = _GOOD + "1 e exon 1 50 . + . Parent=transcript:ODD\n1 e exon 51 90 . + . Parent=transcript:ODD\n"
    model = read_gene_model(written(tmp_path, text))
    assert model.exons.end[model.exons.of(1)].tolist() == [90]


def test_a_file_most_of_whose_transcripts_are_odd_is_refused(tmp_path):
    text = "1 e gene 1 300 . + . ID=gene:G\n"
    for i in range(100):
        text += f"1 e mRNA 1 300 . + . ID=transcript:T{i};Parent=gene:G;biotype=x\n"
        end = 301 if i < 20 else 300
        text += f"1 e exon 1 {end} . + . Parent=transcript:T{i}\n"
    with pytest.raises(InputError, match="exons beyond its own bounds"):
        read_gene_model(written(tmp_path, text))


# -- real files ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not KIT.is_dir(), reason="the annotation kit is not at hand")
@pytest.mark.real
def test_gencode_19_of_the_first_bases_of_chromosome_1():
    model = read_gene_model(KIT / "gencode19_derived.chr1_1-3400000.sorted.gff3.gz")
    assert (len(model.genes), len(model.transcripts)) == (191, 808)
    assert (len(model.exons.start), len(model.coding.start)) == (4849, 2138)
    # One transcript of MIB2 has a coding segment that ends within an exon and goes on in the next.
    assert model.summary()["flags"] == {"cds_not_contiguous": 1}


@pytest.mark.skipif(not VEP.is_file(), reason="VEP's test gene model is not at hand")
@pytest.mark.real
def test_chromosome_21_of_ensembl():
    model = read_gene_model(VEP)
    assert (len(model.genes), len(model.transcripts), len(model.excluded)) == (835, 2414, 0)
    assert (len(model.exons.start), len(model.coding.start)) == (
        13966 + 8,
        7406 + 8,
    )  # eight lines have two Parents
    assert model.dialect == "ensembl"
