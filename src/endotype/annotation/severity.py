"""How severe a consequence is, and what a clinical word says.

Two vocabularies, both closed: Sequence Ontology (SO) terms with the impact and order that Ensembl VEP gives
them (https://www.ensembl.org/info/genome/variation/prediction/predicted_data.html), and ClinVar's words for
the significance of a germline variant (https://www.ncbi.nlm.nih.gov/clinvar/docs/clinsig/). A word
that is in neither is an error, never a guess: a word that a later release adds or renames would else pass
for "not pathogenic".
"""

from __future__ import annotations

import re

IMPACTS = ("HIGH", "MODERATE", "LOW", "MODIFIER")
"""The impacts, most severe first."""

_TERMS = {
    "HIGH": """
        transcript_ablation splice_acceptor_variant splice_donor_variant stop_gained frameshift_variant
        stop_lost start_lost transcript_amplification feature_elongation feature_truncation""",
    "MODERATE": """
        inframe_insertion inframe_deletion missense_variant protein_altering_variant""",
    "LOW": """
        splice_donor_5th_base_variant splice_region_variant splice_donor_region_variant
        splice_polypyrimidine_tract_variant incomplete_terminal_codon_variant start_retained_variant
        stop_retained_variant synonymous_variant""",
    "MODIFIER": """
        coding_sequence_variant mature_miRNA_variant 5_prime_UTR_variant 3_prime_UTR_variant
        non_coding_transcript_exon_variant intron_variant NMD_transcript_variant
        non_coding_transcript_variant coding_transcript_variant upstream_gene_variant
        downstream_gene_variant TFBS_ablation TFBS_amplification TF_binding_site_variant
        regulatory_region_ablation regulatory_region_amplification regulatory_region_variant
        intergenic_variant sequence_variant""",
}
IMPACT_OF_TERM = {term: impact for impact in IMPACTS for term in _TERMS[impact].split()}
"""Impact of each SO term, in VEP's order of severity."""

_RANK_OF_TERM = {term: rank for rank, term in enumerate(IMPACT_OF_TERM)}

SO_TERM = {
    "synonymous": "synonymous_variant",
    "missense": "missense_variant",
    "stop_lost": "stop_lost",
    "stop_gained": "stop_gained",
    "inframe_deletion": "inframe_deletion",
    "inframe_insertion": "inframe_insertion",
    "inframe_altering": "protein_altering_variant",
    "frameshift": "frameshift_variant",
    "splice_acceptor": "splice_acceptor_variant",
    "splice_donor": "splice_donor_variant",
    "splice_region": "splice_region_variant",
    "start_lost": "start_lost",
    "start_retained": "start_retained_variant",
    "stop_retained": "stop_retained_variant",
    "5_prime_utr": "5_prime_UTR_variant",
    "3_prime_utr": "3_prime_UTR_variant",
    "non_coding": "non_coding_transcript_variant",
    "intron": "intron_variant",
    "coding_sequence": "coding_sequence_variant",
    "feature_elongation": "feature_elongation",
    "feature_truncation": "feature_truncation",
    "NMD_transcript": "NMD_transcript_variant",
}
"""The SO term behind each short name that ``bcftools csq`` writes."""

_CLINICAL_WORDS = """
    Pathogenic Likely_pathogenic Uncertain_significance Likely_benign Benign low_penetrance
    Established_risk_allele Likely_risk_allele Uncertain_risk_allele risk_factor
    drug_response confers_sensitivity association association_not_found protective Affects other
    Conflicting_interpretations_of_pathogenicity Conflicting_classifications_of_pathogenicity
    conflicting_data_from_submitters not_provided
    no_interpretation_for_the_single_variant no_classification_for_the_single_variant
    no_classifications_from_unflagged_records no_classification_provided
    """
CLINICAL_WORDS = frozenset(_CLINICAL_WORDS.split())
"""ClinVar's germline words; several may be joined by ``/``, ``|`` or a comma."""

_FOLDED_WORDS = {word.casefold() for word in CLINICAL_WORDS}
_PATHOGENIC = {"pathogenic", "likely_pathogenic"}


def impact_of(consequence: str | None) -> str | None:
    """The impact of SO terms joined by ``&``: that of the most severe; ``None`` for ``None``.

    Raises:
        ValueError: a term is not in VEP's table.
    """
    rank = severity_rank(consequence)
    return None if rank is None else IMPACT_OF_TERM[list(IMPACT_OF_TERM)[rank]]


def severity_rank(consequence: str | None) -> int | None:
    """The place of the most severe of the ``&``-joined SO terms in VEP's order; 0 is the most severe.

    Raises:
        ValueError: a term is not in VEP's table.
    """
    if consequence is None:
        return None
    try:
        return min(_RANK_OF_TERM[term] for term in consequence.split("&"))
    except KeyError as unknown:
        raise ValueError(f"no known SO term: {unknown} in '{consequence}'") from None


def so_terms(names: str) -> str:
    """The ``&``-joined names of ``bcftools csq`` as SO terms, in their order.

    A star before a name ("behind a stop codon of the same haplotype") is dropped: consequences are of one
    allele alone.

    Raises:
        ValueError: a name is not known.
    """
    try:
        return "&".join(SO_TERM[name.removeprefix("*")] for name in names.split("&"))
    except KeyError as unknown:
        raise ValueError(f"no known consequence: {unknown} in '{names}'") from None


def clinical_words(significance: str) -> list[str]:
    """The single words of a clinical significance: ``"Pathogenic/Likely_pathogenic|other"`` has three."""
    return [part.strip("_ ").replace(" ", "_") for part in re.split(r"[/|,;]", significance)]


def unknown_clinical_words(significance: str) -> list[str]:
    """The words of a clinical significance that ClinVar's vocabulary doesn't have, whatever their case."""
    return [word for word in clinical_words(significance) if word.casefold() not in _FOLDED_WORDS]


def is_pathogenic(significance: str | None) -> bool | None:
    """Whether ClinVar calls the allele pathogenic or likely pathogenic; ``None`` for ``None``.

    Conflicting classifications are not pathogenic. A risk allele, low penetrance apart, is none either.
    """
    if significance is None:
        return None
    return any(word.casefold() in _PATHOGENIC for word in clinical_words(significance))
