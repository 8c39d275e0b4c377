"""Sources of knowledge: every allele kept or counted, written as the cohort's, and no unknown word."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.annotation.gene_model import gene_frame, read_gene_model
from endotype.annotation.knowledge import build_knowledge
from endotype.annotation.knowledge.clinvar import clinical_batches
from endotype.annotation.knowledge.gene_table import COLUMNS, join_genes, read_gene_table
from endotype.annotation.knowledge.gnomad import frequency_batches
from endotype.annotation.knowledge.kernels import agrees_with_reference
from endotype.annotation.knowledge.records import RecordFile
from endotype.annotation.knowledge.sites import one_row_each, whole_keys
from endotype.annotation.reference import Reference, indexed_fasta, match_contigs
from endotype.cohort.knowledge_kinds import Column
from endotype.errors import InputError
from tests.annotation.builders import (
    CLINVAR_HEADER,
    CONTIGS,
    GNOMAD_HEADER,
    base_at,
    write_fasta,
    write_gff,
    write_sites,
)
from tests.reference import sites

KIT = Path(__file__).parents[3] / "shared" / "data" / "annotation_kit"

A105, G118 = base_at("c1", 105), base_at("c1", 118)


def _other(pos: int) -> str:
    return "A" if base_at("c1", pos) != "A" else "C"


def _clinvar(folder: Path, records, header=CLINVAR_HEADER) -> Path:
    return write_sites(folder / "clinvar.vcf", header, records)


def _gnomad(folder: Path, records, header=GNOMAD_HEADER) -> Path:
    return write_sites(folder / "gnomad.vcf", header, records)


def _build(folder: Path, **sources) -> tuple[pd.DataFrame, dict]:
    """Build the knowledge of one sites VCF over the small genome; its table and its entry."""
    out = folder / "knowledge"
    build_knowledge(out, "small", **({"fasta": write_fasta(folder)} | sources))
    name = "clinical_significance" if "clinical_significance" in sources else "population_frequency"
    return pd.read_parquet(out / f"{name}.parquet"), json.loads((out / "knowledge.json").read_text())[
        "sources"
    ][name]


def _keys(frame: pd.DataFrame) -> list[tuple[str, int, str, str]]:
    return list(frame[["chrom", "pos", "ref", "alt"]].itertuples(index=False, name=None))


def test_an_indel_written_anywhere_in_a_repeat_ends_at_its_first_place(tmp_path):
    assert base_at("c2", 101, 22) == "T" + "A" * 20 + "C"
    frame, entry = _build(
        tmp_path,
        population_frequency=_gnomad(
            tmp_path,
            [
                ("c2", 115, ".", "AAA", "A", "AC=1;AN=100;AF=0.01"),
                ("c2", 121, ".", "AC", "AAC", "AC=2;AN=100;AF=0.02"),
                ("c2", 110, ".", "A", "G", "AC=3;AN=100;AF=0.03"),
            ],
        ),
    )
    assert _keys(frame) == [("c2", 101, "T", "TA"), ("c2", 101, "TAA", "T"), ("c2", 110, "A", "G")]
    assert list(frame["allele_frequency"]) == [0.02, 0.01, 0.03]
    assert (entry["left_aligned"], entry["kept"]) == (2, 3)


def test_a_multiallelic_record_gives_each_allele_its_own_numbers(tmp_path):
    frame, entry = _build(
        tmp_path,
        population_frequency=_gnomad(
            tmp_path,
            [
                ("c1", 105, ".", A105, "C,T", "AC=10,20;AN=1000;AF=0.01,0.02"),
                ("c1", 118, ".", G118, "A,C", "AC=5,6;AN=1000;AF=0.5"),
            ],
        ),
    )
    assert _keys(frame) == [("c1", 105, A105, b) for b in "CT"] + [("c1", 118, G118, b) for b in "AC"]
    assert list(frame["allele_count"]) == [10, 20, 5, 6]
    # One AF for two alleles belongs to neither; the counts do.
    assert list(frame["allele_frequency"]) == [0.01, 0.02, 0.005, 0.006]
    assert (entry["records_in"], entry["alleles_in"]) == (2, 4)


def test_significance_of_a_multiallelic_record_is_taken_only_when_it_says_whose_it_is(tmp_path):
    review = "CLNREVSTAT=criteria_provided,_single_submitter"
    frame, entry = _build(
        tmp_path,
        clinical_significance=_clinvar(
            tmp_path,
            [
                ("c1", 105, "11", A105, "C,T", f"CLNSIG=Pathogenic,_low_penetrance,Benign;{review}"),
                ("c1", 118, "12", G118, "A,C", f"CLNSIG=Pathogenic;{review}"),
            ],
        ),
    )
    assert list(frame["clinical_significance"]) == ["Pathogenic,_low_penetrance", "Benign"]
    assert list(frame["pathogenic"]) == [True, False]
    assert list(frame["review_status"]) == ["criteria_provided,_single_submitter"] * 2
    assert entry["dropped"] == {"ambiguous_significance": 2}


def test_every_allele_is_kept_or_counted_under_a_reason(tmp_path):
    wrong = "C" if A105 != "C" else "G"
    end = len(CONTIGS["c3"])
    records = [
        ("c1", 105, "1", A105, "C", "CLNSIG=Benign"),
        ("c1", 105, "2", wrong, "T", "CLNSIG=Benign"),
        ("c1", 105, "3", A105, ".", "CLNSIG=Benign"),
        ("c1", 105, "4", A105, "<DEL>", "CLNSIG=Benign"),
        ("c1", 105, "5", A105, "*", "CLNSIG=Benign"),
        ("c1", 105, "6", A105, "R", "CLNSIG=Benign"),
        ("c1", 105, "7", "N", "T", "CLNSIG=Benign"),
        ("c1", 105, "8", A105, A105, "CLNSIG=Benign"),
        ("c1", 118, "9", G118, "T", "CLNREVSTAT=no_classification_provided"),
        ("c3", end, "10", base_at("c3", end) + "A", "T", "CLNSIG=Benign"),
        ("NT_1", 5, "11", "A", "T", "CLNSIG=Benign"),
        ("chrc1", 105, "12", A105.lower(), "c", "CLNSIG=Likely_benign"),
    ]
    frame, entry = _build(tmp_path, clinical_significance=_clinvar(tmp_path, records))
    assert entry["dropped"] == {
        "alt_equals_ref": 1,
        "beyond_reference": 1,
        "contig_not_in_reference": 1,
        "duplicate_allele": 1,
        "no_alternate_allele": 1,
        "no_significance": 1,
        "not_acgt": 2,
        "ref_mismatch": 1,
        "symbolic_allele": 2,
    }
    assert entry["alleles_in"] == len(records) == entry["kept"] + sum(entry["dropped"].values())
    assert _keys(frame) == [("c1", 105, A105, "C")]
    assert list(frame["clinical_id"]) == ["1"]


def test_of_two_records_of_one_allele_the_pathogenic_and_the_better_counted_one_is_kept(tmp_path):
    records = [("c1", 105, n, A105, "C", f"CLNSIG={s}") for n, s in [("1", "Benign"), ("2", "Pathogenic")]]
    frame, _ = _build(tmp_path, clinical_significance=_clinvar(tmp_path, records))
    assert list(frame["clinical_id"]) == ["2"]
    counted = [("c1", 105, ".", A105, "C", f"AC=1;AN={an}") for an in (10, 1000, 100)]
    frame, _ = _build(tmp_path, population_frequency=_gnomad(tmp_path, counted))
    assert list(frame["allele_number"]) == [1000]


def test_a_frequency_among_no_alleles_or_out_of_range_is_unknown_and_not_zero(tmp_path):
    values = ["AC=0;AN=0;AF=0", "AF=1.5", "AF=nan", "AC=1;AN=4", "AC=0;AN=50;AF=0", "AN=5"]
    records = [("c1", 105 + i, ".", base_at("c1", 105 + i), _other(105 + i), v) for i, v in enumerate(values)]
    frame, entry = _build(tmp_path, population_frequency=_gnomad(tmp_path, records))
    assert [None if pd.isna(v) else v for v in frame["allele_frequency"]] == [
        None,
        None,
        None,
        0.25,
        0.0,
        None,
    ]
    assert entry["without_value"] == 4


def test_unknown_clinical_words_stop_the_run_and_are_all_listed(tmp_path):
    records = [
        ("c1", 105, "1", A105, "C", "CLNSIG=Pathogneic/Likely_pathogenic"),
        ("c1", 118, "2", G118, "A", "CLNSIG=Benign|brand_new_word"),
    ]
    with pytest.raises(InputError) as error:
        _build(tmp_path, clinical_significance=_clinvar(tmp_path, records))
    assert [p.found for p in error.value.problems] == [
        "the clinical significance 'Pathogneic'",
        "the clinical significance 'brand_new_word'",
    ]
    assert error.value.problems[0].suggestion == "Pathogenic"
    assert not (tmp_path / "knowledge/clinical_significance.parquet").exists()


def test_sources_of_another_assembly_are_refused_by_their_header_or_by_their_bases(tmp_path):
    header = ["##reference=file:///somewhere/GRCh38.fa", *CLINVAR_HEADER]
    source = _clinvar(tmp_path, [("c1", 105, "1", A105, "C", "CLNSIG=Benign")], header)
    with pytest.raises(InputError, match="variants of GRCh38"):
        build_knowledge(tmp_path / "k", "hg19", clinical_significance=source)
    shifted = [("c1", p, ".", base_at("c1", p + 7), "ACGTA", "AF=0.1") for p in range(1, 300)]
    with pytest.raises(InputError, match="disagree with the reference"):
        _build(tmp_path, population_frequency=_gnomad(tmp_path, shifted))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("not a VCF\n", "VCF header"),
        ("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n", "AF or AC and AN"),
    ],
)
def test_a_source_that_is_no_such_vcf_is_the_users_error(tmp_path, text, message):
    path = tmp_path / "source.vcf"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        build_knowledge(tmp_path / "k", "small", population_frequency=path)


def test_sources_that_are_not_given_leave_empty_tables_and_say_so(tmp_path):
    build_knowledge(tmp_path, "small")
    entry = json.loads((tmp_path / "knowledge.json").read_text())
    assert {source["status"] for source in entry["sources"].values()} == {"not_assessed"}
    for name in ("clinical_significance", "population_frequency", "genes"):
        assert pd.read_parquet(tmp_path / f"{name}.parquet").empty
    assert list(pd.read_parquet(tmp_path / "genes.parquet").columns) == COLUMNS


def test_a_source_without_records_and_compressed_ones_load(tmp_path):
    frame, entry = _build(tmp_path, clinical_significance=_clinvar(tmp_path, []))
    assert frame.empty
    assert entry["status"] == "loaded"
    plain = _clinvar(tmp_path, [("c1", 105, "1", A105, "C", "CLNSIG=Benign;CLNDN=A_b|not_specified")])
    packed = tmp_path / "clinvar.vcf.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    frame, entry = _build(tmp_path, clinical_significance=packed)
    assert list(frame["condition"]) == ["A b; not specified"]
    assert entry["version"] == "ClinVar 2026-01-05"


def test_knowledge_has_the_same_bytes_twice_and_no_path_in_it(tmp_path):
    source = _clinvar(tmp_path, [("c1", 118, "1", G118, "A", "CLNSIG=Benign")])
    fasta, gff = write_fasta(tmp_path), write_gff(tmp_path)
    for name in ("a", "b"):
        build_knowledge(tmp_path / name, "small", clinical_significance=source, gff=gff, fasta=fasta)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == [
        "clinical_significance.parquet",
        "genes.parquet",
        "knowledge.json",
        "population_frequency.parquet",
    ]
    for name in files:
        content = (tmp_path / "a" / name).read_bytes()
        assert content == (tmp_path / "b" / name).read_bytes()
        assert str(tmp_path).encode() not in content


@pytest.mark.skipif(not KIT.is_dir(), reason="the annotation kit is not at hand")
def test_a_real_clinvar_file_without_contig_lines_loads_whole(tmp_path):
    build_knowledge(
        tmp_path,
        "GRCh37",
        clinical_significance=KIT / "clinvar_20191007.72records.vcf.gz",
        fasta=KIT / "b37.chr1_1-3400000.fa.gz",
        gff=KIT / "gencode19_derived.chr1_1-3400000.sorted.gff3.gz",
    )
    frame = pd.read_parquet(tmp_path / "clinical_significance.parquet")
    assert len(frame) == 72
    assert frame["pathogenic"].sum() == 5
    assert len(pd.read_parquet(tmp_path / "genes.parquet")) == 191


# -- single alleles, against the slow twin ------------------------------------------------------------------

_field = st.sampled_from(
    [".", "0", "1", "0.5", "1e-9", "-1", "2", "nan", "inf", "x", "1,2", "0.1,0.2", ",", "1,.", "7,8,9", "3.5"]
)
_words = st.sampled_from(
    [".", "Benign", "Pathogenic,_low_penetrance", "Benign,Pathogenic", "Benign,.", "Affects,_x,other,Benign"]
)


def _one_record(tag_text: dict[str, str], n_alleles: int) -> RecordFile:
    """A file of one record, without the file."""
    texts = {"CHROM": "1", "POS": "5", "ID": "7", "REF": "A", "FILTER": "PASS"} | tag_text
    texts["ALT"] = ",".join("CGT"[:n_alleles])
    numbers = {"AF": "A", "AC": "A", "AN": "1", "CLNSIG": ".", "CLNREVSTAT": "."}

    class One(RecordFile):
        def batches(self, columns):
            cells = {c: None if texts[c] == "." else texts[c] for c in columns}
            yield pa.table({c: pa.array([v], pa.string()) for c, v in cells.items()} | {"source_row": [1]})

    return One("x.vcf", "vcf", tuple(texts), {t: numbers[t] for t in tag_text})


@given(_field, _field, _field, st.integers(1, 3))
def test_frequencies_are_those_of_the_slow_twin(af, ac, an, n_alleles):
    [table] = frequency_batches(_one_record({"AF": af, "AC": ac, "AN": an}, n_alleles))
    columns = ("allele_frequency", "allele_count", "allele_number")
    ours = list(zip(*(table[c].to_pylist() for c in columns), strict=True))
    assert ours == [sites.frequency(af, ac, an, i, n_alleles) for i in range(n_alleles)]


@given(_words, st.integers(1, 3))
def test_significance_is_that_of_the_slow_twin(text, n_alleles):
    tables = clinical_batches(_one_record({"CLNSIG": text}, n_alleles))
    table = next(tables)
    expected = [sites.significance(text, i, n_alleles) for i in range(n_alleles)]
    assert table["clinical_significance"].to_pylist() == expected
    assert [r is None for r in table["reason"].to_pylist()] == [e is not None for e in expected]


@given(st.lists(st.tuples(st.integers(0, 40), st.text("ACGTN", min_size=1, max_size=6)), max_size=20))
def test_alleles_agree_with_the_reference_where_its_text_does(alleles):
    window = "ACGTTGCANACGTACGGTCA"
    text = np.frombuffer("".join(a for _, a in alleles).encode(), np.uint8)
    offsets = np.append(0, np.cumsum([len(a) for _, a in alleles])).astype(np.int64)
    at = np.array([p for p, _ in alleles], np.int64)
    found = agrees_with_reference(text, offsets, at, np.frombuffer(window.encode(), np.uint8))
    assert found.tolist() == [window[p : p + len(a)] == a for p, a in alleles]


def test_rows_of_one_key_become_one_wherever_a_batch_ends():
    rows = [
        ("a", 1, 0.5, "x"),
        ("a", 1, None, "y"),
        ("a", 1, 0.9, None),
        ("a", 2, None, None),
        ("b", 2, 1.0, "z"),
    ]
    schema = pa.schema([("chrom", pa.string()), ("pos", pa.int64()), ("s", pa.float64()), ("t", pa.string())])
    table = pa.Table.from_pylist([dict(zip(schema.names, r, strict=True)) for r in rows], schema)
    columns = [Column("s", ("s",), "number", combine="max"), Column("t", ("t",), combine="join")]
    for size in (1, 2, 3, 5):
        batches = iter([table.slice(i, size) for i in range(0, 5, size)])
        parts = [one_row_each(t, ["chrom", "pos"], columns) for t in whole_keys(batches, ["chrom", "pos"])]
        got = pa.concat_tables(parts)
        assert list(zip(*(got[c].to_pylist() for c in schema.names), strict=True)) == [
            ("a", 1, 0.9, "x|y"),
            ("a", 2, None, None),
            ("b", 2, 1.0, "z"),
        ]


# -- reference -------------------------------------------------------------------------------------------


def test_contigs_are_matched_by_name_then_by_their_bare_name():
    assert match_contigs(["chr1", "MT", "c", "X"], ["1", "chrM", "2"]) == {"chr1": "1", "MT": "chrM"}
    assert match_contigs(["chr1", "1"], ["1", "chr1"]) == {"chr1": "chr1", "1": "1"}
    assert match_contigs(["M"], ["MT", "chrM"]) == {}


def test_bases_are_read_in_any_order_and_end_with_the_contig(tmp_path):
    with indexed_fasta(write_fasta(tmp_path)) as path, Reference(path) as reference:
        for chrom, pos, length in [
            ("c1", 400, 5),
            ("c1", 10, 3),
            ("c2", 290, 50),
            ("c1", 600, 2),
            ("MT", 1, 4),
        ]:
            assert reference.bases(chrom, pos, length) == base_at(chrom, pos, length)


def test_a_reference_packed_by_gzip_alone_is_refused_with_the_way_out(tmp_path):
    packed = tmp_path / "genome.fa.gz"
    packed.write_bytes(gzip.compress(write_fasta(tmp_path).read_bytes()))
    with pytest.raises(InputError, match="bgzip"), indexed_fasta(packed):
        pass


# -- genes -------------------------------------------------------------------------------------------------


def _table(folder: Path, *rows: str) -> Path:
    path = folder / "genes.tsv"
    header = "gene gene_id aliases mechanism inheritance disease lof_mechanism"
    path.write_text("\n".join([header.replace(" ", "\t"), *(row.replace(" ", "\t") for row in rows)]) + "\n")
    return path


def test_genes_are_joined_by_id_then_symbol_then_alias_and_none_is_lost(tmp_path):
    model = gene_frame(read_gene_model(write_gff(tmp_path)))
    table = read_gene_table(
        _table(
            tmp_path,
            "OLDNAME FWD.7 OTHER;THIRD lipid AD D1 yes",
            "MTG   transport MT  unknown",
            "NEWNC  NC|NCX immune unknown D3 ",
            "NOWHERE X9  immune AR D4 no",
        )
    )
    genes, counts = join_genes(table, model)
    genes = genes.astype(object).where(genes.notna(), None).set_index("gene")
    assert list(genes.index) == ["FW1", "RV|1,x@;&", "NC", "ODD", "MTG", "NOWHERE"]
    assert genes.loc["FW1", ["gene_id", "aliases", "mechanism"]].tolist() == [
        "FWD",
        "OLDNAME|OTHER|THIRD",
        "lipid",
    ]
    assert genes.loc["MTG", ["mechanism", "inheritance", "disease", "start"]].tolist() == [
        "transport",
        "MT",
        None,
        51,
    ]
    assert genes.loc["NC", ["aliases", "mechanism"]].tolist() == ["NEWNC|NC|NCX", "immune"]
    assert genes.loc["NOWHERE", ["chrom", "start", "strand", "inheritance"]].tolist() == [
        None,
        None,
        None,
        "AR",
    ]
    assert genes.loc["ODD", ["mechanism", "inheritance", "chrom"]].tolist() == [None, None, "chrc2"]
    assert counts == {
        **{"genes_in_table": 4, "genes_in_model": 5, "matched": 3},
        **{"only_in_table": 1, "only_in_model": 2},
    }


def test_genes_are_on_the_contigs_of_the_reference(tmp_path):
    build_knowledge(tmp_path / "k", "small", gff=write_gff(tmp_path), fasta=write_fasta(tmp_path))
    genes = pd.read_parquet(tmp_path / "k/genes.parquet")
    assert list(genes["chrom"]) == ["c1", "c1", "c2", "c2", "MT"]
    assert genes["start"].dtype == "int64"


def test_every_fault_of_a_gene_table_is_told_with_its_row(tmp_path):
    path = _table(
        tmp_path, "A a1  m ad D yes", "B a1  m AD D perhaps", "A a3  m AD D yes", "  x m AD D no", "C"
    )
    with pytest.raises(InputError) as error:
        read_gene_table(path)
    found = sorted((p.row, p.column, p.suggestion) for p in error.value.problems)
    assert found == [
        (2, "inheritance", "AD"),
        (3, "gene_id", ""),
        (3, "lof_mechanism", ""),
        (4, "gene", ""),
        (5, "gene", ""),
        (6, "", ""),
    ]
