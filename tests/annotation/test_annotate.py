"""The joined table: exact alleles, three words for what is not there, and one most severe row per variant."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pysam
import pytest

from endotype import bcftools
from endotype.annotation.annotate import COLUMNS, annotate_variants
from endotype.annotation.consequences import COLUMNS as CONSEQUENCE_COLUMNS
from endotype.annotation.consequences import call_consequences
from endotype.annotation.knowledge import build_knowledge
from endotype.tables import write_parquet
from tests.annotation.builders import (
    CLINVAR_HEADER,
    GNOMAD_HEADER,
    base_at,
    variant_qc,
    write_bcf,
    write_fasta,
    write_gff,
    write_sites,
)

G118 = base_at("c1", 118)
VARIANTS = [
    ("c1", 118, G118, "A"),  # stop_gained
    ("c1", 118, G118, "C"),
    ("c1", 124, "T", "C"),  # synonymous
    ("c2", 101, "T", "TA"),  # in the repeat
    ("c3", 20, base_at("c3", 20), "TTT"),  # no gene model there
]
CLINVAR = [
    (
        "c1",
        118,
        "77",
        G118,
        "A",
        "CLNSIG=Likely_pathogenic;CLNREVSTAT=reviewed_by_expert_panel;CLNDN=Some_disease",
    ),
    ("c1", 124, "78", "T", "C", "CLNSIG=Conflicting_classifications_of_pathogenicity"),
    ("c3", 20, "79", base_at("c3", 20), "TTT", "CLNSIG=Pathogenic"),
]
GNOMAD = [
    ("c1", 118, ".", G118, "C", "AC=3;AN=1000;AF=0.003"),
    ("c1", 124, ".", "T", "C", "AC=0;AN=1000;AF=0"),
    ("c2", 121, ".", "AC", "AAC", "AC=5;AN=50;AF=0.1"),
    ("c3", 20, ".", base_at("c3", 20), "TTT", "AC=0;AN=0;AF=0"),
]


def _annotate(folder: Path, frame: pd.DataFrame, consequences: list[Path], knowledge: Path) -> pd.DataFrame:
    write_parquet(frame, folder / "variant_qc.parquet")
    annotate_variants(folder / "variant_qc.parquet", consequences, knowledge, folder / "variants.parquet")
    table = pd.read_parquet(folder / "variants.parquet")
    assert list(table.columns) == COLUMNS
    return table.astype(object).where(table.notna(), None)


def _build(folder: Path, prefix: str = "", **sources) -> Path:
    clinvar = write_sites(folder / "c.vcf", CLINVAR_HEADER, [(prefix + c, *rest) for c, *rest in CLINVAR])
    gnomad = write_sites(folder / "g.vcf", GNOMAD_HEADER, [(prefix + c, *rest) for c, *rest in GNOMAD])
    sources = {"clinical_significance": clinvar, "population_frequency": gnomad} | sources
    build_knowledge(folder / "k", "small", **sources)
    return folder / "k"


def _shards(folder: Path, *, assessed: bool = True) -> list[Path]:
    paths = []
    for shard in ("c1", "c2", "c3", "MT"):
        bcf = write_bcf(folder / f"{shard}.bcf", [v for v in VARIANTS if v[0] == shard])
        paths.append(folder / f"{shard}.parquet")
        genome = (write_fasta(folder), write_gff(folder)) if assessed else ()
        call_consequences(bcf, paths[-1], *genome)
    return paths


@pytest.fixture(scope="module")
def annotated(tmp_path_factory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("annotate")
    knowledge = _build(folder, "chr", fasta=write_fasta(folder), gff=write_gff(folder))
    return _annotate(folder, variant_qc(VARIANTS), _shards(folder), knowledge)


def test_rows_are_in_genome_order_and_knowledge_is_of_that_very_allele(annotated):
    assert list(annotated["pos"]) == [v[1] for v in VARIANTS]
    assert list(annotated["clinical_status"]) == ["present", "absent", "present", "absent", "present"]
    assert list(annotated["clinical_significance"]) == [
        "Likely_pathogenic",
        None,
        "Conflicting_classifications_of_pathogenicity",
        None,
        "Pathogenic",
    ]
    first = annotated.iloc[0]
    assert (first["clinical_id"], first["condition"]) == ("77", "Some disease")
    assert first["review_status"] == "reviewed_by_expert_panel"
    assert (first["gene"], first["impact"], first["amino_acid_change"]) == ("FW1", "HIGH", "3W>3*")


def test_absent_and_not_assessed_have_no_frequency_and_zero_is_never_one(annotated):
    # Not in the source; present; looked for in vain; found where left alignment puts it; counted in nobody.
    assert list(annotated["population_status"]) == ["absent", "present", "absent", "present", "not_assessed"]
    assert list(annotated["population_af"]) == [None, 0.003, None, 0.1, None]
    assert list(annotated["cohort_af"]) == [0.25] * 5


def test_damaging_is_high_impact_or_pathogenic(annotated):
    assert list(annotated["damaging"]) == [True, False, False, False, True]
    assert list(annotated["consequence_status"]) == ["assessed"] * 4 + ["not_assessed"]


@pytest.mark.parametrize("prefix", ["", "chr"])
def test_without_a_reference_knowledge_is_joined_as_written_and_consequences_are_not_assessed(
    tmp_path, prefix
):
    shards = _shards(tmp_path, assessed=False)
    table = _annotate(tmp_path, variant_qc(VARIANTS), shards, _build(tmp_path, prefix))
    assert set(table["consequence_status"]) == {"not_assessed"}
    assert table[["gene", "consequence", "impact"]].isna().all(axis=None)
    assert list(table["clinical_status"]) == ["present", "absent", "present", "absent", "present"]
    assert list(table["damaging"]) == [True, False, False, False, True]


def test_with_neither_source_nor_gene_model_nothing_is_said(tmp_path):
    build_knowledge(tmp_path / "k", "small")
    table = _annotate(tmp_path, variant_qc(VARIANTS), _shards(tmp_path, assessed=False), tmp_path / "k")
    assert set(table["population_status"]) == set(table["clinical_status"]) == {"not_assessed"}
    assert table[["damaging", "population_af", "clinical_significance"]].isna().all(axis=None)
    assert table["most_severe"].all()


def test_only_kept_variants_are_annotated_and_none_is_an_empty_table(tmp_path):
    knowledge, shards = _build(tmp_path), _shards(tmp_path)
    kept = [False, True, False, True, False]
    table = _annotate(tmp_path, variant_qc(VARIANTS, kept), shards, knowledge)
    assert list(table["pos"]) == [118, 101]
    assert _annotate(tmp_path, variant_qc(VARIANTS, [False] * 5), shards, knowledge).empty
    assert _annotate(tmp_path, variant_qc([]), shards, knowledge).empty


def test_a_kept_variant_that_no_shard_has_is_an_error_and_leaves_no_file(tmp_path):
    knowledge, shards = _build(tmp_path), _shards(tmp_path)
    write_parquet(variant_qc(VARIANTS), tmp_path / "variant_qc.parquet")
    with pytest.raises(ValueError, match="in none of the 3 consequence tables"):
        annotate_variants(tmp_path / "variant_qc.parquet", shards[1:], knowledge, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_the_table_has_the_same_bytes_for_shards_in_any_order(tmp_path):
    knowledge, shards = _build(tmp_path), _shards(tmp_path)
    write_parquet(variant_qc(VARIANTS), tmp_path / "variant_qc.parquet")
    for name, paths in (("a", shards), ("b", shards[::-1])):
        annotate_variants(tmp_path / "variant_qc.parquet", paths, knowledge, tmp_path / f"{name}.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


# -- most severe -----------------------------------------------------------------------------------------


def _most_severe(folder: Path, *transcripts: tuple[str, str | None, str, str]) -> str | None:
    """The transcript marked among (transcript, gene, biotype, consequence) of one variant."""
    variant = ("c1", 118, G118, "A")
    rows = pd.DataFrame(transcripts, columns=["transcript", "gene", "biotype", "consequence"])
    rows = rows.assign(
        chrom="c1", pos=118, ref=G118, alt="A", gene_id=rows["gene"], consequence_status="assessed"
    )
    write_parquet(rows.reindex(columns=CONSEQUENCE_COLUMNS), folder / "c.parquet")
    table = folder / "genes.tsv"
    table.write_text("gene\tmechanism\nKNOWN\tlipid\n")
    build_knowledge(folder / "k", "small", genes=table)
    result = _annotate(folder, variant_qc([variant]), [folder / "c.parquet"], folder / "k")
    assert len(result) == len(transcripts)
    [marked] = result.loc[result["most_severe"].astype(bool), "transcript"]
    return marked


CODING, OTHER = "protein_coding", "processed_transcript"


@pytest.mark.parametrize(
    "winner_and_loser",
    [
        # impact goes before all else
        [("Z", "G", OTHER, "stop_gained"), ("A", "KNOWN", CODING, "missense_variant&splice_region_variant")],
        # then whether the transcript is protein coding
        [("Z", "G", CODING, "missense_variant"), ("A", "KNOWN", OTHER, "missense_variant")],
        # then whether the gene is in the gene table
        [("Z", "KNOWN", CODING, "missense_variant"), ("A", "G", CODING, "inframe_deletion")],
        # then the term
        [("Z", "G", CODING, "stop_gained"), ("A", "G", CODING, "frameshift_variant")],
        # then the name
        [("A", "G", CODING, "missense_variant"), ("Z", "G", CODING, "missense_variant")],
    ],
)
def test_one_row_per_variant_is_the_most_severe(tmp_path, winner_and_loser):
    winner = winner_and_loser[0][0]
    assert _most_severe(tmp_path, *winner_and_loser) == winner
    assert _most_severe(tmp_path, *winner_and_loser[::-1]) == winner


# -- another program -------------------------------------------------------------------------------------


def test_the_join_finds_the_alleles_that_bcftools_annotate_finds(tmp_path):
    draw = random.Random(5)
    alleles = sorted(
        {
            ("c1", pos, base_at("c1", pos), alt)
            for pos in range(2, 600)
            for alt in draw.sample("ACGT", 2)
            if alt != base_at("c1", pos)
        }
    )
    source = [a for a in alleles if draw.random() < 0.5]
    cohort = [a for a in alleles if draw.random() < 0.5]
    records = [(c, p, ".", r, a, f"AF={draw.uniform(0.001, 1):.5f}") for c, p, r, a in source]
    write_sites(tmp_path / "g.vcf", ["##contig=<ID=c1,length=600>", *GNOMAD_HEADER], records)
    build_knowledge(
        tmp_path / "k", "small", population_frequency=tmp_path / "g.vcf", fasta=write_fasta(tmp_path)
    )
    bcf = write_bcf(tmp_path / "cohort.bcf", cohort)
    call_consequences(bcf, tmp_path / "c.parquet")
    ours = _annotate(tmp_path, variant_qc(cohort), [tmp_path / "c.parquet"], tmp_path / "k")
    bcftools.run("view", "-Oz", "-o", str(tmp_path / "g.vcf.gz"), str(tmp_path / "g.vcf"))
    for path in ("g.vcf.gz", "cohort.bcf"):
        bcftools.run("index", "-f", str(tmp_path / path))
    theirs = tmp_path / "theirs.vcf"
    annotate = ["annotate", "-a", str(tmp_path / "g.vcf.gz"), "-c", "INFO/AF", "-o", str(theirs)]
    bcftools.run(*annotate, str(bcf))
    with pysam.VariantFile(str(theirs)) as variants:
        found = {(r.pos, r.alts[0]): r.info["AF"][0] for r in variants if "AF" in r.info}
    present = ours[ours["population_status"] == "present"]
    assert len(found) > 200
    assert set(found) == set(zip(present["pos"], present["alt"], strict=True))
    for row in present.itertuples():
        assert row.population_af == pytest.approx(found[row.pos, row.alt], rel=1e-6)
    assert set(ours.loc[~ours.index.isin(present.index), "population_status"]) == {"absent"}
