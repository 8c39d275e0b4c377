"""What was planted: the content of ``truth.json``, which :mod:`endotype.simulation.truth` checks against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from endotype.simulation.genes import Gene
from endotype.simulation.knowledge import TargetRow
from endotype.simulation.parameters import ASSEMBLY, Parameters
from endotype.simulation.phenotypes import NULL_TRAITS, ClinicalTable
from endotype.simulation.plan import ENDOTYPES, MECHANISMS, Cast, CausalPlace, PlantedVariant, Roles

FORMAT = "endotype-truth-1"


@dataclass(frozen=True)
class CausalVariant:
    """A common variant that was chosen to be causal: its alleles, dosages (patients,) and effect."""

    place: CausalPlace
    pos: int
    ref: str
    alt: str
    dosage: np.ndarray

    @property
    def variant_id(self) -> str:
        """``chrom:pos:ref:alt``."""
        return f"{self.place.contig}:{self.pos}:{self.ref}:{self.alt}"


def variant_id(variant: PlantedVariant) -> str:
    """``chrom:pos:ref:alt`` of a planted variant."""
    return f"{variant.gene.contig}:{variant.pos}:{'ACGT'[variant.ref]}:{'ACGT'[variant.alt]}"


def truth(
    parameters: Parameters,
    cast: Cast,
    roles: Roles,
    causal: Sequence[CausalVariant],
    planted: Sequence[PlantedVariant],
    targets: Sequence[TargetRow],
    clinical: ClinicalTable,
    troubled_records: Mapping[str, Sequence[str]],
    counts: Mapping[str, Any],
) -> dict[str, Any]:
    """The whole truth as plain dictionaries and lists.

    ``troubled_records`` lists ``chrom:pos:ref:alt`` as written, by kind, for records that must be rejected or
    merged.
    """
    name = cast.patients
    settings = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(parameters).items()}
    return {
        "format": FORMAT,
        "assembly": ASSEMBLY,
        "parameters": settings,
        "people": [
            {
                "patient": name[i],
                "sample": cast.samples[i],
                "sex": _sex(cast.male[i]),
                "declared_sex": _sex(cast.declared_male[i]),
                "population": f"P{cast.population[i]}",
                "endotype": ENDOTYPES[cast.endotype[i]] if cast.endotype[i] >= 0 else None,
            }
            for i in range(len(name))
        ],
        "only_genotyped": [name[i] for i in cast.only_genotyped],
        "only_clinical": sorted(set(clinical.rows["patient"]) - set(name)),
        "causal_variants": [
            {
                "trait": c.place.trait,
                "variant_id": c.variant_id,
                "chrom": c.place.contig,
                "pos": c.pos,
                "effect": c.place.effect,
                "frequency": round(float(c.dosage.mean()) / 2, 4),
            }
            for c in causal
        ],
        "null_traits": list(NULL_TRAITS),
        "gene_burden": [_burden(roles.burden, "lipid_level", parameters.burden_effect, planted, cast)],
        "indirect_genes": [
            {
                **_place(gene),
                "trait": "survival",
                "reason": f"carriers are common in {ENDOTYPES[i]}, whose hazard differs",
            }
            for i, gene in enumerate(roles.endotype)
        ],
        "endotypes": [
            {
                "endotype": ENDOTYPES[i],
                "mechanism": MECHANISMS[ENDOTYPES[i]],
                "gene": gene.name,
                "hazard_ratio": parameters.endotype_hazards[i],
                "members": _members(i, cast, clinical),
                "carriers": _carriers("endotype", gene, planted, cast),
                "variants": [variant_id(v) for v in planted if v.purpose == "endotype" and v.gene == gene],
            }
            for i, gene in enumerate(roles.endotype)
        ],
        "atypical": [name[i] for i in cast.atypical],
        "pathogenic_carriers": [
            {
                "patient": name[p],
                "gene": v.gene.name,
                "variant_id": variant_id(v),
                "zygosity": "homozygous" if copies == 2 else "heterozygous",
            }
            for v in planted
            if v.purpose == "pathogenic"
            for p, copies in sorted(v.carriers.items())
        ],
        "protein_changes": [
            {"variant_id": variant_id(v), "gene": v.gene.name, "hgvs_p": v.protein_change}
            for v in planted
            if v.carriers
        ],
        "de_novo": [
            {"patient": name[cast.child], "gene": v.gene.name, "variant_id": variant_id(v)}
            for v in planted
            if v.purpose == "de_novo"
        ],
        "compound_heterozygous": [
            {
                "patient": name[cast.child],
                "gene": roles.compound.name,
                "variants": [variant_id(v) for v in planted if v.purpose == "compound"],
            }
        ],
        "targets": _expected_targets(cast, roles, planted, targets, clinical),
        "duplicates": [sorted(name[i] for i in cast.duplicates)],
        "trios": [{"child": name[cast.child], "father": name[cast.father], "mother": name[cast.mother]}],
        "sex_mismatches": [name[cast.sex_mismatch]],
        "contaminated": [{"patient": name[cast.contaminated], "fraction": parameters.contamination}],
        "dirty_cells": clinical.dirty,
        "missing_cells": clinical.missing,
        "troubled_records": {kind: list(ids) for kind, ids in troubled_records.items()},
        "counts": dict(counts),
    }


def _sex(male: bool) -> str:
    return "male" if male else "female"


def _place(gene: Gene) -> dict[str, Any]:
    return {"gene": gene.name, "chrom": gene.contig, "start": gene.start, "end": gene.end}


def _carriers(purpose: str, gene: Gene, planted: Sequence[PlantedVariant], cast: Cast) -> list[str]:
    people = {p for v in planted if v.purpose == purpose and v.gene == gene for p in v.carriers}
    return sorted(cast.patients[p] for p in people)


def _burden(
    gene: Gene, trait: str, effect: float, planted: Sequence[PlantedVariant], cast: Cast
) -> dict[str, Any]:
    return {
        **_place(gene),
        "trait": trait,
        "effect": effect,
        "variants": [variant_id(v) for v in planted if v.purpose == "burden"],
        "carriers": _carriers("burden", gene, planted, cast),
    }


def _members(endotype: int, cast: Cast, clinical: ClinicalTable) -> list[str]:
    """Who has an endotype: the genotyped, then those whom the clinical table alone knows."""
    alone = [patient for patient, index in clinical.endotype_of.items() if index == endotype]
    return [cast.patients[p] for p in np.flatnonzero(cast.endotype == endotype)] + alone


def _expected_targets(
    cast: Cast,
    roles: Roles,
    planted: Sequence[PlantedVariant],
    targets: Sequence[TargetRow],
    clinical: ClinicalTable,
) -> list[dict[str, Any]]:
    """Who should be told of which intervention.

    ``required`` is false where quality control or a missing record may rightly keep the answer back.
    """
    people: dict[str, set[int]] = {}
    alone: dict[str, list[str]] = {}
    for variant in planted:
        if variant.purpose == "pathogenic":
            recessive = variant.gene.name == roles.recessive.name
            people.setdefault(variant.gene.name, set()).update(
                p for p, copies in variant.carriers.items() if copies == 2 or not recessive
            )
        elif variant.purpose == "burden":
            people.setdefault(variant.gene.name, set()).update(variant.carriers)
    for number, gene in enumerate(roles.endotype):
        people[gene.name] = {int(p) for p in np.flatnonzero(cast.endotype == number)}
        alone[gene.name] = [patient for patient, index in clinical.endotype_of.items() if index == number]
    rows = [
        {
            "patient": patient,
            "gene": row.gene,
            "intervention": row.intervention,
            "action": row.action,
            "tier": row.tier,
            "link": row.requires,
            "required": required,
        }
        for row in targets
        for patient, required in [
            *((cast.patients[p], p not in cast.odd) for p in people.get(row.gene, ())),
            # What an endotype asks for is known of them by their markers, what a variant asks for isn't.
            *((patient, True) for patient in alone.get(row.gene, ()) if row.requires == "subtype"),
        ]
    ]
    return sorted(rows, key=lambda r: (r["patient"], r["gene"], r["intervention"]))
