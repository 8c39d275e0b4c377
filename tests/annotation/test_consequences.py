"""Consequences of single alleles by csq: written out by hand on a small genome, and real variants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype import bcftools
from endotype.annotation.consequences import COLUMNS, local_consequences, parse_bcsq
from endotype.annotation.severity import SO_TERM, severity_rank, so_terms
from tests.annotation.builders import (
    COMPLEMENT,
    HOSTILE_NAME,
    base_at,
    mirror,
    write_bcf,
    write_fasta,
    write_gff,
)

SHARED = Path(__file__).parents[3] / "shared" / "data"
KIT = SHARED / "annotation_kit"

# On the forward gene M K W Q G L Y | E R K P S N *: position, alternate base, what it does to the protein.
BY_HAND = [
    (105, "C", "5_prime_UTR_variant", None),
    (110, "G", "start_lost", "1M>1V"),
    (113, "G", "missense_variant", "2K>2E"),
    (118, "A", "stop_gained", "3W>3*"),
    (124, "C", "synonymous_variant", "5G"),
    (130, "T", "splice_region_variant&synonymous_variant", "7Y"),
    (131, "A", "splice_donor_variant", None),
    (134, "T", "splice_region_variant", None),
    (145, "T", "intron_variant", None),
    (160, "A", "splice_acceptor_variant", None),
    (179, "C", "stop_lost", "14*>14Q"),
    (181, "G", "stop_retained_variant", "14*"),
    (185, "G", "3_prime_UTR_variant", None),
]


def _other_base(chrom: str, pos: int) -> str:
    return "A" if base_at(chrom, pos) != "A" else "C"


def _snv(chrom: str, pos: int, alt: str | None = None) -> tuple[str, int, str, str]:
    return chrom, pos, base_at(chrom, pos), alt or _other_base(chrom, pos)


@pytest.fixture(scope="module")
def called(tmp_path_factory) -> pd.DataFrame:
    """Consequences of all variants of this page, by variant id."""
    folder = tmp_path_factory.mktemp("consequences")
    variants = [_snv("c1", pos, alt) for pos, alt, *_ in BY_HAND]
    variants += [_snv("c1", mirror(pos), alt.translate(COMPLEMENT)) for pos, alt, *_ in BY_HAND]
    variants += [("c1", 119, "CA", "C"), ("c1", 118, "GCAA", "G"), ("c1", 118, "G", "GAAA")]
    variants += [_snv("c1", 250), _snv("c2", 20), _snv("c2", 160), _snv("c3", 20)]
    variants += [("MT", 62, "G", "A"), ("c1", 260, base_at("c1", 260), "<DEL>")]
    variants += [("c1", 190, base_at("c1", 190), base_at("c1", 190) + "T")]
    bcf = write_bcf(folder / "shard.bcf", variants, info="BCSQ=stop_gained|OLD|OLD.1|protein_coding")
    out = folder / "consequences.parquet"
    local_consequences(bcf, out, write_fasta(folder), write_gff(folder))
    frame = pd.read_parquet(out)
    assert list(frame.columns) == COLUMNS
    assert frame["variant_id"].nunique() == len(variants)
    return frame.astype(object).where(frame.notna(), None).set_index("variant_id", drop=False)


def _id(variant: tuple[str, int, str, str]) -> str:
    return ":".join(map(str, variant))


@pytest.mark.parametrize(("pos", "alt", "consequence", "protein"), BY_HAND)
def test_a_change_of_the_forward_gene_does_what_its_codon_says(called, pos, alt, consequence, protein):
    row = called.loc[_id(_snv("c1", pos, alt))]
    assert (row["consequence"], row["amino_acid_change"]) == (consequence, protein)
    assert (row["gene"], row["gene_id"], row["strand"], row["biotype"]) == (
        "FW1",
        "FWD",
        "+",
        "protein_coding",
    )
    assert row["consequence_status"] == "assessed"


@pytest.mark.parametrize(("pos", "alt", "consequence", "protein"), BY_HAND)
def test_the_mirrored_change_does_the_same_to_the_reverse_gene(called, pos, alt, consequence, protein):
    # This gene comes without UTR lines, its parts before it, and a name full of csq's own separators.
    row = called.loc[_id(_snv("c1", mirror(pos), alt.translate(COMPLEMENT)))]
    assert (row["consequence"], row["amino_acid_change"]) == (consequence, protein)
    assert (row["gene"], row["gene_id"], row["strand"]) == (HOSTILE_NAME, "REV", "-")


@pytest.mark.parametrize(
    ("variant", "consequence", "protein"),
    [
        (("c1", 119, "CA", "C"), "frameshift_variant", "4QGLYERKPSN*>4QVCTNVNHQT"),
        (("c1", 118, "GCAA", "G"), "inframe_deletion", "3WQ>3W"),
        (("c1", 118, "G", "GAAA"), "inframe_insertion", "3W>3WK"),
    ],
)
def test_insertions_and_deletions_shift_or_keep_the_frame(called, variant, consequence, protein):
    row = called.loc[_id(variant)]
    assert (row["consequence"], row["amino_acid_change"]) == (consequence, protein)


def test_in_the_mitochondrion_tga_is_tryptophan(called):
    row = called.loc["MT:62:G:A"]
    assert (row["consequence"], row["amino_acid_change"]) == ("synonymous_variant", "4W")


def test_a_gene_without_a_protein_is_named_by_its_id_when_it_has_no_symbol(called):
    row = called.loc[_id(_snv("c2", 20))]
    assert (row["consequence"], row["gene"], row["gene_id"]) == ("non_coding_transcript_variant", "NC", "NC")


@pytest.mark.parametrize(
    ("variant", "consequence", "status"),
    [
        (_snv("c1", 250), "intergenic_variant", "assessed"),
        (("c1", 190, base_at("c1", 190), base_at("c1", 190) + "T"), "intergenic_variant", "assessed"),
        (_snv("c2", 160), None, "not_assessed"),  # in a transcript of a biotype that csq passes over
        (_snv("c3", 20), None, "not_assessed"),  # on a contig that the gene model doesn't have
        (("c1", 260, base_at("c1", 260), "<DEL>"), None, "not_assessed"),
    ],
)
def test_nothing_found_and_nothing_looked_for_are_told_apart(called, variant, consequence, status):
    row = called.loc[_id(variant)]
    assert (row["consequence"], row["consequence_status"]) == (consequence, status)
    assert row["gene"] is None
    assert row["transcript"] is None


@pytest.mark.parametrize("given", ["nothing", "fasta", "gff"])
def test_without_reference_or_genes_every_variant_is_not_assessed(tmp_path, given):
    bcf = write_bcf(tmp_path / "shard.bcf", [_snv("c1", 113), _snv("c3", 20)], "BCSQ=missense|OLD|OLD.1|x")
    fasta = write_fasta(tmp_path) if given == "fasta" else None
    gff = write_gff(tmp_path) if given == "gff" else None
    local_consequences(bcf, tmp_path / "out.parquet", fasta, gff)
    frame = pd.read_parquet(tmp_path / "out.parquet")
    assert list(frame["consequence_status"]) == ["not_assessed"] * 2
    assert frame["consequence"].isna().all()


def test_a_shard_without_variants_gives_a_table_without_rows(tmp_path):
    local_consequences(
        write_bcf(tmp_path / "e.bcf", []), tmp_path / "o.parquet", write_fasta(tmp_path), write_gff(tmp_path)
    )
    frame = pd.read_parquet(tmp_path / "o.parquet")
    assert list(frame.columns) == COLUMNS
    assert frame.empty


def test_in_a_transcript_that_had_to_be_left_out_nothing_is_assessed(tmp_path):
    gff = write_gff(tmp_path)
    odd = gff.read_text().replace("\texon\t10\t60\t", "\texon\t10\t61\t")
    gff.write_text(odd)
    bcf = write_bcf(tmp_path / "s.bcf", [_snv("c2", 20), _snv("c2", 90)])
    local_consequences(bcf, tmp_path / "o.parquet", write_fasta(tmp_path), gff)
    frame = pd.read_parquet(tmp_path / "o.parquet")
    assert list(frame["consequence_status"]) == ["not_assessed", "assessed"]


def test_nothing_is_written_beside_the_reference_and_bytes_repeat(tmp_path):
    (tmp_path / "reference").mkdir()
    fasta, gff = write_fasta(tmp_path / "reference"), write_gff(tmp_path / "reference")
    before = sorted((tmp_path / "reference").iterdir())
    bcf = write_bcf(tmp_path / "s.bcf", [_snv("c1", pos, alt) for pos, alt, *_ in BY_HAND])
    for name in ("a", "b"):
        local_consequences(bcf, tmp_path / f"{name}.parquet", fasta, gff)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert sorted((tmp_path / "reference").iterdir()) == before


def test_the_colons_of_a_contigs_name_are_no_region(tmp_path):
    chrom, bases = "HLA-A*01:01", "ACGTTGCA" * 20
    (tmp_path / "genome.fa").write_text(f">{chrom}\n{bases}\n")
    gff = write_gff(
        tmp_path,
        f"{chrom} t gene 10 60 . + . ID=gene:A;biotype=lncRNA\n"
        f"{chrom} t mRNA 10 60 . + . ID=transcript:A.1;Parent=gene:A;biotype=lncRNA\n"
        f"{chrom} t exon 10 60 . + . Parent=transcript:A.1",
    )
    vcf = tmp_path / "s.vcf"
    vcf.write_text(
        f"##fileformat=VCFv4.3\n##contig=<ID={chrom},length=160>\n"
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n{chrom}\t20\t.\tT\tC\t.\t.\t.\n"
    )
    local_consequences(vcf, tmp_path / "o.parquet", tmp_path / "genome.fa", gff)
    frame = pd.read_parquet(tmp_path / "o.parquet")
    assert list(frame["gene"]) == ["A"]
    assert list(frame["chrom"]) == [chrom]


# -- BCSQ ------------------------------------------------------------------------------------------------

_words = st.text(
    st.characters(codec="utf-8", exclude_characters="|,@&*", exclude_categories=["C"]), max_size=8
)


@given(
    st.lists(st.sampled_from(sorted(SO_TERM)), min_size=1, max_size=4),
    st.lists(_words, max_size=6),
    st.booleans(),
)
def test_a_bcsq_entry_is_read_back_field_by_field(names, fields, star):
    text = "|".join(["*" * star + "&".join(names), *fields])
    consequence, *rest = parse_bcsq(text)
    assert consequence == so_terms("&".join(names))
    assert rest == [field or None for field in fields] + [None] * (6 - len(fields))


@given(st.text(max_size=40))
def test_any_other_text_is_read_or_refused_with_a_sentence(text):
    try:
        severity_rank(parse_bcsq(text).consequence)
    except ValueError as error:
        assert "consequence" in str(error) or "expected" in str(error)


@pytest.mark.parametrize("text", ["@1023", "missense|" + "|".join("abcdefg")])
def test_back_references_and_long_entries_are_refused(text):
    with pytest.raises(ValueError, match="BCSQ"):
        parse_bcsq(text)


# -- other people's answers ------------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.skipif(not KIT.is_dir(), reason="the annotation kit is not at hand")
def test_published_causal_variants_get_the_published_protein_change(tmp_path):
    local_consequences(
        KIT / "cases/case_variants.b37.vcf.gz",
        tmp_path / "o.parquet",
        KIT / "b37.chr1_1-3400000.fa.gz",
        KIT / "gencode19_derived.chr1_1-3400000.sorted.gff3.gz",
    )
    frame = pd.read_parquet(tmp_path / "o.parquet")
    table = pd.read_csv(
        KIT / "cases/case_variants.expected.tsv", sep="\t", dtype="str", keep_default_na=False
    )
    assert len(table) == 24
    for pos, text in zip(table["pos"], table["bcftools_csq_local"], strict=True):
        entry = parse_bcsq(text.split(",")[0])
        there = frame[(frame["pos"] == int(pos)) & (frame["transcript"] == entry.transcript)]
        if entry.dna_change:  # two alleles share a place
            there = there[there["dna_change"] == entry.dna_change]
        [row] = there.itertuples()
        assert (row.consequence, row.gene) == (entry.consequence, entry.gene)
        if entry.amino_acid_change and len(entry.amino_acid_change) < 20:
            assert row.amino_acid_change == entry.amino_acid_change


@pytest.mark.real
@pytest.mark.skipif(not KIT.is_dir(), reason="the annotation kit is not at hand")
def test_a_trio_gets_the_coding_consequences_of_another_bcftools(tmp_path):
    bcf = tmp_path / "trio.bcf"
    local_consequences(
        _region_of_trio(bcf),
        tmp_path / "o.parquet",
        KIT / "b37.chr1_1-3400000.fa.gz",
        KIT / "gencode19_derived.chr1_1-3400000.sorted.gff3.gz",
    )
    frame = pd.read_parquet(tmp_path / "o.parquet")
    table = pd.read_csv(
        SHARED / "oracles/csq_kit/ashk_trio.chr1_1-3400000.csq_local.tsv", sep="\t", dtype="str"
    )
    assert len(table) == 404
    counts = Counter()
    for record in table.itertuples():
        ids = [f"{record.chrom}:{record.pos}:{record.ref}:{alt}" for alt in record.alt.split(",")]
        ours = frame[frame["variant_id"].isin(ids)]
        assert ours["variant_id"].nunique() == len(ids)
        terms = _terms((r.transcript, r.gene, r.consequence) for r in ours.dropna(subset="gene").itertuples())
        entries = [] if record.BCSQ == "." else [parse_bcsq(entry) for entry in record.BCSQ.split(",")]
        theirs = _terms((e.transcript, e.gene, e.consequence) for e in entries)
        # Of what is translated, the words are the same; 1.24 says more of a lost start.
        changes = {(e.transcript, e.dna_change) for e in entries if e.dna_change}
        known = ours[ours["dna_change"].notna() & ~ours["consequence"].str.contains("start_lost")]
        assert set(zip(known["transcript"], known["dna_change"], strict=True)) == changes
        untranslated = {name for name, words in terms.items() if words & UTRS}
        if not untranslated:
            assert terms == theirs
            counts["same"] += 1
            continue
        # The kit's gene model has no lines for untranslated regions: theirs were introns, or not named beside
        # the introns of other genes.
        assert {
            name: words for name, words in terms.items() if name not in untranslated
        }.items() <= theirs.items()
        more = theirs.keys() - terms.keys()
        assert all(theirs[name] <= {"intron_variant", "non_coding_transcript_variant"} for name in more)
        counts["untranslated"] += 1
    assert counts == {"same": 357, "untranslated": 47}


UTRS = {"5_prime_UTR_variant", "3_prime_UTR_variant"}


def _terms(rows: Iterable[tuple[str | None, str, str]]) -> dict[str, set[str]]:
    """All terms by transcript, or by gene where no transcript is named."""
    found: dict[str, set[str]] = {}
    for transcript, gene, consequence in rows:
        name = transcript if isinstance(transcript, str) else gene
        found.setdefault(name, set()).update(consequence.split("&"))
    return found


def _region_of_trio(out: Path) -> Path:
    split = ["norm", "--no-version", "-m", "-any", "-Ob", "-o", str(out), "-"]
    bcftools.pipe([["view", "-r", "1:1-3400000", "-Ou", str(KIT / "trio/ashk-trio.vcf.gz")], split])
    return out
