"""Consequences that files already carry: the formats, their alleles, and what can't be used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.annotation.imported.alleles import match_alleles, minimal_spelling, vep_spelling
from endotype.annotation.imported.compare import compare_imported
from endotype.annotation.imported.entries import split_entries
from endotype.annotation.imported.read import import_annotation
from endotype.annotation.imported.table import SCHEMA
from endotype.errors import InputError
from endotype.tables import write_parquet
from endotype.variants.shard import Outputs, normalise_region

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="no shared test data")

VEP_PARTS = (
    "Allele|Consequence|IMPACT|SYMBOL|Gene|Feature_type|Feature|BIOTYPE|EXON|INTRON|HGVSc|HGVSp|cDNA_position"
    "|CDS_position|Protein_position|Amino_acids|Codons|STRAND|CANONICAL|MANE_SELECT|ENSP|SIFT"
)
VEP = f'"Consequence annotations from Ensembl VEP. Format: {VEP_PARTS}"'
SNPEFF = (
    "\"Functional annotations: 'Allele | Annotation | Annotation_Impact | Gene_Name | Gene_ID | Feature_Type"
    " | Feature_ID | Transcript_BioType | Rank | HGVS.c | HGVS.p | cDNA.pos / cDNA.length"
    " | CDS.pos / CDS.length | AA.pos / AA.length | Distance | ERRORS / WARNINGS / INFO' \""
)
BCSQ = (
    '"Local consequence annotation from BCFtools/csq. Format: '
    "'[*]consequence|gene|transcript|biotype[|strand|amino_acid_change|dna_change]' or, for consequences of "
    "variants split across multiple sites, a pointer '@position'\""
)
SEQUENCE = "ACGTTTTTGCA" + "ACGT" * 20


def vep(allele: str, terms: str, impact: str = "MODERATE", transcript: str = "T.1", **more: str) -> str:
    names = VEP_PARTS.split("|")
    cells = dict.fromkeys(names, "") | {
        "Allele": allele,
        "Consequence": terms,
        "IMPACT": impact,
        "SYMBOL": "GENE",
        "Gene": "ENSG1",
        "Feature_type": "Transcript",
        "Feature": transcript,
        **more,
    }
    return "|".join(cells[name] for name in names)


def write(
    folder: Path, records: list[str], tag: str = "CSQ", description: str = VEP, program: str = ""
) -> Path:
    """A VCF of records ``pos ref alt value``."""
    path = folder / "in.vcf"
    lines = ["##fileformat=VCFv4.2", *([program] if program else []), "##contig=<ID=c1,length=91>"]
    lines.append(f"##INFO=<ID={tag},Number=.,Type=String,Description={description}>")
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for record in records:
        pos, ref, alt, value = record.split(" ", 3)
        info = f"{tag}={value}" if value != "." else "."
        lines.append("\t".join(["c1", pos, ".", ref, alt, ".", ".", info]))
    path.write_text("\n".join(lines) + "\n")
    return path


def read(folder: Path, vcf: Path, fasta: Path | None = None, maf: bool = False) -> tuple[pd.DataFrame, dict]:
    files = ([], [vcf]) if maf else ([vcf], [])
    result = import_annotation(*files, folder / "i.parquet", folder / "i.json", fasta)
    assert result == json.loads((folder / "i.json").read_text())
    assert pq.read_schema(folder / "i.parquet").equals(SCHEMA)
    for counts in result["files"]:
        assert counts["entries"] == counts["entries_used"] + sum(counts["set_aside"].values())
    table = pd.read_parquet(folder / "i.parquet")
    return table.astype(object).where(table.notna(), None), result


@pytest.mark.parametrize(
    ("ref", "alts", "written"),
    [
        ("A", ["G"], ["G"]),
        ("A", ["AT"], ["T"]),
        ("AT", ["A"], ["-"]),
        ("AT", ["A", "ATT"], ["-", "TT"]),  # all begin alike: the first base goes
        ("A", ["G", "AT"], ["G", "AT"]),  # not all do: it stays
        ("AC", ["GC", "AT"], ["GC", "AT"]),  # of one length: it stays
        ("AT", ["A", "*"], ["-", "*"]),  # a star is not asked
    ],
)
def test_alleles_as_vep_writes_them(ref, alts, written):
    assert list(vep_spelling(ref, alts)) == list(reversed(written))
    assert match_alleles(ref, alts, written) == list(range(len(alts)))


def test_alleles_in_other_spellings():
    assert match_alleles("AT", ["A", "ATT"], ["A", "ATT"]) == [0, 1]
    assert match_alleles("AT", ["A", "ATT"], ["AT", "A"]) == [None, 0]  # AT is REF
    assert match_alleles("ATTC", ["ATC"], ["-"]) == [0]  # minimal
    assert match_alleles("A", ["AA", "AAA"], ["AA", "AAA"], as_they_stand=True) == [0, 1]
    # Split after it was annotated: A, AA of one spelling, or of the other? Nothing is taken.
    assert match_alleles("A", ["AA"], ["A", "AA"]) is None
    assert match_alleles("A", ["G"], ["G", "C"]) == [0, None]


ALLELE = st.text("ACGT", min_size=1, max_size=4)


@given(ALLELE, st.lists(ALLELE, min_size=1, max_size=3, unique=True))
def test_every_allele_finds_its_place_again(ref, alts):
    alts = [alt for alt in alts if alt != ref]
    spelling = vep_spelling(ref, alts)
    assert match_alleles(ref, alts, list(spelling)) == list(spelling.values())
    written = [next(text for text, place in spelling.items() if place == i) for i in range(len(alts))]
    assert match_alleles(ref, alts, written) == list(range(len(alts)))
    assert set(minimal_spelling(ref, alts).values()) <= set(range(len(alts)))


def test_vep(tmp_path):
    value = vep(
        "T",
        "splice_region_variant&missense_variant",
        BIOTYPE="protein_coding",
        EXON="3/8",
        HGVSc="T.1:c.5C>T",
        HGVSp="P.1:p.Ser2%3D",
        cDNA_position="8-9/90",
        CDS_position="?-5",
        Protein_position="2/30",
        Amino_acids="S/F",
        Codons="tCa/tTa",
        STRAND="-1",
        CANONICAL="YES",
        MANE_SELECT="NM_1.2",
        ENSP="P.1",
        SIFT="tolerated(0.2)",
    )
    regulatory = vep("T", "regulatory_region_variant", "MODIFIER", "ENSR1", Feature_type="RegulatoryFeature")
    other = vep("T", "missense_variant&new_kind_variant", "LOW", "T.2")
    vcf = write(tmp_path, [f"2 C T {value},{regulatory},{other}"], program='##VEP="v110" cache="/home/x"')
    table, result = read(tmp_path, vcf)
    row = table.iloc[0].to_dict()
    assert row == row | {
        "variant_id": "c1:2:C:T", "gene": "GENE", "gene_id": "ENSG1", "transcript": "T.1",
        "consequence": "missense_variant&splice_region_variant", "impact": "MODERATE", "strand": "-",
        "exon": "3/8", "intron": None, "cdna_position": 8, "cds_position": None, "protein_position": 2,
        "amino_acids": "S/F", "codons": "tCa/tTa", "hgvs_c": "T.1:c.5C>T", "hgvs_p": "P.1:p.Ser2=",
        "protein_id": "P.1", "mane": "select", "canonical": True,
        "source": "VEP v110", "source_field": "CSQ", "source_row": 1, "unknown_terms": None,
        "source_consequence": "splice_region_variant&missense_variant", "consequence_status": "assessed",
    }  # fmt: skip
    other = table.iloc[1]
    assert (other["consequence"], other["unknown_terms"]) == ("missense_variant", "new_kind_variant")
    counts = result["files"][0]
    assert counts["set_aside"] == {"not_of_a_transcript": 1}
    assert counts["unknown_terms"] == {"new_kind_variant": 1}
    assert counts["notes"] == {"impact_differs": 1}  # LOW, which missense isn't
    assert counts["fields_not_taken"] == {"CSQ": ["sift"]}
    assert "/home" not in json.dumps(result)


def test_an_unknown_consequence_is_never_guessed(tmp_path):
    table, _ = read(tmp_path, write(tmp_path, [f"2 C T {vep('T', 'shiny_variant', 'HIGH')}"]))
    row = table.iloc[0]
    assert (row["consequence"], row["impact"], row["consequence_status"]) == (None, None, "not_assessed")
    assert (row["source_impact"], row["unknown_terms"]) == ("HIGH", "shiny_variant")


def test_hostile_text_stays_text(tmp_path):
    name = "=cmd()<script>%0A%3B../x"
    table, _ = read(tmp_path, write(tmp_path, [f"2 C T {vep('T', 'missense_variant', SYMBOL=name)}"]))
    assert table["gene"].tolist() == ["=cmd()<script>%0A;../x"]


def test_alleles_are_named_as_the_cohorts_are(tmp_path):
    fasta = tmp_path / "r.fa"
    fasta.write_text(f">chr_c1\n{SEQUENCE}\n".replace("chr_", "chr"))
    pysam.faidx(str(fasta))
    records = [
        f"3 GTTT GTT,GTTTT {vep('TT', 'intron_variant', 'MODIFIER')},{vep('TTTT', 'missense_variant')}",
        f"6 TT T {vep('-', 'frameshift_variant', 'HIGH')}",
        f"2 G A {vep('A', 'missense_variant')}",
        f"2 C A,* {vep('A', 'missense_variant')},{vep('*', 'missense_variant')}",
        f"2 C <DEL> {vep('deletion', 'missense_variant')}",
        f"90 ACG A {vep('-', 'missense_variant')}",
    ]
    table, result = read(tmp_path, write(tmp_path, records), fasta)
    assert table[["variant_id", "consequence"]].to_numpy().tolist() == [
        ["chrc1:2:C:A", "missense_variant"],
        ["chrc1:3:G:GT", "missense_variant"],
        ["chrc1:3:GT:G", "intron_variant"],
        ["chrc1:3:GT:G", "frameshift_variant"],
    ]
    reasons = {"ref_mismatch": 1, "spanning_deletion": 1, "beyond_contig": 1, "symbolic_allele": 1}
    assert result["files"][0]["set_aside"] == reasons


def test_a_shard_gives_each_part_of_a_site_its_own_entries(tmp_path):
    """The field of a site was copied to its parts; only the original record tells whose an entry is."""
    records = [f"2 C G,CT {vep('G', 'missense_variant')},{vep('CT', 'frameshift_variant', 'HIGH')}"]
    vcf = write(tmp_path, records)
    *head, columns, record = vcf.read_text().splitlines()
    head.append('##FORMAT=<ID=GT,Number=1,Type=String,Description="call">')
    vcf.write_text("\n".join([*head, f"{columns}\tFORMAT\tP", f"{record}\tGT\t1/2", ""]))
    normalise_region([vcf], "c1:1-91", None, Outputs.at(tmp_path / "s"))
    table, result = read(tmp_path, tmp_path / "s.bcf")
    found = dict(zip(table["variant_id"], table["consequence"], strict=True))
    assert found == {"c1:2:C:CT": "frameshift_variant", "c1:2:C:G": "missense_variant"}
    assert len(table) == 2
    assert result["files"][0]["set_aside"] == {"of_another_allele_of_the_site": 2}


def test_an_indel_that_was_moved_since_keeps_its_entries(tmp_path):
    """As a record of one ALT in a shard, left-aligned behind the back of its annotation."""
    value = f"{vep('CA', 'frameshift_variant', 'HIGH')},{vep('CA', 'intron_variant', 'MODIFIER', 'T.2')}"
    table, result = read(tmp_path, write(tmp_path, [f"20 GAC G {value}"]))
    assert table["variant_id"].tolist() == ["c1:20:GAC:G"] * 2
    assert result["files"][0]["notes"] == {"allele_written_otherwise": 2}
    table, result = read(tmp_path, write(tmp_path, [f"20 G C {value}"]))  # a single base can't have moved
    assert result["files"][0]["set_aside"] == {"of_another_allele_of_the_site": 2}
    moved = "frameshift|GENE|T.1|protein_coding|+|2S>2K|24GAC>G"
    table, _ = read(tmp_path, write(tmp_path, [f"20 GAC G {moved}"], "BCSQ", BCSQ))
    assert table["consequence"].tolist() == ["frameshift_variant"]


def test_commas_within_a_part_do_not_break_entries():
    assert split_entries("A|b,c|d,e,B|x|y", 3, "vep") == [["A", "b,c", "d,e"], ["B", "x", "y"]]
    assert split_entries("intron|G||nc,@5", 7, "bcsq") == [["intron", "G", "", "nc"], ["@5"]]


def test_snpeff(tmp_path):
    def entry(*cells: str) -> str:
        return "|".join([*cells, *[""] * (16 - len(cells))])

    coding = entry(
        *(
            "CA",
            "disruptive_inframe_insertion&splice_region_variant",
            "MODERATE",
            "GENE",
            "ENSG1",
            "transcript",
        ),
        *("T.1", "protein_coding", "3/8", "c.5_6insA", "p.S2F", "8/90", "5/60", "2/20"),
    )
    between = entry(
        "CA", "intergenic_region", "MODIFIER", "A-B", "A-B", "intergenic_region", "A-B", "", "", "n.2C>CA"
    )
    motif = entry("CA", "sequence_feature", "LOW", "GENE", "ENSG1", "domain:x", "T.1", "protein_coding")
    records = [f"2 C CA,G {coding},{between},{motif}"]
    table, result = read(
        tmp_path, write(tmp_path, records, "ANN", SNPEFF, '##SnpEffVersion="5.1d (build 2022)"')
    )
    first, second = table.to_dict("records")
    assert first == first | {
        "variant_id": "c1:2:C:CA", "consequence": "inframe_insertion&splice_region_variant", "exon": "3/8",
        "cdna_position": 8, "cds_position": 5, "protein_position": 2, "hgvs_c": "c.5_6insA",
        "transcript": "T.1",
        "source": "SnpEff 5.1d", "impact": "MODERATE",
        "source_consequence": "disruptive_inframe_insertion&splice_region_variant",
    }  # fmt: skip
    assert (second["consequence"], second["gene"], second["transcript"]) == ("intergenic_variant", None, None)
    assert result["files"][0]["set_aside"] == {"not_of_a_transcript": 1}
    assert result["files"][0]["unknown_terms"] == {}


def test_csq_with_references_to_other_records(tmp_path):
    together = "missense|GENE|T.1|protein_coding|+|2S>2K|2C>A+4T>G"
    records = [
        f"2 C A {together},intron|GENE||nc",
        "4 T G @2",
        "6 T G,A *stop_gained|GENE|T.1|protein_coding|+|3L>3*|6T>A",
        "8 T G @99",
    ]
    table, result = read(
        tmp_path, write(tmp_path, records, "BCSQ", BCSQ, "##bcftools/csqVersion=1.9+htslib-1.9")
    )
    rows = (
        table[["variant_id", "consequence", "haplotype", "amino_acids", "protein_position"]]
        .to_numpy()
        .tolist()
    )
    assert rows == [
        ["c1:2:C:A", "missense_variant", "2C>A+4T>G", "S/K", 2],
        ["c1:2:C:A", "intron_variant", None, None, None],
        ["c1:4:T:G", "missense_variant", "2C>A+4T>G", "S/K", 2],
        ["c1:6:T:A", "stop_gained", None, "L/*", 3],
    ]
    assert result["files"][0]["notes"] == {"haplotype_reference_resolved": 1}
    assert result["files"][0]["set_aside"] == {"haplotype_reference_not_found": 1}
    assert set(table["source"]) == {"bcftools csq 1.9+htslib-1.9"}


def test_maf(tmp_path):
    fasta = tmp_path / "r.fa"
    fasta.write_text(f">c1\n{SEQUENCE}\n")
    pysam.faidx(str(fasta))
    maf = tmp_path / "in.maf"
    names = (
        "Hugo_Symbol Chromosome Start_Position End_Position Variant_Classification Reference_Allele"
        " Tumor_Seq_Allele1 Tumor_Seq_Allele2 Tumor_Sample_Barcode Transcript_ID IMPACT Consequence"
        " Exon_Number"
    )
    rows = [
        names,
        "GENE c1 2 2 Missense_Mutation C C T s T.1 MODERATE missense_variant,splice_region_variant 3/8",
        "GENE c1 6 6 Frame_Shift_Del T T - s T.1 HIGH . .",
        "GENE c1 3 4 In_Frame_Ins - - TTT s T.1 . . .",
        "GENE c1 9 9 Splice_Site G G A s T.1 . . .",
        "GENE c1 9 9 Silent G G G s T.1 . . .",
        "GENE c1 9 9 ragged",
    ]
    maf.write_text("\n".join(row.replace(" ", "\t") for row in rows) + "\n")
    table, result = read(tmp_path, maf, fasta, maf=True)
    found = table[["variant_id", "consequence", "unknown_terms", "source_row"]].to_numpy().tolist()
    assert found == [
        ["c1:2:C:T", "missense_variant&splice_region_variant", None, 2],
        ["c1:3:G:GTTT", "inframe_insertion", None, 4],
        ["c1:3:GT:G", "frameshift_variant", None, 3],
        ["c1:9:G:A", None, "Splice_Site", 5],
    ]
    assert table["exon"].tolist() == ["3/8", None, None, None]
    assert result["files"][0]["set_aside"] == {"no_alternate_allele": 1, "ragged_row": 1}
    _, result = read(tmp_path, maf, None, maf=True)
    assert result["files"][0]["set_aside"]["needs_reference"] == 2


def test_files_without_annotation_are_refused(tmp_path):
    with pytest.raises(InputError, match="declares no annotation field"):
        read(tmp_path, write(tmp_path, ["2 C T ."], "DP", '"depth"'))
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path, tmp_path / "nothing.vcf")
    (tmp_path / "text.vcf").write_text("hello\n")
    with pytest.raises(InputError, match="without a VCF header"):
        read(tmp_path, tmp_path / "text.vcf")


def test_comparison_counts_terms_by_transcript(tmp_path):
    records = [
        f"2 C T {vep('T', 'missense_variant')},{vep('T', 'intron_variant', transcript='U.1')}",
        f"4 T A {vep('A', 'stop_gained', 'HIGH')},{vep('A', 'missense_variant', transcript='V.1')}",
        f"6 T A {vep('A', 'stop_gained', 'HIGH')}",
    ]
    read(tmp_path, write(tmp_path, records))
    ours = [
        ("c1:2:C:T", "T.7", "missense_variant&splice_region_variant", "MODERATE"),
        ("c1:2:C:T", "U", "intron_variant", "MODIFIER"),
        ("c1:4:T:A", "T.1", "frameshift_variant", "HIGH"),
    ]
    table = pd.DataFrame(ours, columns=["variant_id", "transcript", "consequence", "impact"])
    write_parquet(table.assign(consequence_status="assessed"), tmp_path / "ours.parquet")
    assert compare_imported(tmp_path / "ours.parquet", tmp_path / "i.parquet") == {
        "VEP": {
            "compared": 3,
            "same_term": 2,
            "same_impact": 3,
            "transcript_not_ours": 1,
            "variant_not_ours": 1,
            "differences": [{"ours": "frameshift_variant", "theirs": "stop_gained", "n": 1}],
        }
    }


def test_the_command_and_its_error_code(tmp_path):
    vcf = write(tmp_path, [f"2 C T {vep('T', 'missense_variant')}"])
    command = [
        sys.executable,
        str(ROOT / "scripts/import_annotation.py"),
        "--out",
        str(tmp_path / "o.parquet"),
    ]
    command += ["--summary", str(tmp_path / "o.json"), "--vcf"]
    subprocess.run([*command, str(vcf)], check=True)
    read(tmp_path, vcf)
    assert (tmp_path / "o.parquet").read_bytes() == (tmp_path / "i.parquet").read_bytes()
    failed = subprocess.run([*command, str(tmp_path / "no.vcf")], capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert "no such file" in failed.stderr


# -------------------------------------------------------------------------------------------- real files


@needs_data
@pytest.mark.real
def test_entries_of_vep_equal_split_vep(tmp_path):
    """``bcftools +split-vep -d -f '%CHROM:%POS %Gene %Consequence'`` on the same file."""
    oracle = SHARED / "oracles" / "bcftools"
    table, _ = read(tmp_path, oracle / "split-vep.gene-list.vcf")
    found = (
        table["chrom"]
        + ":"
        + table["pos"].astype(str)
        + " "
        + table["gene_id"]
        + " "
        + table["source_consequence"]
    )
    assert sorted(found) == sorted((oracle / "split-vep.gene-list.1.out").read_text().splitlines())


@needs_data
@pytest.mark.real
def test_a_plugin_that_writes_commas(tmp_path):
    oracle = SHARED / "oracles" / "bcftools"
    table, result = read(tmp_path, oracle / "split-vep.broken-LoF.vcf")
    expected = [
        line.split(" ")[:2] for line in (oracle / "split-vep.broken-LoF.out").read_text().splitlines()
    ]
    found = (table["chrom"] + ":" + table["pos"].astype(str)).tolist()
    assert sorted(zip(found, table["source_consequence"], strict=True)) == sorted(map(tuple, expected))
    assert result["files"][0]["set_aside"] == {}


@needs_data
@pytest.mark.real
def test_the_real_trio_carries_its_own_consequences(tmp_path):
    """Every BCSQ entry of GIAB's trio is used, but those of the other parts of a site split by its maker."""
    table, result = read(tmp_path, SHARED / "annotation_kit" / "trio" / "ashk-trio.vcf.gz")
    counts = result["files"][0]
    assert counts["unknown_terms"] == {}
    assert set(counts["set_aside"]) == {"of_another_allele_of_the_site"}
    with pysam.VariantFile(str(SHARED / "annotation_kit" / "trio" / "ashk-trio.vcf.gz")) as trio:
        entries = sum(len(r.info["BCSQ"]) for r in trio if "BCSQ" in r.info)
    assert counts["entries"] == entries
    assert table["source"].unique().tolist() == ["bcftools csq 1.9+htslib-1.9"]
