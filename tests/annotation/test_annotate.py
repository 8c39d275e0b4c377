"""The joined table: exact alleles, three words for what is not there, and one most severe row per variant."""

from __future__ import annotations

import hashlib
import itertools
import random
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endotype import bcftools
from endotype.annotation.annotate import (
    COLUMNS,
    EFFECT_TYPES,
    SCHEMA,
    _blocks,
    annotate_bcf,
    annotate_variants,
)
from endotype.annotation.consequences import COLUMNS as CONSEQUENCE_COLUMNS
from endotype.annotation.effects.predict import predict_effects
from endotype.annotation.knowledge import build_knowledge
from endotype.annotation.knowledge.trace import trace
from endotype.cohort.knowledge_sources import describe_sources
from endotype.errors import InputError
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


def _one_each(table: pd.DataFrame) -> pd.DataFrame:
    """The row of each variant on the transcript that it harms most."""
    return table[table["most_severe"].astype(bool)].reset_index(drop=True)


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
        predict_effects(bcf, paths[-1], *genome)
    return paths


@pytest.fixture(scope="module")
def annotated(tmp_path_factory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("annotate")
    knowledge = _build(folder, "chr", fasta=write_fasta(folder), gff=write_gff(folder))
    return _one_each(_annotate(folder, variant_qc(VARIANTS), _shards(folder), knowledge))


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
    assert (first["gene"], first["impact"]) == ("FW1", "HIGH")
    assert first["hgvs_p"].endswith(":p.(Trp3Ter)")


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
    table = _one_each(_annotate(tmp_path, variant_qc(VARIANTS), shards, _build(tmp_path, prefix)))
    assert set(table["consequence_status"]) == {"not_assessed"}
    assert table[["gene", "consequence", "impact"]].isna().all(axis=None)
    assert list(table["clinical_status"]) == ["present", "absent", "present", "absent", "present"]
    assert list(table["damaging"]) == [True, False, False, False, True]


def test_with_neither_source_nor_gene_model_nothing_is_said(tmp_path):
    build_knowledge(tmp_path / "k", "small")
    table = _one_each(
        _annotate(tmp_path, variant_qc(VARIANTS), _shards(tmp_path, assessed=False), tmp_path / "k")
    )
    assert set(table["population_status"]) == set(table["clinical_status"]) == {"not_assessed"}
    assert table[["damaging", "population_af", "clinical_significance"]].isna().all(axis=None)
    assert table["most_severe"].all()


def test_only_kept_variants_are_annotated_and_none_is_an_empty_table(tmp_path):
    knowledge, shards = _build(tmp_path), _shards(tmp_path)
    kept = [False, True, False, True, False]
    table = _one_each(_annotate(tmp_path, variant_qc(VARIANTS, kept), shards, knowledge))
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
    predict_effects(bcf, tmp_path / "c.parquet")
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


# -- effects tables, further sources, traces -------------------------------------------------------------


def _effects(folder: Path, *rows: dict) -> Path:
    """An effects table of the variant c1:118 G>A and others, with the columns that a row names."""
    schema = pa.schema([(n, SCHEMA.field(n).type) for n in EFFECT_COLUMNS])
    base = {"chrom": "c1", "pos": 118, "ref": G118, "alt": "A", "consequence_status": "assessed"}
    filled = [base | {"consequence": "missense_variant", "biotype": CODING} | row for row in rows]
    for row in filled:
        row["variant_id"] = f"{row['chrom']}:{row['pos']}:{row['ref']}:{row['alt']}"
    pq.write_table(pa.Table.from_pylist(filled, schema), folder / "e.parquet")
    return folder / "e.parquet"


EFFECT_COLUMNS = ["variant_id", "chrom", "pos", "ref", "alt", *EFFECT_TYPES, "consequence_status"]


@pytest.mark.parametrize(
    "first_and_other",
    [
        [
            {"transcript": "Z", "mane": "select"},
            {"transcript": "A", "mane": "plus_clinical", "canonical": True},
        ],
        [{"transcript": "Z", "mane": "plus_clinical"}, {"transcript": "A", "canonical": True}],
        [{"transcript": "Z", "canonical": True}, {"transcript": "A", "cds_length": 999}],
        [{"transcript": "Z"}, {"transcript": "A", "biotype": OTHER, "cds_length": 999}],
        [{"transcript": "Z", "cds_length": 99}, {"transcript": "A", "cds_length": 98}],
        [{"transcript": "A"}, {"transcript": "Z"}],
        # The transcript to report is not the one that is hit hardest.
        [{"transcript": "Z", "mane": "select"}, {"transcript": "A", "consequence": "stop_gained"}],
    ],
)
def test_one_transcript_of_each_gene_is_chosen(tmp_path, first_and_other):
    for order in (first_and_other, first_and_other[::-1]):
        rows = [{"gene": g, "gene_id": g, **row} for g in ("G", "H") for row in order]
        build_knowledge(tmp_path / "k", "small")
        table = _annotate(
            tmp_path, variant_qc([("c1", 118, G118, "A")]), [_effects(tmp_path, *rows)], tmp_path / "k"
        )
        chosen = table[table["chosen"].astype(bool)]
        assert chosen[["gene", "transcript"]].values.tolist() == [
            ["G", first_and_other[0]["transcript"]],
            ["H", first_and_other[0]["transcript"]],
        ]
        worst = table.loc[table["most_severe"].astype(bool), "consequence"].tolist()
        assert worst == [max(r.get("consequence", "missense_variant") for r in first_and_other)]


def _source(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def _further(folder: Path) -> list[dict]:
    """A source of each key, described as in a configuration."""
    texts = {
        "revel.csv": f"chr,grch38_pos,ref,alt,REVEL\nc1,118,{G118},A,0.9\nc1,124,T,C,.\n",
        "d.bed": "c1\t110\t118\tB\nc1\t100\t130\tA\n",
        "hot.tsv": "chrom\tpos\tn\nc1\t124\t7\nc2\t101\t8\nc2\t102\t8\n",
        "lab.tsv": f"chrom\tpos\tref\talt\tseen\nchrc2\t121\tAC\tAAC\tyes\nc1\t118\t{G118}\tA\tno\n",
        "panel.tsv": "gene\tlevel\nFW1\tgreen\n",
    }
    revel, domains, hot, lab, panel = (_source(folder, name, text) for name, text in texts.items())
    table = {"kind": "table"}
    return [
        {"kind": "revel", "path": revel, "columns": {"pos": "grch38_pos"}},
        {"kind": "regions", "name": "domains", "path": domains},
        table | {"name": "hot", "key": "position", "path": hot, "columns": {"n": {"type": "integer"}}},
        table | {"name": "lab", "key": "allele", "path": lab, "columns": {"seen": {"type": "flag"}}},
        table | {"name": "panel", "key": "gene", "path": panel, "columns": {"level": "level"}},
    ]


def test_further_sources_come_with_their_status_and_record(tmp_path):
    fasta, gff = write_fasta(tmp_path), write_gff(tmp_path)
    knowledge = _build(tmp_path, fasta=fasta, gff=gff, sources=describe_sources(_further(tmp_path), "x"))
    write_parquet(variant_qc(VARIANTS), tmp_path / "variant_qc.parquet")
    out = tmp_path / "variants.parquet"
    annotate_variants(tmp_path / "variant_qc.parquet", _shards(tmp_path), knowledge, out)
    frame = pd.read_parquet(out)
    table = _one_each(frame.astype(object).where(frame.notna(), None))
    assert table["revel"].tolist() == [0.9, None, None, None, None]
    # c2 and c3 are not in the file at all.
    states = ["present", "absent", "present", "not_assessed", "not_assessed"]
    assert table["revel__status"].tolist() == table["scores_status"].tolist() == states
    assert table["revel__row"].tolist() == [1, None, 2, None, None]
    assert table["domains__name"].tolist() == ["A|B", "A|B", "A", None, None]
    assert table["domains__status"].tolist()[3:] == ["not_assessed"] * 2
    # The insertion after 101 changes neither base beside it.
    assert table["hot__n"].tolist() == [None, None, 7, None, None]
    assert table["lab__seen"].tolist() == [False, None, None, True, None]
    assert table["lab__row"].tolist() == [2, None, None, 1, None]
    assert table["panel__level"].tolist() == ["green", "green", "green", None, None]
    # The fourth is upstream of a gene that the panel lacks, the fifth in no gene.
    assert table["panel__status"].tolist() == [*["present"] * 3, "absent", "not_assessed"]
    assert list(frame.columns)[-1] == "consequence_status"


def test_absent_is_said_only_where_the_frequency_source_has_looked(tmp_path):
    bed = _source(tmp_path, "covered.bed", "c1\t100\t118\nc2\t0\t300\n")
    sources = describe_sources([{"kind": "coverage", "path": bed}], "x")
    table = _one_each(
        _annotate(tmp_path, variant_qc(VARIANTS), _shards(tmp_path), _build(tmp_path, sources=sources))
    )
    # Covered and absent; present; a record of zero; absent; counted in nobody.
    assert list(table["population_status"]) == ["absent", "present", "absent", "absent", "not_assessed"]
    outside = [("c1", 300, base_at("c1", 300), "GATTACA"), ("MT", 5, base_at("MT", 5), "GATTACA")]
    shards = [write_bcf(tmp_path / f"{v[0]}x.bcf", [v]) for v in outside]
    effects = [tmp_path / f"{v[0]}x.parquet" for v in outside]
    for bcf, out in zip(shards, effects, strict=True):
        predict_effects(bcf, out)
    table = _annotate(tmp_path, variant_qc(outside), effects, tmp_path / "k")
    assert list(table["population_status"]) == ["not_assessed", "not_assessed"]


def test_a_contig_that_the_frequency_source_lacks_was_not_looked_at(tmp_path):
    variant = ("MT", 5, base_at("MT", 5), "GATTACA")
    predict_effects(write_bcf(tmp_path / "m.bcf", [variant]), tmp_path / "m.parquet")
    table = _annotate(tmp_path, variant_qc([variant]), [tmp_path / "m.parquet"], _build(tmp_path))
    assert list(table["population_status"]) == ["not_assessed"]
    assert list(table["clinical_status"]) == ["absent"]


def test_counts_and_groups_of_the_frequency_source_are_in_the_table(tmp_path):
    header = [
        *GNOMAD_HEADER,
        '##INFO=<ID=nhomalt,Number=A,Type=Integer,Description="n">',
        '##INFO=<ID=AF_popmax,Number=A,Type=Float,Description="f">',
        '##INFO=<ID=popmax,Number=A,Type=String,Description="g">',
        *(f'##INFO=<ID=faf95_{g},Number=A,Type=Float,Description="f">' for g in ("afr", "nfe")),
    ]
    info = "AC=3;AN=1000;AF=0.003;nhomalt=1;AF_popmax=0.01;popmax=AFR;faf95_afr=0.004;faf95_nfe=0.001"
    vcf = write_sites(tmp_path / "g.vcf", header, [("c1", 118, ".", G118, "C", info)])
    vcf.write_text(vcf.read_text().replace("\t.\t.\tAC", "\t.\tAC0\tAC"))
    build_knowledge(tmp_path / "k", "small", population_frequency=vcf)
    table = _annotate(tmp_path, variant_qc([VARIANTS[1]]), _shards(tmp_path), tmp_path / "k")
    row = table.iloc[0]
    columns = ["ac", "an", "homozygotes", "max_af", "max_group", "faf", "filter", "row"]
    assert [row[f"population_{c}"] for c in columns] == [3, 1000, 1, 0.01, "afr", 0.004, "AC0", 1]


@pytest.mark.parametrize("block", [1, 2, 100])
def test_the_table_has_the_same_rows_for_blocks_of_any_size(tmp_path, monkeypatch, block):
    knowledge, shards = _build(tmp_path), _shards(tmp_path)
    whole = _annotate(tmp_path, variant_qc(VARIANTS), shards, knowledge)
    monkeypatch.setattr("endotype.annotation.annotate._BLOCK", block)
    monkeypatch.setattr("endotype.annotation.annotate._BATCH_ROWS", 2)
    pd.testing.assert_frame_equal(whole, _annotate(tmp_path, variant_qc(VARIANTS), shards, knowledge))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 6)), max_size=30),
    st.integers(1, 5),
    st.integers(1, 7),
)
def test_blocks_hold_one_contig_and_whole_positions(sites, block, batch):
    order = sorted(sites)
    table = pa.table({"chrom": [c for c, _ in order], "pos": pa.array([p for _, p in order], pa.int64())})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("endotype.annotation.annotate._BLOCK", block)
        blocks = list(_blocks(iter([table.slice(i, batch) for i in range(0, len(table), batch)])))
    rows = [list(zip(b["chrom"].to_pylist(), b["pos"].to_pylist(), strict=True)) for b in blocks]
    assert [row for part in rows for row in part] == order
    assert all(len({c for c, _ in part}) == 1 for part in rows)
    assert all(a[-1] != b[0] for a, b in itertools.pairwise(rows))
    # No block is longer than it must be: without its last position it would be too short.
    assert all(sum(r != part[-1] for r in part) < block for part in rows)


def test_a_claim_is_followed_back_to_the_record_and_the_hash_of_its_file(tmp_path):
    knowledge = _build(tmp_path, fasta=write_fasta(tmp_path), gff=write_gff(tmp_path))
    table = _one_each(_annotate(tmp_path, variant_qc(VARIANTS), _shards(tmp_path), knowledge))
    claim = table.iloc[0]
    found = trace(knowledge, "clinical_significance", int(claim["clinical_row"]), [tmp_path / "c.vcf"])
    [stored] = found["stored"]
    assert (stored["clinical_significance"], stored["pos"]) == (claim["clinical_significance"], claim["pos"])
    line = (tmp_path / "c.vcf").read_text().splitlines()[-3]
    assert found["record"] == line
    assert "CLNSIG=Likely_pathogenic" in line
    assert found["file_of_record"] == {
        "file": "c.vcf",
        "sha256": hashlib.sha256((tmp_path / "c.vcf").read_bytes()).hexdigest(),
        "record": 1,
    }
    # The indel that was left-aligned is found where the file has it.
    moved = table.iloc[3]
    found = trace(knowledge, "population_frequency", int(moved["population_row"]), [tmp_path / "g.vcf"])
    assert found["record"].split("\t")[:5] == ["c2", "121", ".", "AC", "AAC"]
    (tmp_path / "c.vcf").write_text("another\n")
    with pytest.raises(InputError, match="when the store was built"):
        trace(knowledge, "clinical_significance", 1, [tmp_path / "c.vcf"])
    with pytest.raises(InputError, match="a record from 1 to 3"):
        trace(knowledge, "clinical_significance", 4)
    with pytest.raises(InputError, match="no source 'clinvar'"):
        trace(knowledge, "clinvar", 1)


def test_every_row_of_every_further_source_is_found_again(tmp_path):
    sources = _further(tmp_path)
    build_knowledge(tmp_path / "k", "small", sources=describe_sources(sources, "x"))
    for source in sources:
        name = source.get("name", source["kind"])
        stored = pd.read_parquet(tmp_path / f"k/{name}.parquet")
        lines = Path(source["path"]).read_text().splitlines()
        if name != "domains":
            lines = lines[1:]
        for row in stored["source_row"]:
            assert trace(tmp_path / "k", name, int(row), [source["path"]])["record"] == lines[row - 1]


def test_a_bcf_file_alone_is_annotated_in_one_go(tmp_path):
    knowledge = _build(tmp_path, fasta=write_fasta(tmp_path), gff=write_gff(tmp_path))
    variants = [v for v in VARIANTS if v[0] in ("c1", "c2")]
    bcf = write_bcf(tmp_path / "all.bcf", variants)
    annotate_bcf(bcf, tmp_path / "genome.fa", tmp_path / "genes.gff3", knowledge, tmp_path / "o.parquet")
    table = pd.read_parquet(tmp_path / "o.parquet")
    assert table["variant_id"].drop_duplicates().tolist() == variant_qc(variants)["variant_id"].tolist()
    first = table[(table["pos"] == 118) & (table["alt"] == "A") & table["most_severe"]].iloc[0]
    assert (first["consequence"], first["clinical_significance"]) == ("stop_gained", "Likely_pathogenic")
    assert first["hgvs_p"].endswith("p.(Trp3Ter)")
    assert table["cohort_af"].isna().all()
    (tmp_path / "other.fa").write_text((tmp_path / "genome.fa").read_text() + ">c9\nACGT\n")
    with pytest.raises(InputError, match="a reference with other sequences"):
        annotate_bcf(bcf, tmp_path / "other.fa", tmp_path / "genes.gff3", knowledge, tmp_path / "p.parquet")
