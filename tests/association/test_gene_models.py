"""Genes and exons near places, from the table of a run and from GFF3 of each dialect."""

from __future__ import annotations

import pandas as pd
import pytest

from endotype.association.gene_models import read_gene_models
from endotype.errors import InputError
from endotype.tables import write_parquet
from tests.annotation.test_gene_model import ENSEMBL, GENCODE, REFSEQ, written

ANYWHERE = 2**40


@pytest.mark.parametrize("text", [ENSEMBL, GENCODE, REFSEQ], ids=["ensembl", "gencode", "refseq"])
def test_each_dialect_gives_genes_with_their_exons(tmp_path, text):
    path = written(tmp_path, text)
    chroms = {line.split()[0] for line in text.splitlines() if line.strip() and not line.startswith("#")}
    models = read_gene_models(path, [(chrom, 1, ANYWHERE) for chrom in chroms])
    assert models is not None and models.exons is not None
    assert len(models.genes) > 0 and len(models.exons) > 0
    assert set(models.exons["gene"]) <= set(models.genes["gene"])
    outside = models.exons.merge(models.genes, on=["gene", "chrom"], suffixes=("", "_gene"))
    assert (outside["start"] >= outside["start_gene"]).all() and (outside["end"] <= outside["end_gene"]).all()


GFF = """
1 e gene 100 500 . + . ID=gene:A%3B1;Name=A;biotype=protein_coding
1 e mRNA 100 500 . + . ID=transcript:T;Parent=gene:A%3B1
1 e exon 100 200 . + . Parent=transcript:T
1 e CDS 450 500 . + 0 Parent=transcript:T
1 e ncRNA_gene 900 950 . - . ID=gene:B
1 e exon 900 950 . - . Parent=gene:B
2 e gene 100 500 . + . ID=gene:C;Name=C
"""


def test_only_what_reaches_into_a_region_is_kept(tmp_path):
    path = written(tmp_path, GFF)
    models = read_gene_models(path, [("chr1", 300, 460)])
    assert models is not None and models.exons is not None
    assert models.genes["gene"].tolist() == ["A"]
    assert list(zip(models.exons["start"], models.exons["end"], strict=True)) == [(450, 500)]
    both = read_gene_models(path, [("1", 1, 150), ("1", 940, 2000), ("1", 130, 160)])
    assert both is not None
    genes, exons = both.within(("chr1", 901, 901))
    assert genes["gene"].tolist() == ["B"] and genes["strand"].tolist() == ["-"]
    assert exons is not None and exons["start"].tolist() == [900]
    assert len(both.within(("2", 1, 999))[0]) == 0


def test_the_table_of_a_run_has_genes_without_exons(tmp_path):
    table = pd.DataFrame(
        {
            "gene": ["A", "B", "NO_PLACE"],
            "chrom": ["chr1", "chr1", None],
            "start": [5, 900, None],
            "end": [9, 990, None],
        }
    )
    write_parquet(table.astype({"start": "Int64", "end": "Int64"}), tmp_path / "g.parquet")
    models = read_gene_models(tmp_path / "g.parquet", [("1", 1, 100)])
    assert models is not None and models.exons is None
    assert models.genes["gene"].tolist() == ["A"] and models.genes["chrom"].tolist() == ["1"]
    write_parquet(table.iloc[2:].astype({"start": "Int64", "end": "Int64"}), tmp_path / "none.parquet")
    assert read_gene_models(tmp_path / "none.parquet", [("1", 1, 100)]) is None


def test_another_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_gene_models(tmp_path / "g.parquet", [])
    write_parquet(pd.DataFrame({"gene": ["A"]}), tmp_path / "g.parquet")
    with pytest.raises(InputError, match="columns gene chrom start end"):
        read_gene_models(tmp_path / "g.parquet", [("1", 1, 9)])
    with pytest.raises(InputError, match="9 columns"):
        read_gene_models(written(tmp_path, "1 e gene 1 2 . + . ID=gene:A\nx y z\n"), [("1", 1, 9)])
