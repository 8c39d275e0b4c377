"""One variant in one gene, with everything the criteria ask of it, and what they may look up elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from endotype.annotation.acmg.association import Association
from endotype.annotation.acmg.family import Family
from endotype.annotation.acmg.known import Known
from endotype.annotation.acmg.predictors import Predictor
from endotype.annotation.acmg.regions import Regions
from endotype.annotation.acmg.settings import Settings, Threshold, Thresholds
from endotype.annotation.acmg.structure import Structure


class GeneFacts(NamedTuple):
    """What is known of a gene. ``inheritance`` holds ``AD AR XL MT``, and is empty where unknown."""

    inheritance: frozenset[str] = frozenset()
    lof_mechanism: str | None = None
    validity: str | None = None
    row: int | None = None


UNKNOWN_GENE = GeneFacts()


@dataclass(slots=True)
class Candidate:
    """A row of the variants table; null is "not known", as there. Positions are 1-based."""

    variant_id: str
    chrom: str
    pos: int
    ref: str
    alt: str
    gene: str | None = None
    gene_id: str | None = None
    transcript: str | None = None
    biotype: str | None = None
    strand: str | None = None
    mane: str | None = None
    canonical: bool | None = None
    consequence: str | None = None
    impact: str | None = None
    consequence_status: str | None = None
    exon: str | None = None
    intron: str | None = None
    protein_position: int | None = None
    amino_acids: str | None = None
    hgvs_c: str | None = None
    hgvs_p: str | None = None
    protein_length: int | None = None
    nmd: str | None = None
    new_stop: int | None = None
    population_status: str | None = None
    population_af: float | None = None
    population_an: int | None = None
    population_ac: int | None = None
    population_homozygotes: int | None = None
    population_max_af: float | None = None
    population_faf: float | None = None
    population_filter: str | None = None
    population_row: int | None = None
    clinical_status: str | None = None
    clinical_significance: str | None = None
    clinical_stars: int | None = None
    clinical_id: str | None = None
    clinical_row: int | None = None
    missense_z: float | None = None
    missense_score: float | None = None
    splice_score: float | None = None
    conservation: float | None = None
    missense_status: str | None = None
    splice_status: str | None = None
    missense_row: int | None = None
    splice_row: int | None = None
    facts: GeneFacts = UNKNOWN_GENE
    terms: frozenset[str] = field(default_factory=frozenset)

    @property
    def name(self) -> str:
        """The gene as it is called in sentences."""
        return self.gene or self.gene_id or "no gene"

    @property
    def is_missense(self) -> bool:
        """One residue replaced by one other."""
        return "missense_variant" in self.terms and not self.terms & TRUNCATING


TRUNCATING = frozenset(
    [
        "stop_gained",
        "frameshift_variant",
        "splice_donor_variant",
        "splice_acceptor_variant",
        "start_lost",
        "transcript_ablation",
    ]
)
SPLICE_SITE = frozenset(("splice_donor_variant", "splice_acceptor_variant"))
NEAR_SPLICE_SITE = SPLICE_SITE | frozenset(
    [
        "splice_region_variant",
        "splice_donor_5th_base_variant",
        "splice_donor_region_variant",
        "splice_polypyrimidine_tract_variant",
    ]
)


@dataclass(frozen=True)
class Context:
    """What the criteria look things up in; null where the run does not have it.

    ``missense_source`` and ``splice_source`` name the knowledge sources that the scores are from.
    """

    settings: Settings = field(default_factory=Settings)
    thresholds: Thresholds = field(default_factory=dict)
    predictors: Mapping[str, Predictor] = field(default_factory=dict)
    known: Known | None = None
    regions: Regions | None = None
    structure: Callable[[str, str], Structure | None] | None = None
    association: Association | None = None
    family: Family | None = None
    ba1_exceptions: frozenset[tuple[str, int, str, str]] = frozenset()
    missense_source: str = "scores"
    splice_source: str = "scores"

    def limits(self, v: Candidate, criterion: str, about: str) -> tuple[Threshold, ...]:
        """The thresholds of the variant's own gene, by symbol, else by id; the strongest first."""
        for gene in (v.gene, v.gene_id):
            if gene is not None and (found := self.thresholds.get((gene, criterion, about))):
                return found
        return ()

    def applies(self, v: Candidate, criterion: str) -> Threshold | None:
        """What the thresholds say on whether the criterion is used for the gene; null where nothing."""
        limits = self.limits(v, criterion, "applies")
        return limits[0] if limits else None
