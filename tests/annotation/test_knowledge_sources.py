"""Every kind of source: read in its official form, mapped, counted, and refused when it is something else."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pysam
import pytest

from endotype.annotation.knowledge import build_knowledge
from endotype.annotation.knowledge.build import reference_digest
from endotype.annotation.knowledge.vocabulary import review_stars
from endotype.cohort.builds import Genome
from endotype.cohort.findings import Findings
from endotype.cohort.knowledge_files import check_knowledge
from endotype.cohort.knowledge_kinds import KINDS
from endotype.cohort.knowledge_sources import describe_sources, load_sources
from endotype.errors import InputError
from endotype.variants.bgzf import EOF_BLOCK
from tests.annotation.builders import (
    CLINVAR_HEADER,
    base_at,
    write_fasta,
    write_gff,
    write_sites,
)

DATA = Path(__file__).parents[3] / "shared" / "data"
A105, G118 = base_at("c1", 105), base_at("c1", 118)
OTHER = "C" if A105 != "C" else "G"


def _write(path: Path, text: str) -> str:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return str(path)


def _build(folder: Path, *descriptions: dict, assembly: str = "small", **sources) -> dict:
    """Build a store of the small genome with further sources; its ``knowledge.json``."""
    given = {"fasta": write_fasta(folder), "gff": write_gff(folder)} | sources
    build_knowledge(folder / "k", assembly, sources=describe_sources(list(descriptions), "config"), **given)
    return json.loads((folder / "k/knowledge.json").read_text())


def _table(folder: Path, name: str) -> pd.DataFrame:
    frame = pd.read_parquet(folder / f"k/{name}.parquet")
    return frame.astype(object).where(frame.notna(), None)


# -- scores ----------------------------------------------------------------------------------------------


def test_revel_takes_the_position_of_the_assembly_and_the_highest_score_of_an_allele(tmp_path):
    csv = "chr,hg19_pos,grch38_pos,ref,alt,aaref,aaalt,REVEL,Ensembl_transcriptid\n"
    csv += f"c1,105,7,{A105},{OTHER},M,V,0.2,ENST1\nc1,105,7,{A105},{OTHER},M,V,0.7,ENST2\n"
    csv += f"c1,118,.,{G118},A,M,V,.,ENST1\n"
    path = _write(tmp_path / "revel.csv.gz", csv)
    entry = _build(tmp_path, {"kind": "revel", "path": path}, assembly="GRCh37")["sources"]["revel"]
    assert _table(tmp_path, "revel").values.tolist() == [
        ["c1", 105, A105, OTHER, 0.7, 2],
        ["c1", 118, G118, "A", None, 3],
    ]
    assert entry["dropped"] == {"duplicate_allele": 1}
    assert (entry["records_in"], entry["alleles_in"], entry["kept"]) == (3, 3, 2)
    # The other assembly's column: no such place, or other bases there.
    again = _build(tmp_path, {"kind": "revel", "path": path}, assembly="GRCh38")["sources"]["revel"]
    assert (again["kept"], again["alleles_in"]) == (0, 3)
    assert again["dropped"]["no_position"] == 1


def test_lists_of_a_score_table_are_resolved_as_the_column_says(tmp_path):
    head = "#chr\tpos(1-based)\tref\talt\thg19_chr\thg19_pos(1-based)\tREVEL_score\tSIFT_score\tCADD_phred\n"
    rows = f"c1\t9\t{A105}\t{OTHER}\tc1\t105\t0.1;.;0.4\t0.5;0.02\t.\n"
    path = _write(tmp_path / "dbnsfp.gz", head + rows)
    _build(tmp_path, {"kind": "dbnsfp", "path": path}, assembly="hg19")
    [row] = _table(tmp_path, "dbnsfp").to_dict("records")
    assert (row["pos"], row["revel"], row["sift"], row["cadd_phred"]) == (105, 0.4, 0.02, None)


def test_spliceai_gives_each_allele_its_own_highest_change(tmp_path):
    entries = [f"{OTHER}|FW1|0.01|0.80|0.00|0.20|-5|-2|3|40", "T|FW1|.|.|.|.|.|.|.|."]
    info = "SpliceAI=" + ",".join([*entries, f"{OTHER}|X|0.9|0|0|0|1|2|3|4"])
    header = ['##INFO=<ID=SpliceAI,Number=.,Type=String,Description="scores">']
    alts = f"{OTHER},T" if "T" not in (A105, OTHER) else OTHER
    path = write_sites(tmp_path / "s.vcf", header, [("c1", 105, ".", A105, alts, info)])
    _build(tmp_path, {"kind": "spliceai", "path": str(path)})
    rows = _table(tmp_path, "spliceai").to_dict("records")
    first = next(r for r in rows if r["alt"] == OTHER)
    assert (first["spliceai"], first["spliceai_effect"], first["spliceai_gene"]) == (
        0.9,
        "acceptor_gain:1",
        "X",
    )
    assert all(r["spliceai"] is None for r in rows if r["alt"] != OTHER)


@pytest.mark.parametrize(
    ("kind", "text", "columns"),
    [
        (
            "alphamissense",
            "# Copyright\n#CHROM\tPOS\tREF\tALT\tgenome\tuniprot_id\ttranscript_id\tprotein_variant\t"
            f"am_pathogenicity\tam_class\nc1\t105\t{A105}\t{OTHER}\thg38\tQ\tT\tV2L\t0.29\tbenign\n",
            {"alphamissense": 0.29, "alphamissense_class": "benign"},
        ),
        (
            "cadd",
            "## CADD GRCh38-v1.7 (c) somebody\n#Chrom\tPos\tRef\tAlt\tRawScore\tPHRED\n"
            f"c1\t105\t{A105}\t{OTHER}\t-0.5\t22.1\n",
            {"cadd_raw": -0.5, "cadd_phred": 22.1},
        ),
    ],
)
def test_score_files_of_one_program(tmp_path, kind, text, columns):
    store = _build(tmp_path, {"kind": kind, "path": _write(tmp_path / "f.tsv.gz", text)}, assembly="GRCh38")
    [row] = _table(tmp_path, kind).to_dict("records")
    assert {name: row[name] for name in columns} == columns
    if kind == "cadd":
        assert (store["sources"]["cadd"]["version"], store["sources"]["cadd"]["assembly"]) == (
            "v1.7",
            "GRCh38",
        )
        with pytest.raises(InputError, match="variants of GRCh38"):
            _build(tmp_path, {"kind": kind, "path": str(tmp_path / "f.tsv.gz")}, assembly="GRCh37")


# -- places ----------------------------------------------------------------------------------------------


def test_regions_are_counted_from_one_and_keep_to_the_reference(tmp_path):
    bed = (
        "track name=x\nc1\t0\t10\thotspot\nchrc1\t99\t120\trepeat\nc1\t590\t700\tbeyond\nzz\t1\t2\tnowhere\n"
    )
    path = _write(tmp_path / "r.bed", bed)
    entry = _build(tmp_path, {"name": "domains", "kind": "regions", "path": path})["sources"]["domains"]
    assert _table(tmp_path, "domains").values.tolist() == [
        ["c1", 1, 10, "hotspot", 1],
        ["c1", 100, 120, "repeat", 2],
    ]
    assert entry["dropped"] == {"beyond_reference": 1, "contig_not_in_reference": 1}


def test_coverage_becomes_stretches_that_neither_overlap_nor_touch(tmp_path):
    rows = "".join(f"c1:{p}\t30\t{v}\n" for p, v in [(5, 0.9), (6, 0.8), (7, 0.1), (8, 0.6), (9, 0.5)])
    path = _write(tmp_path / "cov.tsv.gz", "locus\tmean\tover_20\n" + rows)
    _build(tmp_path, {"kind": "coverage", "path": path})
    frame = _table(tmp_path, "population_coverage")
    assert frame[["chrom", "start", "end"]].values.tolist() == [["c1", 5, 6], ["c1", 8, 9]]
    path = _write(tmp_path / "cov.bed", "c1\t0\t10\nc1\t5\t20\nc1\t20\t30\nc1\t40\t50\nc2\t0\t5\n")
    _build(tmp_path, {"kind": "coverage", "path": path})
    frame = _table(tmp_path, "population_coverage")
    assert frame[["chrom", "start", "end"]].values.tolist() == [["c1", 1, 30], ["c1", 41, 50], ["c2", 1, 5]]


# -- genes -----------------------------------------------------------------------------------------------

_HGNC = (
    "hgnc_id\tsymbol\tname\tstatus\talias_symbol\tprev_symbol\tensembl_gene_id\n"
    "HGNC:1\tFW1NEW\tx\tApproved\tALI|SHARED\tFW1\t\n"
    "HGNC:2\tMTG\tx\tApproved\tSHARED\tOLDMT\t\n"
)


def _gene_sources(folder: Path) -> list[dict]:
    clingen = (
        '"CLINGEN GENE DISEASE VALIDITY CURATIONS","",""\n"FILE CREATED: 2026-03-01","",""\n'
        '"WEBPAGE: x","",""\n'
        '"+++","+++","+++"\n'
        '"GENE SYMBOL","GENE ID (HGNC)","DISEASE LABEL","DISEASE ID (MONDO)","MOI","SOP","CLASSIFICATION",'
        '"ONLINE REPORT","CLASSIFICATION DATE","GCEP"\n"+++","+++","+++","+","+","+","+","+","+","+"\n'
        '"FW1NEW","HGNC:1","disease, one","MONDO:1","AD","SOP8","Limited","u","2020-01-01T00:00Z","g"\n'
        '"FW1NEW","HGNC:1","disease, one","MONDO:1","AD","SOP8","Definitive","u","2024-01-01T00:00Z","g"\n'
        '"OLDMT","","mito","MONDO:2","MT","SOP8","Moderate","u","2021-01-01","g"\n'
        '"NOBODY","HGNC:77","d","MONDO:3","XL","SOP8","Refuted","u","2021-01-01","g"\n'
    )
    gencc = (
        '"uuid"\t"gene_curie"\t"gene_symbol"\t"disease_curie"\t"disease_title"\t"classification_title"'
        '\t"moi_title"'
        '\t"submitter_title"\t"submitted_as_notes"\n'
        '"a"\t"HGNC:2"\t"MTG"\t"MONDO:9"\t"m"\t"Strong"\t"Autosomal recessive"\t"S"\t"two\nlines"\n'
    )
    constraint = (
        "gene\tgene_id\ttranscript\tcanonical\tmane_select\tlof.oe_ci.upper\tlof.pLI\tmis.z_score\n"
        "FW1NEW\t1\tNM_1\ttrue\ttrue\t0.9\t0.1\t1.0\nFW1NEW\t1\tENST1\ttrue\ttrue\t0.35\t0.99\t3.1\n"
        "FW1NEW\t1\tENST2\tfalse\tfalse\t1.5\tNA\t\n"
    )
    dosage = (
        "#ClinGen Gene Curation List\n#FILE CREATED: 02 Jan,2026\n#Genomic Locations are reported on GRCh38\n"
        "#Gene Symbol\tGene ID\tHaploinsufficiency Score\tTriplosensitivity Score\n"
        "MTG\t9\t30\tNot yet evaluated\nALI\t1\t3\t0\n"
    )
    dgidb = (
        "gene_claim_name\tgene_concept_id\tgene_name\tinteraction_type\tinteraction_score\tdrug_concept_id\t"
        "drug_name\tapproved\tinteraction_source_db_name\n"
        "x\thgnc:1\tFW1NEW\tinhibitor\t0.5\tr:1\tDRUG\tTRUE\tS\nx\tNULL\tSHARED\t\t\t\tOTHER\tFALSE\tS\n"
    )
    civic = (
        "molecular_profile\tdisease\ttherapies\tevidence_type\tevidence_level\tsignificance\tevidence_id\trating\n"
        "FW1::MTG Fusion\tLung\tA,B\tPredictive\tB\tResistance\t7\t3\n"
    )
    moalmanac = json.dumps(
        [
            {
                "feature_type": "Rearrangement",
                "gene1": "FW1",
                "gene2": "MTG",
                "disease": "d",
                "assertion_id": 4,
            },
            {
                "feature_type": "Somatic Variant",
                "gene": "MTG",
                "therapy_resistance": 1,
                "therapy_sensitivity": "",
            },
            {"feature_type": "Mutational Burden"},
        ]
    )
    hpo = (
        "ncbi_gene_id\tgene_symbol\thpo_id\thpo_name\tfrequency\tdisease_id\n10\tMTG\tHP:1\tname\t-\tOMIM:1\n"
    )
    hpoa = (
        "#description: x\n#version: 2025-01-16\ndatabase_id\tdisease_name\tqualifier\thpo_id\treference\t"
        "evidence\t"
        "onset\tfrequency\tsex\tmodifier\taspect\tbiocuration\nOMIM:1\td\t\tHP:1\tPMID:1\tPCS\t\t1/2\t\t\tP\tx\n"
    )
    mine = "who;points;note\nFW1;1,5;a\nFW1;2;b\nMTG;x3;c\n"
    texts = {
        "hgnc": ("h.txt", _HGNC), "clingen": ("c.csv", clingen), "gencc": ("g.tsv", gencc),
        "constraint": ("n.tsv.gz", constraint), "dosage": ("d.tsv", dosage), "dgidb": ("i.tsv", dgidb),
        "civic": ("v.tsv", civic), "moalmanac": ("m.json", moalmanac), "hpo_genes": ("p.txt", hpo),
        "hpo_diseases": ("p.hpoa", hpoa),
    }  # fmt: skip
    sources = [{"kind": k, "path": _write(folder / name, text)} for k, (name, text) in texts.items()]
    table = {"name": "mine", "kind": "table", "key": "gene", "path": _write(folder / "mine.csv", mine)}
    columns = {"gene": "who", "points": {"type": "number", "combine": "max"}, "note": {"combine": "join"}}
    return [*sources, table | {"columns": columns}]


def test_gene_sources_are_mapped_counted_and_come_together_in_the_gene_table(tmp_path):
    sources = _gene_sources(tmp_path)
    _write(tmp_path / "mine.csv", "who;points;note\nFW1;1;a\nFW1;2;b\nMTG;NA;c\n")
    store = _build(tmp_path, *sources)["sources"]
    genes = _table(tmp_path, "genes").set_index("gene")
    fw, mt = genes.loc["FW1"], genes.loc["MTG"]
    assert (fw["hgnc_id"], mt["hgnc_id"]) == ("HGNC:1", "HGNC:2")
    assert fw["aliases"] == "FW1NEW|ALI|SHARED"
    assert (fw["loeuf"], fw["pli"], fw["missense_z"], fw["constraint_transcript"]) == (
        0.35,
        0.99,
        3.1,
        "ENST1",
    )
    assert (fw["constraint_source"], fw["constraint_row"]) == ("constraint", 2)
    assert (fw["validity"], fw["validity_disease"], fw["validity_row"]) == ("definitive", "disease, one", 3)
    assert (fw["inheritance"], fw["inheritance_source"], fw["haploinsufficiency"]) == ("AD", "clingen", 3)
    # Two modes of inheritance: neither is the gene's.
    assert (mt["validity"], mt["validity_source"]) == ("strong", "gencc")
    assert (mt["validity_inheritance"], mt["inheritance"], mt["haploinsufficiency"]) == ("AR|MT", None, 30)
    clingen = _table(tmp_path, "clingen")
    assert clingen["mapped_by"].tolist() == ["hgnc_id", "previous_symbol", None]
    assert clingen["classified_on"].tolist() == ["2024-01-01", "2021-01-01", "2021-01-01"]
    entry = store["clingen"]
    assert (entry["date"], entry["version"]) == ("2026-03-01", "2026-03-01")
    assert entry["dropped"] == {"separator_line": 1, "weaker_or_repeated_classification": 1}
    assert entry["rows_in"] == entry["kept"] + sum(entry["dropped"].values())
    assert (entry["rows_of_unknown_genes"], entry["unknown_genes_first"]) == (2, ["+++", "NOBODY"])
    assert store["dgidb"]["ambiguous_genes_first"] == ["SHARED"]
    assert _table(tmp_path, "dgidb")[["gene", "drug", "approved"]].values.tolist() == [
        ["FW1", "DRUG", True],
        [None, "OTHER", False],
    ]
    assert _table(tmp_path, "civic")["gene"].tolist() == ["FW1", "MTG"]
    assert _table(tmp_path, "civic")["source_row"].tolist() == [1, 1]
    rows = _table(tmp_path, "moalmanac")[["gene_source", "resistance", "source_row"]].values.tolist()
    assert rows == [["FW1", None, 1], ["MTG", None, 1], ["MTG", True, 2], [None, None, 3]]
    assert store["moalmanac"]["rows_without_gene"] == 1
    assert _table(tmp_path, "hpo_genes")["hpo_id"].tolist() == ["HP:1"]
    assert store["hpo_diseases"]["version"] == "2025-01-16"
    assert _table(tmp_path, "mine")[["gene", "points", "note"]].values.tolist() == [
        ["FW1", 2.0, "a|b"],
        ["MTG", None, "c"],
    ]
    assert _table(tmp_path, "gene_names")["gene"].tolist() == ["FW1", "MTG"]


def test_a_cell_that_is_no_number_is_named_with_its_record(tmp_path):
    with pytest.raises(InputError) as error:
        _build(tmp_path, _gene_sources(tmp_path)[-1])
    assert [(p.column, p.found) for p in error.value.problems] == [
        ("points of record 1", "'1,5'"),
        ("points of record 3", "'x3'"),
    ]


def test_an_unknown_word_of_validity_stops_the_run(tmp_path):
    text = "gene_symbol\thgnc_id\tclassification\nMTG\tHGNC:2\tDefinitve\n"
    with pytest.raises(InputError) as error:
        _build(tmp_path, {"kind": "clingen", "path": _write(tmp_path / "c.tsv", text)})
    assert error.value.problems[0].suggestion == "definitive"


# -- clinical words --------------------------------------------------------------------------------------


def test_an_unknown_review_status_stops_the_run(tmp_path):
    info = "CLNSIG=Benign;CLNREVSTAT=criteria_provided,_single_submiter"
    path = write_sites(tmp_path / "c.vcf", CLINVAR_HEADER, [("c1", 105, "1", A105, OTHER, info)])
    with pytest.raises(InputError) as error:
        _build(tmp_path, clinical_significance=path)
    [problem] = error.value.problems
    assert (problem.column, problem.suggestion) == ("CLNREVSTAT", "criteria_provided,_single_submitter")
    assert [review_stars(w) for w in ("practice guideline", "no_classification_provided", "?", None)] == [
        *(4, 0),
        *(None, None),
    ]


# -- files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, len(EOF_BLOCK), 60])
def test_a_truncated_file_is_refused(tmp_path, cut):
    rows = "".join(f"c1\t{p}\t{base_at('c1', p)}\tN\t0.1\n" for p in range(1, 500))
    text = "#Chrom\tPos\tRef\tAlt\tPHRED\n" + rows
    path = tmp_path / "cadd.tsv.gz"
    whole = gzip.compress(text.encode())
    path.write_bytes(whole[:-cut])
    with pytest.raises(InputError, match=r"truncated|damaged"):
        _build(tmp_path, {"kind": "cadd", "path": str(path)})
    assert not (tmp_path / "k/cadd.parquet").exists()


def test_a_bgzip_file_without_its_last_block_is_refused(tmp_path):
    info = "CLNSIG=Benign"
    path = write_sites(tmp_path / "c.vcf", CLINVAR_HEADER, [("c1", 105, "1", A105, OTHER, info)])
    packed = tmp_path / "c.vcf.gz"
    pysam.tabix_compress(str(path), str(packed))
    assert _build(tmp_path, clinical_significance=packed)["sources"]["clinical_significance"]["kept"] == 1
    packed.write_bytes(packed.read_bytes().removesuffix(EOF_BLOCK))
    with pytest.raises(InputError, match="end-of-file block"):
        _build(tmp_path, clinical_significance=packed)


def test_a_score_may_not_take_the_name_of_another_column(tmp_path):
    path = _write(tmp_path / "m.tsv", "chrom\tpos\tref\talt\timpact\n")
    source = {"name": "m", "kind": "scores", "path": path, "columns": {"impact": {"type": "number"}}}
    with pytest.raises(InputError, match="a score called impact"):
        _build(tmp_path, source)


def test_a_row_with_too_few_cells_is_refused_with_its_number(tmp_path):
    path = _write(
        tmp_path / "m.tsv", f"chrom\tpos\tref\talt\tx\nc1\t105\t{A105}\t{OTHER}\t1\nc1\t118\t{G118}\tA\n"
    )
    source = {"name": "m", "kind": "table", "key": "allele", "path": path, "columns": {"x": "x"}}
    with pytest.raises(InputError, match="found 4 cells in record 2; expected 5 cells"):
        _build(tmp_path, source)


def test_a_missing_column_is_named_with_the_nearest(tmp_path):
    path = _write(tmp_path / "m.tsv", "chrom\tposition\tref\talt\tscor\nc1\t1\tA\tC\t1\n")
    source = {"name": "m", "kind": "scores", "path": path, "columns": {"score": {"type": "number"}}}
    with pytest.raises(InputError) as error:
        _build(tmp_path, source)
    [problem] = error.value.problems
    assert (problem.row, problem.column) == (1, "score")
    assert "scor" in problem.suggestion


@pytest.mark.parametrize("form", ["tsv.gz", "vcf", "json"])
def test_records_are_numbered_through_batches_of_any_size(tmp_path, monkeypatch, form):
    monkeypatch.setattr("endotype.annotation.knowledge.records._BLOCK_BYTES", 300)
    monkeypatch.setattr("endotype.annotation.knowledge.records._JSON_BATCH", 7)
    sites = [(p, base_at("c1", p)) for p in range(1, 600)]
    if form == "vcf":
        header = ['##INFO=<ID=n,Number=1,Type=Integer,Description="n">']
        vcf = [("c1", p, ".", r, "GATTACA", f"n={p}") for p, r in sites]
        path = str(write_sites(tmp_path / "m.vcf", header, vcf))
    elif form == "json":
        records = [{"chrom": "c1", "pos": p, "ref": r, "alt": "GATTACA", "n": p} for p, r in sites]
        path = _write(tmp_path / "m.json", json.dumps(records))
    else:
        rows = "".join(f"c1\t{p}\t{r}\tGATTACA\t{p}\n" for p, r in sites)
        path = _write(tmp_path / "m.tsv.gz", "chrom\tpos\tref\talt\tn\n" + rows)
    columns = {"n": {"type": "integer"}}
    source = {"name": "m", "kind": "table", "key": "allele", "path": path, "columns": columns}
    entry = _build(tmp_path, source, fasta=None)["sources"]["m"]
    frame = _table(tmp_path, "m")
    assert (len(frame), entry["records_in"], entry["alleles_in"]) == (599, 599, 599)
    assert (frame["n"] == frame["source_row"]).all()


def test_several_files_are_one_source_and_records_count_on(tmp_path):
    header = "chr,hg19_pos,grch38_pos,ref,alt,REVEL\n"
    paths = [
        _write(tmp_path / f"{n}.csv", f"{header}c1,{p},{p},{base_at('c1', p)},{alt},0.5\n")
        for n, p, alt in (("a", 105, OTHER), ("b", 118, "A"))
    ]
    entry = _build(tmp_path, {"kind": "revel", "path": paths}, assembly="GRCh38")["sources"]["revel"]
    assert _table(tmp_path, "revel")["source_row"].tolist() == [1, 2]
    assert [f["records"] for f in entry["files"]] == [1, 1]
    assert entry["file"] == "a.csv and 1 more"


def test_contigs_of_another_length_are_another_assembly(tmp_path):
    header = ["##contig=<ID=c1,length=599>", *CLINVAR_HEADER]
    path = write_sites(tmp_path / "c.vcf", header, [("c1", 105, "1", A105, OTHER, "CLNSIG=Benign")])
    with pytest.raises(InputError, match="contig c1 of 599 bases; expected 600"):
        _build(tmp_path, clinical_significance=path)


# -- age and identity ------------------------------------------------------------------------------------


def test_age_is_counted_to_the_newest_source_or_to_a_given_date_and_never_to_today(tmp_path):
    text = "gene_symbol\thpo_id\nMTG\tHP:1\n"
    old = {"name": "old", "kind": "hpo_genes", "path": _write(tmp_path / "o.txt", text), "date": "2024-01-01"}
    new = {"name": "new", "kind": "hpo_genes", "path": _write(tmp_path / "n.txt", text), "date": "2026-01-01"}
    bare = {"name": "bare", "kind": "hpo_genes", "path": old["path"]}
    store = _build(tmp_path, old, new, bare, max_age_days=365)
    assert [store["sources"][n]["age_days"] for n in ("old", "new", "bare")] == [731, 0, None]
    assert store["as_of"] == "2026-01-01"
    assert [w.split(" ")[0] for w in store["warnings"]] == ["bare", "old"]
    store = _build(tmp_path, old, new, max_age_days=365, as_of="2028-01-01")
    assert len(store["warnings"]) == 2
    assert _build(tmp_path, old)["warnings"] == []


def test_the_store_says_what_every_source_is(tmp_path):
    path = _write(tmp_path / "n.txt", "gene_symbol\thpo_id\nMTG\tHP:1\n")
    description = {"kind": "hpo_genes", "path": path, "version": "v1", "licence": "HPO", "date": "2026-01-01"}
    store = _build(tmp_path, description)
    entry = store["sources"]["hpo_genes"]
    assert {k: entry[k] for k in ("version", "licence", "date", "size")} == {
        **{"version": "v1", "licence": "HPO", "date": "2026-01-01"},
        "size": Path(path).stat().st_size,
    }
    lengths = {"c1": 600, "c2": 300, "c3": 200, "MT": 100}
    assert store["reference"]["digest"] == reference_digest(lengths)
    assert reference_digest(lengths) != reference_digest(lengths | {"c2": 301})


# -- descriptions ----------------------------------------------------------------------------------------


_TABLE = {"kind": "table", "path": "x", "key": "gene"}


@pytest.mark.parametrize(
    ("description", "column"),
    [
        ({"kind": "clinvra", "path": "x"}, "kind"),
        ({"kind": "revel"}, "path"),
        ({"kind": "revel", "path": "x", "data": "2026"}, "data"),
        ({"kind": "revel", "path": "x", "date": "2026-13-01"}, "date"),
        ({"kind": "revel", "path": "x", "name": "../x"}, "name"),
        ({"kind": "revel", "path": "x", "name": "genes"}, "name"),
        ({"kind": "clinvar", "path": "x", "name": "other"}, "name"),
        ({"kind": "table", "path": "x", "key": "allele"}, "columns"),
        ({"kind": "table", "path": "x", "columns": {"a": "a"}}, "key"),
        ({"kind": "table", "path": "x", "key": "gene", "columns": {"a; DROP": "a"}}, "columns, a; DROP"),
        (_TABLE | {"columns": {"a": {"type": "float"}}}, "columns, a, type"),
        (_TABLE | {"columns": {"a": {"combine": "max"}}}, "columns, a, combine"),
        ({"kind": "coverage", "path": "x", "min_covered": 2}, "min_covered"),
        ("revel", ""),
    ],
)  # fmt: skip
def test_a_description_with_a_fault_is_refused_where_the_fault_is(description, column):
    with pytest.raises(InputError) as error:
        describe_sources([description], "config.yaml")
    assert [p.column for p in error.value.problems] == [f"source 1, {column}" if column else "source 1"]


def test_two_sources_of_one_name_or_score_are_refused():
    with pytest.raises(InputError, match="each name once"):
        describe_sources([{"kind": "hgnc", "path": "a"}, {"kind": "hgnc", "path": "b"}], "x")
    with pytest.raises(InputError, match="the column revel of revel and of dbnsfp"):
        describe_sources([{"kind": "revel", "path": "a"}, {"kind": "dbnsfp", "path": "b"}], "x")


def test_descriptions_come_from_yaml_json_or_the_text_itself(tmp_path):
    item = {"kind": "revel", "path": "a"}
    path = tmp_path / "config.yaml"
    path.write_text("knowledge:\n  sources:\n  - {kind: revel, path: a}\n")
    assert load_sources(str(path)) == load_sources(json.dumps([item])) == describe_sources([item], "x")
    path.write_text("a: [")
    with pytest.raises(InputError, match="can't be read"):
        load_sources(str(path))
    with pytest.raises(InputError, match="No such file"):
        load_sources(str(tmp_path / "none.yaml"))


def test_every_kind_says_what_its_rows_are_about():
    assert all(kind.key or kind.name == "table" for kind in KINDS.values())


def test_merging_regions_leaves_an_empty_table_alone(tmp_path):
    _build(tmp_path, {"kind": "coverage", "path": _write(tmp_path / "c.bed", "zz\t1\t2\n")})
    frame = pd.read_parquet(tmp_path / "k/population_coverage.parquet")
    assert frame.empty


# -- before the run --------------------------------------------------------------------------------------


def _problems(*sources: object, **paths: object) -> list[tuple[str, str]]:
    findings = Findings()
    given = dict.fromkeys(["clinical_significance", "population_frequency", "genes", "targets"])
    genome = Genome("small", None, False, None, False)
    check_knowledge(given | paths | {"sources": list(sources)}, genome, None, set(), findings)
    return [(p.column, p.found) for p in findings.problems]


def test_further_sources_are_checked_before_the_run(tmp_path):
    vcf = write_sites(tmp_path / "c.vcf", CLINVAR_HEADER, [("c1", 105, "1", A105, OTHER, "CLNSIG=Benign")])
    whole = _write(tmp_path / "r.csv", "chr,pos,ref,alt,REVEL\n")
    assert _problems({"kind": "clinvar", "path": str(vcf)}, {"kind": "revel", "path": whole}) == []
    assert _problems({"kind": "revel", "path": str(tmp_path / "gone.csv")}) == [("", "no such file")]
    assert _problems({"kind": "reveal", "path": whole}) == [("source 1, kind", "'reveal'")]
    assert _problems({"kind": "spliceai", "path": whole}) == [("", "the first line 'chr,pos,ref,alt,REVEL'")]
    twice = _problems({"kind": "clinvar", "path": str(vcf)}, clinical_significance=str(vcf))
    assert twice == [("clinical_significance", "a second time")]


# -- real files ------------------------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not at hand")
def test_real_files_load_whole(tmp_path):
    kit = DATA / "annotation_kit"
    sources = [
        {"kind": "clingen", "path": "acmg/clingen_gene_disease_validity_2025-01.tsv.gz"},
        {"kind": "hpo_genes", "path": "phenopackets/hpo/genes_to_phenotype_2025-01-16.txt.gz"},
        {"kind": "hpo_diseases", "path": "phenopackets/hpo/phenotype_2025-01-16.hpoa.gz"},
        {"kind": "dgidb", "path": "somatic/dgidb/dgidb_interaction_claims.tsv.gz"},
        {"kind": "moalmanac", "path": "somatic/moalmanac/molecular-oncology-almanac.json.gz"},
        {
            **{"name": "rvis", "kind": "table", "key": "gene"},
            "path": "knowledge/rvis/genic_intolerance_2013.txt.gz",
            "columns": {
                "gene": "#HGNC gene",
                "percentile": {"from": "Residual Variation Intolerance Score Percentile", "type": "number"},
            },
        },
        {
            **{"name": "clinvar_2018", "kind": "table", "key": "allele"},
            "path": "knowledge/clinvar/clinvar_2018_first750.b37.vcf.gz",
            "columns": {"significance": "CLINICAL_SIGNIFICANCE"},
        },
    ]
    store = _build(
        tmp_path,
        *({**s, "path": str(DATA / s["path"])} for s in sources),
        assembly="GRCh37",
        clinical_significance=kit / "clinvar_20191007.72records.vcf.gz",
        fasta=kit / "b37.chr1_1-3400000.fa.gz",
        gff=kit / "gencode19_derived.chr1_1-3400000.sorted.gff3.gz",
    )["sources"]
    assert store["clinical_significance"]["kept"] == 72
    assert {n: store[n]["records_in"] for n in ("clingen", "hpo_diseases", "dgidb", "moalmanac", "rvis")} == {
        **{"clingen": 16607, "hpo_diseases": 271702, "dgidb": 42727, "moalmanac": 1018},
        "rvis": 16956,
    }
    assert (store["clinvar_2018"]["records_in"], store["clinvar_2018"]["kept"]) == (608, 608)
    genes = pd.read_parquet(tmp_path / "k/genes.parquet").set_index("gene")
    assert genes.loc["GNB1", ["validity", "validity_source"]].tolist() == ["definitive", "clingen"]
    for name in ("clingen", "hpo_genes", "dgidb", "moalmanac", "rvis"):
        entry = store[name]
        mapped = sum(entry["rows_mapped_by"].values()) + entry["rows_of_unknown_genes"]
        assert mapped + entry["rows_of_ambiguous_genes"] + entry["rows_without_gene"] == entry["rows_in"]
