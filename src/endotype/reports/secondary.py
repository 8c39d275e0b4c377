"""Secondary findings: (likely) pathogenic variants of listed genes outside the run's own question.

They are told only to a patient who agreed to it. Without consent :func:`withhold` takes them out of the
patient's record before any chapter is made, so that no chapter, count, rank or sentence can give them away;
genes of the run's own gene table belong to its question and are never withheld.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from endotype.cohort.secondary_genes import Rule
from endotype.reports.claims import Claim
from endotype.reports.consent import GIVEN, REFUSED
from endotype.reports.coverage import seen_sentence
from endotype.reports.findings import (
    PATHOGENIC_GROUPS,
    carried_item,
    note_inheritance,
    variant_claim,
    variant_group,
)
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.language import N_, _, ngettext, sentences
from endotype.targets.protein_change import one_letter
from endotype.variants.plink import MISSING

REFUSAL = N_("Not assessed: consent to secondary findings was refused, so none is reported.")
NO_RECORD = N_("Not assessed: secondary findings are not reported because no consent is recorded.")
NO_LIST = N_(
    "Not assessed: the run was given no list of genes for secondary findings, so carried variants of any "
    "gene stand under Variants."
)
_LIMIT = N_("A secondary finding: it is outside the question of this study and was looked for by consent.")


def withhold(record: PatientRecord, cohort: Cohort, consent: str) -> PatientRecord:
    """The record without anything that a variant of a listed gene left in it, unless consent is given.

    The calls of such variants become those of the reference, which makes them look absent: chapters must not
    speak of them, see ``PatientRecord.withheld``. The ranks of targets close up; their intervals are widened
    to hold the rank among those that are left.
    """
    if cohort.secondary is None or consent == GIVEN:
        return record
    hidden = {
        position: cohort.variant_rows[position]["variant_id"]
        for position in cohort.secondary_rules
        if variant_group(cohort.variant_rows[position], cohort) not in (None, "benign")
    }
    names = frozenset(hidden.values())
    dosages = record.dosages
    if dosages is not None:
        dosages = dosages.copy()
        dosages[list(hidden)] = 0
    targets = [row for row in record.targets if not _tells(row, names, cohort)]
    return replace(
        record,
        dosages=dosages,
        targets=_closed_up(targets, len(record.targets) - len(targets)),
        target_summary=_summary(record.target_summary, record.targets, targets),
        origins={name: origin for name, origin in record.origins.items() if name not in names},
        pairs=[pair for pair in record.pairs if not names & {pair["variant_1"], pair["variant_2"]}],
        joint_changes=[change for change in record.joint_changes if not names & set(change["variants"])],
        mutations=[mutation for mutation in record.mutations if mutation["variant_id"] not in names],
        withheld=names,
        withholds=True,
    )


def _tells(target: Row, hidden: Collection[str], cohort: Cohort) -> bool:
    """Whether a target would give a withheld variant away."""
    if target["variant_id"] in hidden or any(name in (target["detail"] or "") for name in hidden):
        return True
    of_person = target["link"] in ("carried_variant", "association")
    return of_person and cohort.secondary_rule(target["gene"], None) is not None


def _closed_up(targets: list[Row], n_gone: int) -> list[Row]:
    if not n_gone:
        return targets
    n = len(targets)
    return [
        row
        | {
            "rank": place,
            "rank_low": max(1, min(row["rank_low"] - n_gone, place)),
            "rank_high": max(min(row["rank_high"], n), place),
        }
        for place, row in enumerate(sorted(targets, key=lambda row: row["rank"]), start=1)
    ]


def _summary(summary: Row | None, before: list[Row], after: list[Row]) -> Row | None:
    """The patient's row on targets, as it would be without those that went."""
    if summary is None or len(before) == len(after):
        return summary
    statement = "No actionable target: nothing in the sources fits what was found in this patient."
    return summary | {"status": "targets" if after else "none_found", "statement": statement}


def set_aside(record: PatientRecord, cohort: Cohort, consent: str) -> frozenset[int]:
    """Positions in ``Cohort.variants`` that belong to this chapter and so to no other."""
    if cohort.secondary is None or consent != GIVEN:
        return frozenset()
    return frozenset(
        position
        for position in cohort.secondary_rules
        if variant_group(cohort.variant_rows[position], cohort) in PATHOGENIC_GROUPS
    )


def secondary_section(record: PatientRecord, cohort: Cohort, consent: str) -> tuple[Row, list[Claim]]:
    """The chapter and its claims; items have the form of those of the variants chapter."""
    section: Row = {"status": "not_assessed", "consent": consent, "items": [], "no_call": []}
    section["list"] = None if cohort.secondary is None else cohort.secondary.identity()
    if cohort.secondary is None:
        return section | {"statement": _(NO_LIST)}, []
    if consent != GIVEN:
        return section | {"statement": _(REFUSAL if consent == REFUSED else NO_RECORD)}, []
    if record.dosages is None or cohort.n_variants == 0:
        return section | {"statement": _("Not assessed: there are no germline genotypes to look at.")}, []
    if not cohort.has_clinical and not cohort.has_consequences:
        return section | {"statement": _("Not assessed: the run had nothing to judge variants by.")}, []
    items: list[tuple[Row, Rule]] = []
    for position in sorted(set_aside(record, cohort, consent)):
        variant, rule = cohort.variant_rows[position], cohort.secondary_rules[position]
        dosage = int(record.dosages[position])
        if dosage == MISSING:
            section["no_call"].append({"variant_id": variant["variant_id"], "gene": variant["gene"]})
        elif dosage:
            group = variant_group(variant, cohort)
            assert group is not None
            items.append((carried_item(variant, dosage, group, record, cohort), rule))
    told = _asked_for(items, record)
    note_inheritance(told, record)
    claims = [variant_claim(item, record, cohort) for item in told]
    claims = [replace(claim, limits=(_(_LIMIT), *claim.limits)) for claim in claims]
    for item, claim in zip(told, claims, strict=True):
        item["claim"] = claim.id
    section |= {"status": "present" if told else "absent", "items": told}
    return section | {"statement": _statement(len(told), section, record, cohort)}, claims


def _asked_for(items: list[tuple[Row, Rule]], record: PatientRecord) -> list[Row]:
    """The items that the rules of the list ask for."""
    alleles: Counter[str] = Counter()
    for item, _rule in items:
        alleles[item["gene"]] += 1 if item["zygosity"] == "heterozygous" else 2
    one_copy = {
        name
        for pair in record.pairs
        if pair["phase"] == "cis"
        for name in (pair["variant_1"], pair["variant_2"])
    }
    return [item for item, rule in items if _asks_for(rule, item, alleles[item["gene"]], one_copy)]


def _asks_for(rule: Rule, item: Row, n_alleles: int, one_copy: Collection[str]) -> bool:
    if rule.change is not None and one_letter(item["hgvs_p"]) != rule.change:
        return False
    if rule.kind == "truncating":
        return bool(item["impact"] == "HIGH")
    both = item["zygosity"] != "heterozygous"
    if rule.kind == "homozygous":
        return both
    if rule.kind == "two_alleles":
        return both or (n_alleles > 1 and item["variant_id"] not in one_copy)
    return True


def _statement(n: int, section: Row, record: PatientRecord, cohort: Cohort) -> str:
    assert cohort.secondary is not None
    known = cohort.secondary
    named = {"name": known.name, "version": known.version}
    seen = unknown = None
    text = ngettext(
        "{n:,} variant that {name} (version {version}) asks for was found.",
        "{n:,} variants that {name} (version {version}) asks for were found.",
        n,
        **named,
    )
    if not n:
        text = _("No variant that {name} (version {version}) asks for was found.", **named)
        listed = [r for r in record.coverage if known.rule_of((r["gene"], r["gene_id"])) is not None]
        seen = _("This doesn't exclude one: {seen}", seen=seen_sentence(listed))
    if section["no_call"]:
        unknown = ngettext(
            "At {n:,} site with a known variant there is no genotype.",
            "At {n:,} sites with a known variant there is no genotype.",
            len(section["no_call"]),
        )
    return sentences(text, seen, unknown)


def hidden_from(consent: str, cohort: Cohort, record: PatientRecord, item: Row) -> bool:
    """Whether an item of an earlier report speaks of something that is withheld now."""
    if cohort.secondary is None or consent == GIVEN:
        return False
    of_list = cohort.secondary_rule(item.get("gene"), item.get("gene_id")) is not None
    return of_list or item.get("variant_id") in record.withheld
