"""The kinds of knowledge that are understood, and the names that their official files give to columns.

A kind says what a row is about (its key) and which columns are taken. A user's own table is described by
the same three words: key, columns, types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

KEYS = ("allele", "position", "region", "gene", "disease")
"""What a row of a source is about."""

TYPES = ("text", "number", "integer", "flag")
"""Types of columns; a ``flag`` is true or false."""

COMBINE = ("first", "max", "min", "join")
"""What becomes of several values of one key: the first, the largest, the smallest, or all (sorted, ``|``)."""


@dataclass(frozen=True)
class Column:
    """One column that is taken from a source.

    Attributes:
        name: what it is called here.
        names: what files call it; the first that a file has is taken.
        type: one of ``TYPES``.
        required: a file without it is none of this kind.
        combine: what becomes of several values, in one cell or in several rows of one key.
        separator: what stands between several values of one cell; empty when a cell is one value.
    """

    name: str
    names: tuple[str, ...]
    type: str = "text"
    required: bool = False
    combine: str = "first"
    separator: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of source: what its rows are about, and its columns.

    ``label`` is what the source is called for a reader, ``joined`` whether its columns come into
    ``variants.parquet``.
    """

    name: str
    key: str
    label: str
    columns: tuple[Column, ...] = ()
    joined: bool = False


KEY_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "chrom": (
        *("chrom", "#chrom", "#Chrom", "#CHROM", "CHROM", "Chrom", "chr", "#chr", "chromosome"),
        "Chromosome",
    ),
    "pos": ("pos", "POS", "Pos", "position", "pos(1-based)"),
    "ref": ("ref", "REF", "Ref", "reference_allele", "Reference_Allele"),
    "alt": ("alt", "ALT", "Alt", "alternate_allele", "Tumor_Seq_Allele2"),
    "start": ("start", "chromStart", "Start"),
    "end": ("end", "chromEnd", "End"),
    "gene": (
        *("gene", "gene_symbol", "symbol", "Gene", "GENE SYMBOL", "gene_name", "Hugo_Symbol", "#Gene Symbol"),
        *("#HGNC gene", "GENE", "SYMBOL", "gene1"),
    ),
    "gene_key": (
        *("hgnc_id", "gene_curie", "gene_id", "ensembl_gene_id", "GENE ID (HGNC)", "gene_concept_id"),
        *("HGNC ID", "HGNC_ID"),
    ),
}  # fmt: skip
"""Names of the columns that say what a row is about. ``gene_key`` is an Ensembl or HGNC id."""

POSITION_OF_ASSEMBLY: Mapping[str, tuple[str, ...]] = {
    "GRCh37": ("hg19_pos", "hg19_pos(1-based)", "pos_hg19", "pos_grch37"),
    "GRCh38": ("grch38_pos", "pos(1-based)", "pos_hg38", "hg38_pos"),
}
"""Position columns of tables that give several assemblies: dbNSFP's ``pos(1-based)`` is of GRCh38."""

CHROM_OF_ASSEMBLY: Mapping[str, tuple[str, ...]] = {"GRCh37": ("hg19_chr",), "GRCh38": ()}


def _score(name: str, *names: str, combine: str = "max") -> Column:
    return Column(name, names, "number", combine=combine, separator=";")


_DBNSFP = (
    _score("revel", "REVEL_score"),
    _score("bayesdel", "BayesDel_noAF_score"),
    _score("bayesdel_af", "BayesDel_addAF_score"),
    _score("alphamissense", "AlphaMissense_score"),
    _score("vest4", "VEST4_score"),
    _score("mutpred2", "MutPred2_score"),
    _score("primateai", "PrimateAI_score"),
    _score("cadd_phred", "CADD_phred"),
    _score("sift", "SIFT_score", combine="min"),
    _score("polyphen2", "Polyphen2_HVAR_score"),
    _score("phylop", "phyloP100way_vertebrate"),
    _score("gerp", "GERP++_RS"),
)
_REVEL = Column("revel", ("REVEL", "revel"), "number", True, "max")
_CONSTRAINT = (
    Column("transcript", ("transcript", "canonical_transcript")),
    Column("mane_select", ("mane_select",), "flag"),
    Column("canonical", ("canonical",), "flag"),
    Column("loeuf", ("lof.oe_ci.upper", "oe_lof_upper", "loeuf"), "number"),
    Column("pli", ("lof.pLI", "pLI", "pli"), "number"),
    Column("missense_z", ("mis.z_score", "mis_z", "missense_z"), "number"),
)
_VALIDITY = (
    Column("disease", ("disease_title", "DISEASE LABEL", "disease_label", "disease")),
    Column("disease_id", ("disease_curie", "DISEASE ID (MONDO)", "mondo_disease_id", "disease_id")),
    Column("inheritance", ("moi_title", "MOI", "moi", "inheritance")),
    Column("classification", ("classification_title", "CLASSIFICATION", "classification"), required=True),
    Column("submitter", ("submitter_title", "GCEP", "submitter")),
    Column("classified_on", ("submitted_as_date", "CLASSIFICATION DATE", "date")),
    Column("report", ("submitted_as_public_report_url", "ONLINE REPORT", "report")),
)
_ASSERTIONS = (
    Column("disease", ("disease",)),
    Column("therapies", ("therapies", "therapy_name", "drugs")),
    Column("significance", ("significance", "clinical_significance")),
)

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("clinvar", "allele", "ClinVar, VCF"),
        Kind("gnomad", "allele", "gnomAD sites, VCF"),
        Kind("dbnsfp", "allele", "dbNSFP, TSV", _DBNSFP, True),
        Kind("revel", "allele", "REVEL, CSV", (_REVEL,), True),
        Kind(
            "alphamissense",
            "allele",
            "AlphaMissense, TSV",
            (
                Column("alphamissense", ("am_pathogenicity",), "number", True, "max"),
                Column("alphamissense_class", ("am_class",), combine="join"),
            ),
            True,
        ),
        Kind(
            "cadd",
            "allele",
            "CADD, TSV",
            (
                Column("cadd_raw", ("RawScore",), "number", False, "max"),
                Column("cadd_phred", ("PHRED",), "number", True, "max"),
            ),
            True,
        ),
        Kind(
            "spliceai",
            "allele",
            "SpliceAI, VCF",
            (
                Column("spliceai", ("SpliceAI",), "number", True, "max"),
                Column("spliceai_effect", ("SpliceAI",)),
                Column("spliceai_gene", ("SpliceAI",)),
            ),
            True,
        ),
        Kind("coverage", "region", "positions that the frequency source covers, BED or TSV"),
        Kind("regions", "region", "regions, BED", (Column("name", ("name",), combine="join"),), True),
        Kind("constraint", "gene", "gnomAD gene constraint, TSV", _CONSTRAINT),
        Kind(
            "hgnc",
            "gene",
            "HGNC complete set, TSV",
            (
                Column("hgnc_id", ("hgnc_id",), required=True),
                Column("symbol", ("symbol",), required=True),
                Column("status", ("status",)),
                Column("alias_symbol", ("alias_symbol",)),
                Column("prev_symbol", ("prev_symbol",)),
                Column("entrez_id", ("entrez_id",)),
                Column("ensembl_gene_id", ("ensembl_gene_id",)),
                Column("refseq_accession", ("refseq_accession",)),
            ),
        ),
        Kind("clingen", "gene", "ClinGen gene-disease validity, CSV", _VALIDITY),
        Kind("gencc", "gene", "GenCC submissions, TSV", _VALIDITY),
        Kind(
            "dosage",
            "gene",
            "ClinGen dosage sensitivity, TSV",
            (
                Column("haploinsufficiency", ("Haploinsufficiency Score",), "integer", True),
                Column("triplosensitivity", ("Triplosensitivity Score",), "integer"),
            ),
        ),
        Kind(
            "dgidb",
            "gene",
            "DGIdb interactions, TSV",
            (
                Column("drug", ("drug_name", "drug_claim_primary_name", "drug_claim_name")),
                Column("drug_id", ("drug_concept_id", "drug_chembl_id")),
                Column("interaction", ("interaction_type", "interaction_types")),
                Column("score", ("interaction_score", "interaction_group_score"), "number"),
                Column("interaction_source", ("interaction_source_db_name", "interaction_claim_source")),
                Column("approved", ("approved", "drug_is_approved"), "flag"),
                Column("references", ("PMIDs",)),
            ),
        ),
        Kind(
            "civic",
            "gene",
            "CIViC evidence or assertions, TSV",
            (
                Column("molecular_profile", ("molecular_profile", "variant"), required=True),
                *_ASSERTIONS,
                Column("evidence_type", ("evidence_type", "assertion_type")),
                Column("evidence_direction", ("evidence_direction", "assertion_direction")),
                Column("evidence_level", ("evidence_level", "amp_category", "amp_level")),
                Column("rating", ("rating",), "integer"),
                Column("status", ("evidence_status", "assertion_status", "status")),
                Column("origin", ("variant_origin",)),
                Column("record", ("evidence_id", "assertion_id", "id")),
                Column("reference", ("citation_id", "nct_ids")),
                Column("disease_id", ("doid",)),
                Column("together", ("therapy_interaction_type", "drug_interaction_type")),
            ),
        ),
        Kind(
            "moalmanac",
            "gene",
            "Molecular Oncology Almanac, JSON",
            (
                Column("feature_type", ("feature_type",), required=True),
                Column("alteration", ("protein_change", "rearrangement_type", "direction")),
                Column("alteration_type", ("variant_annotation",)),
                *_ASSERTIONS[:2],
                Column("sensitivity", ("therapy_sensitivity",), "flag"),
                Column("resistance", ("therapy_resistance",), "flag"),
                Column("favourable_prognosis", ("favorable_prognosis",), "flag"),
                Column("evidence_level", ("predictive_implication",)),
                Column("record", ("assertion_id",)),
                Column("reference", ("citation",)),
                Column("disease_code", ("oncotree_code",)),
                Column("disease_term", ("oncotree_term",)),
                Column("exon", ("exon",)),
                Column("pathogenic", ("pathogenic",), "flag"),
                Column("mutations_per_mb", ("mutations_per_mb",), "number"),
                Column("adverse_event", ("adverse_event_risk",), "flag"),
                Column("pmid", ("pmid",)),
                Column("deprecated", ("_deprecated",), "flag"),
            ),
        ),
        Kind(
            "hpo_genes",
            "gene",
            "HPO genes_to_phenotype.txt",
            (
                Column("hpo_id", ("hpo_id",), required=True),
                Column("hpo_name", ("hpo_name",)),
                Column("frequency", ("frequency",)),
                Column("disease_id", ("disease_id",)),
            ),
        ),
        Kind(
            "hpo_diseases",
            "disease",
            "HPO phenotype.hpoa",
            (
                Column("disease_id", ("database_id",), required=True),
                Column("disease", ("disease_name",)),
                Column("qualifier", ("qualifier",)),
                Column("hpo_id", ("hpo_id",), required=True),
                Column("reference", ("reference",)),
                Column("evidence", ("evidence",)),
                Column("onset", ("onset",)),
                Column("frequency", ("frequency",)),
                Column("sex", ("sex",)),
                Column("aspect", ("aspect",)),
            ),
        ),
        Kind("scores", "allele", "a table of scores of yours", (), True),
        Kind("table", "", "a table of yours"),
    )
}  # fmt: skip
"""Every kind by its name. ``table`` takes its key and columns from the description of the source."""

SCORE_KINDS = ("dbnsfp", "revel", "alphamissense", "cadd", "spliceai", "scores")
"""Kinds whose columns keep their names in ``variants.parquet``; others are ``{source}__{column}``."""
VALIDITY_KINDS = ("clingen", "gencc")
FIXED_NAMES = {
    "clinvar": "clinical_significance",
    "gnomad": "population_frequency",
    "coverage": "population_coverage",
    "hgnc": "gene_names",
}
"""Kinds of which a run has one, and what that one is called."""
