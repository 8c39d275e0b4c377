"""Consequence terms as bits: the more severe, the lower."""

from __future__ import annotations

import numpy as np

from endotype.annotation.severity import IMPACT_OF_TERM, IMPACTS

TERMS = tuple(IMPACT_OF_TERM)
"""SO terms in VEP's order of severity; term ``i`` is bit ``1 << i``."""


def _bit(term: str) -> int:
    return 1 << TERMS.index(term)


ABLATION = _bit("transcript_ablation")
ACCEPTOR = _bit("splice_acceptor_variant")
DONOR = _bit("splice_donor_variant")
STOP_GAINED = _bit("stop_gained")
FRAMESHIFT = _bit("frameshift_variant")
STOP_LOST = _bit("stop_lost")
START_LOST = _bit("start_lost")
INFRAME_INSERTION = _bit("inframe_insertion")
INFRAME_DELETION = _bit("inframe_deletion")
MISSENSE = _bit("missense_variant")
PROTEIN_ALTERING = _bit("protein_altering_variant")
DONOR_5TH = _bit("splice_donor_5th_base_variant")
SPLICE_REGION = _bit("splice_region_variant")
DONOR_REGION = _bit("splice_donor_region_variant")
POLYPYRIMIDINE = _bit("splice_polypyrimidine_tract_variant")
INCOMPLETE_TERMINAL = _bit("incomplete_terminal_codon_variant")
START_RETAINED = _bit("start_retained_variant")
STOP_RETAINED = _bit("stop_retained_variant")
SYNONYMOUS = _bit("synonymous_variant")
CODING_SEQUENCE = _bit("coding_sequence_variant")
UTR_5 = _bit("5_prime_UTR_variant")
UTR_3 = _bit("3_prime_UTR_variant")
NONCODING_EXON = _bit("non_coding_transcript_exon_variant")
INTRON = _bit("intron_variant")
NMD_TRANSCRIPT = _bit("NMD_transcript_variant")
NONCODING = _bit("non_coding_transcript_variant")
UPSTREAM = _bit("upstream_gene_variant")
DOWNSTREAM = _bit("downstream_gene_variant")
INTERGENIC = _bit("intergenic_variant")


def terms_text(bits: int) -> str:
    """The terms of the bits joined by ``&``, the most severe first."""
    return "&".join(term for i, term in enumerate(TERMS) if bits >> i & 1)


def impact_texts(bits: np.ndarray) -> list[str]:
    """The impact of each value of ``bits``: that of its lowest bit."""
    return [IMPACT_OF_TERM[TERMS[(int(b) & -int(b)).bit_length() - 1]] for b in bits]


assert set(IMPACT_OF_TERM.values()) == set(IMPACTS)
