"""Lines of GFF3: what is read, what is passed over, and whose dialect it is."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype import gff
from endotype.errors import InputError, Problem
from tests.annotation.test_gene_model import ENSEMBL, GENCODE, REFSEQ, written


def features(path: Path, chrom: str | None = None) -> tuple[list[gff.Feature], list[Problem]]:
    problems: list[Problem] = []
    found = gff.read_features(path, lambda name: chrom in (None, name), problems)
    return list(found), problems


_LINE = "1 e exon 5 9 . + . Parent=transcript:T\n"


def test_a_line_becomes_a_feature(tmp_path):
    [found], problems = features(written(tmp_path, "1 e CDS 5 9 0.5 - 2 ID=C;Parent=a%3Bb,c;Name=x%20y"))
    assert found == (1, "1", "CDS", 5, 9, "-", 2, "ID=C;Parent=a%3Bb,c;Name=x%20y")
    assert found.parents() == ["a%3Bb", "c"]
    assert found.attribute("Name") == "x y"
    assert found.attribute("Alias", "Name") == "x y"
    assert found.attribute("Alias") == ""
    assert problems == []


def test_comments_regions_and_sequences_are_passed_over(tmp_path):
    region = "1 e chromosome 1 99 . . . ID=chromosome:1\n"
    text = f"##gff-version 3\n#!x\n\n{_LINE}###\n{region}{_LINE}##FASTA\n>1\nACGT\n"
    found, problems = features(written(tmp_path, text))
    assert [f.line for f in found] == [4, 7]
    assert problems == []


def test_other_contigs_are_passed_over(tmp_path):
    found, _ = features(written(tmp_path, _LINE + "2" + _LINE[1:]), "2")
    assert [(f.line, f.chrom) for f in found] == [(2, "2")]


def test_malformed_lines_are_problems_and_the_rest_is_read(tmp_path):
    text = _LINE + "1 e exon 5\n" + _LINE.replace("5 9", "9 5") + _LINE.replace("+", "x") + _LINE
    found, problems = features(written(tmp_path, text))
    assert [f.line for f in found] == [1, 5]
    assert [(p.row, p.column) for p in problems] == [(2, ""), (3, "start"), (4, "strand")]


def test_a_gene_may_begin_before_a_cut_out_but_its_parts_may_not(tmp_path):
    text = "1 e gene -15 9 . + . ID=gene:G\n1 e exon -15 9 . + . Parent=T\n"
    [gene], [problem] = features(written(tmp_path, text))
    assert (gene.start, problem.row) == (1, 2)


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        (ENSEMBL, gff.ENSEMBL),
        (GENCODE, gff.GENCODE),
        (REFSEQ, gff.REFSEQ),
        ("1 e gene 1 9 . + . ID=g1\n1 e mRNA 1 9 . + . ID=t1;Parent=g1;biotype=x\n", gff.OTHER),
        ("", gff.OTHER),
    ],
)
def test_the_dialect_shows_in_the_lines(tmp_path, text, dialect):
    assert gff.detect_dialect(written(tmp_path, text)) == dialect


def test_gtf_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="found GTF"):
        gff.detect_dialect(written(tmp_path, '1 e exon 5 9 . + . gene_id "G"; transcript_id "T";'))


@pytest.mark.parametrize(
    ("identifier", "plain"),
    [
        *(("gene:ENSG1", "ENSG1"), ("rna-NM_1.2", "NM_1.2"), ("gene-A%2CB", "A,B")),
        *(("transcript:", "transcript:"), ("gene", "gene"), ("genealogy", "genealogy")),
    ],
)
def test_an_id_without_the_prefix_of_its_kind(identifier, plain):
    assert gff.plain_id(identifier) == plain


@pytest.mark.parametrize("words", ["HGNC:5", "HGNC:HGNC:5", "GeneID:1,HGNC:HGNC:5,MIM:2"])
def test_hgnc_ids_are_found_in_every_spelling(words):
    feature = gff.Feature(1, "1", "gene", 1, 9, "+", -1, f"ID=gene-A;Dbxref={words}")
    assert gff.gene_names(feature, gff.REFSEQ).hgnc_id == "HGNC:5"


_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)


@given(st.dictionaries(st.sampled_from(["ID", "Name", "tag", "Dbxref", "biotype"]), _text, min_size=1))
def test_encoded_attributes_are_read_back_whatever_they_hold(values):
    written_out = ";".join(f"{name}={quote(value)}" for name, value in values.items())
    feature = gff.Feature(1, "1", "gene", 1, 9, "+", -1, written_out)
    for name, value in values.items():
        assert feature.attribute(name) == value


@given(st.text(max_size=60))
def test_any_other_text_is_read_without_an_error(text):
    feature = gff.Feature(1, "1", "mRNA", 1, 9, "+", -1, text)
    gff.gene_names(feature, gff.GENCODE)
    gff.transcript_names(feature, gff.ENSEMBL)
    gff.protein_id(feature)
