"""Code systems and codes of FHIR Genomics Reporting bundles.

This material contains content from LOINC (http://loinc.org). LOINC is copyright Regenstrief Institute, Inc.
and the Logical Observation Identifiers Names and Codes (LOINC) Committee and is available at no cost under
the license at http://loinc.org/license. LOINC is a registered United States trademark of Regenstrief
Institute, Inc.

Codes of LOINC and of the guide are those of HL7 Genomics Reporting 4.0.0 (ci-build 1dbfb09, CC0-1.0). What
has no code there gets one of Endotype's own, under addresses that are names and lead to no page.

Concepts with fixed words are made once and shared by all resources: they aren't to be edited in place.
"""

from __future__ import annotations

from functools import cache
from typing import Any

Element = dict[str, Any]

LOINC = "http://loinc.org"
HGVS = "http://varnomen.hgvs.org"
HGNC = "http://www.genenames.org"
HPO = "http://human-phenotype-ontology.org"
SEQUENCE_ONTOLOGY = "http://www.sequenceontology.org"
REFSEQ = "http://www.ncbi.nlm.nih.gov/refseq"
CLINVAR = "http://www.ncbi.nlm.nih.gov/clinvar"
UCUM = "http://unitsofmeasure.org"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
SERVICE = "http://terminology.hl7.org/CodeSystem/v2-0074"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
PHASE = "http://terminology.hl7.org/CodeSystem/sequence-phase-relationship-cs"

GUIDE = "http://hl7.org/fhir/uv/genomics-reporting"
PROFILE = f"{GUIDE}/StructureDefinition/"
TBD = f"{GUIDE}/CodeSystem/tbd-codes-cs"
CLINVAR_STARS = f"{GUIDE}/CodeSystem/clinvar-evidence-level-custom-cs"
ANNOTATION_TYPES = f"{GUIDE}/CodeSystem/coded-annotation-types-cs"
ARTIFACT = "http://hl7.org/fhir/StructureDefinition/workflow-relatedArtifact"
SECONDARY_FINDING = "http://hl7.org/fhir/StructureDefinition/observation-secondaryFinding"

OWN = "https://endotype.invalid/fhir/"
OWN_CODES = f"{OWN}CodeSystem/report"
OWN_CONFIDENCE = f"{OWN}CodeSystem/confidence"
OWN_TIERS = f"{OWN}CodeSystem/tier"
CLAIM_IDS = f"{OWN}NamingSystem/claim"
PATIENT_IDS = f"{OWN}NamingSystem/patient"
TUMOUR_IDS = f"{OWN}NamingSystem/tumour"
BUNDLE_IDS = f"{OWN}NamingSystem/report"

PRESENT = ("LA9633-4", "Present")
ONE_BASED = ("LA30102-0", "1-based character counting")
GERMLINE = ("LA6683-2", "Germline")
SOMATIC = ("LA6684-0", "Somatic")
DE_NOVO = ("LA26807-0", "De novo")
RESISTANT = ("LA6676-6", "Resistant")
RESPONSIVE = ("LA6677-4", "Responsive")

ASSEMBLIES = {"GRCh37": "LA14029-5", "GRCh38": "LA26806-2"}

ALLELIC_STATES = {
    "heterozygous": "LA6706-1",
    "homozygous": "LA6705-3",
    "hemizygous": "LA6707-9",
    "homoplasmic": "LA6704-6",
}
"""LL381-5. What a report can't tell apart, such as "homozygous or hemizygous", has words and no code."""

SIGNIFICANCE = {
    "pathogenic": ("LA6668-3", "Pathogenic"),
    "likely_pathogenic": ("LA26332-9", "Likely pathogenic"),
    "uncertain_significance": ("LA26333-7", "Uncertain significance"),
    "likely_benign": ("LA26334-5", "Likely benign"),
    "benign": ("LA6675-8", "Benign"),
}
"""LL4034-6. Any other word of a clinical source, such as "conflicting" or "risk factor", has no code."""

PARENTS = {"maternal": ("LA26320-4", "Maternal"), "paternal": ("LA26321-2", "Paternal")}

INHERITANCE = {
    "AD": ("HP:0000006", "Autosomal dominant inheritance"),
    "AR": ("HP:0000007", "Autosomal recessive inheritance"),
    "XL": ("HP:0001417", "X-linked inheritance"),
    "XLR": ("HP:0001419", "X-linked recessive inheritance"),
    "XLD": ("HP:0001423", "X-linked dominant inheritance"),
    "MT": ("HP:0001427", "Mitochondrial inheritance"),
    "YL": ("HP:0001450", "Y-linked inheritance"),
}

STARS = {0: "no-star", 1: "1-star", 2: "2-star", 3: "3-star", 4: "4-star"}

CONSEQUENCES = {
    "transcript_ablation": "SO:0001893",
    "splice_acceptor_variant": "SO:0001574",
    "splice_donor_variant": "SO:0001575",
    "stop_gained": "SO:0001587",
    "frameshift_variant": "SO:0001589",
    "stop_lost": "SO:0001578",
    "start_lost": "SO:0002012",
    "inframe_insertion": "SO:0001821",
    "inframe_deletion": "SO:0001822",
    "missense_variant": "SO:0001583",
    "protein_altering_variant": "SO:0001818",
    "splice_donor_5th_base_variant": "SO:0001787",
    "splice_region_variant": "SO:0001630",
    "splice_donor_region_variant": "SO:0002170",
    "splice_polypyrimidine_tract_variant": "SO:0002169",
    "incomplete_terminal_codon_variant": "SO:0001626",
    "start_retained_variant": "SO:0002019",
    "stop_retained_variant": "SO:0001567",
    "synonymous_variant": "SO:0001819",
    "coding_sequence_variant": "SO:0001580",
    "mature_miRNA_variant": "SO:0001620",
    "5_prime_UTR_variant": "SO:0001623",
    "3_prime_UTR_variant": "SO:0001624",
    "non_coding_transcript_exon_variant": "SO:0001792",
    "intron_variant": "SO:0001627",
    "NMD_transcript_variant": "SO:0001621",
    "non_coding_transcript_variant": "SO:0001619",
    "upstream_gene_variant": "SO:0001631",
    "downstream_gene_variant": "SO:0001632",
    "intergenic_variant": "SO:0001628",
}
"""Terms of the Sequence Ontology (CC BY 4.0) that the annotation stage gives."""


def concept(
    text: str | None, system: str | None = None, code: str | None = None, display: str | None = None
) -> Element:
    """A CodeableConcept: the words as they stand in the report, and a code beside them where there is one."""
    built: Element = {"text": text} if text else {}
    if code and system:
        built["coding"] = [{"system": system, "code": code} | ({"display": display} if display else {})]
    return built


@cache
def loinc(code: str, text: str) -> Element:
    """A LOINC code, with words of ours."""
    return concept(text, LOINC, code)


@cache
def guide(code: str, text: str | None = None) -> Element:
    """A code of the guide's own system."""
    return concept(text or code.replace("-", " "), TBD, code)


def own(code: str, text: str | None = None) -> Element:
    """A code of Endotype's; ``text`` may be of the report."""
    return concept(text, OWN_CODES, code) if text else _own(code)


@cache
def _own(code: str) -> Element:
    return concept(code.replace("-", " "), OWN_CODES, code)


@cache
def answer(pair: tuple[str, str]) -> Element:
    """An answer of LOINC's lists."""
    return concept(pair[1], LOINC, pair[0])


def absent(reason: str, code: str = "unknown") -> Element:
    """Why there is no value: never a negative finding. ``code``: one of FHIR's data-absent-reason."""
    return concept(reason, ABSENT, code)
