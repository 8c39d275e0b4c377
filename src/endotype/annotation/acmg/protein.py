"""PS1, PM5, PM1, PM4, BP3, PP2, BP1: what the protein change and its place say."""

from __future__ import annotations

from endotype.annotation.acmg.candidate import NEAR_SPLICE_SITE, Candidate, Context
from endotype.annotation.acmg.criteria import Finding, met, not_evaluable, not_met
from endotype.annotation.acmg.known import GeneCounts, KnownAllele
from endotype.annotation.acmg.predictors import interval_of
from endotype.annotation.acmg.regions import CRITICAL
from endotype.message import N_

CLINICAL = "clinical_significance"
_INFRAME = frozenset(("inframe_insertion", "inframe_deletion", "protein_altering_variant"))


def ps1(v: Candidate, c: Context) -> Finding:
    """The same amino acid change as an established pathogenic allele, by another change of the DNA."""
    if (early := _comparable("PS1", v, c)) is not None:
        return early
    same = [a for a in _others(v, c) if a.amino_acids == v.amino_acids]
    if not same:
        return not_met(
            "PS1", "No other established pathogenic allele makes the same amino acid change.", _place(v)
        )
    return _by_comparison("PS1", same[0], ("strong", "moderate"), v, N_("makes the same amino acid change"))


def pm5(v: Candidate, c: Context) -> Finding:
    """Another amino acid change at a residue where one is established as pathogenic."""
    if (early := _comparable("PM5", v, c)) is not None:
        return early
    others = [a for a in _others(v, c) if a.amino_acids != v.amino_acids]
    if not others:
        return not_met(
            "PM5", "No other amino acid change at this residue is established as pathogenic.", _place(v)
        )
    return _by_comparison("PM5", others[0], ("moderate", "supporting"), v, N_("changes the same residue"))


def _comparable(name: str, v: Candidate, c: Context) -> Finding | None:
    """Why the variant can't be compared with known ones; null where it can."""
    if v.consequence_status != "assessed":
        return not_evaluable(name, "What the variant does was not assessed.")
    if not v.is_missense:
        return not_met(name, "The variant does not replace one amino acid.")
    if v.protein_position is None or not v.amino_acids or not _single(v.amino_acids):
        return not_evaluable(name, "The amino acid change was not described.")
    if c.known is None:
        return not_evaluable(name, "Established pathogenic alleles were not described on proteins.")
    tool = c.settings.splice_score
    if tool and v.splice_score is not None:
        if interval_of(c.predictors[tool], "PP3", v.splice_score):
            reason = f"The variant may act through splicing ({tool} {v.splice_score:.4g})."
            return not_met(name, reason, _place(v) | {tool: v.splice_score}, c.splice_source, v.splice_row)
    elif v.terms & NEAR_SPLICE_SITE:
        return not_evaluable(
            name, "The variant is next to a splice site, and no splicing score is at hand.", _place(v)
        )
    return None


def _single(amino_acids: str) -> bool:
    before, slash, after = amino_acids.partition("/")
    return len(before) == 1 and len(after) == 1 and bool(slash)


def _place(v: Candidate) -> dict[str, object]:
    return {"transcript": v.transcript, "protein_position": v.protein_position, "amino_acids": v.amino_acids}


def _others(v: Candidate, c: Context) -> list[KnownAllele]:
    """Comparable missense alleles at the residue: other alleles, away from splice sites, of enough stars."""
    assert c.known is not None
    return [
        a
        for a in c.known.at(v.transcript, v.protein_position)
        if a.variant_id != v.variant_id
        and a.missense
        and not a.near_splice_site
        and a.stars >= c.settings.known_min_stars
        and a.amino_acids[:1] == (v.amino_acids or "")[:1]
    ]


def _by_comparison(
    name: str, known: KnownAllele, strengths: tuple[str, str], v: Candidate, what: str
) -> Finding:
    strength = strengths[known.likely]
    numbers = _place(v) | {
        "known_variant": known.variant_id,
        "known_amino_acids": known.amino_acids,
        "known_clinical_id": known.clinical_id,
        "known_stars": known.stars,
    }
    kind = "likely pathogenic" if known.likely else "pathogenic"
    said = N_("{variant!s}, established as {kind} ({stars!s} stars), {what}.")
    reason = said.format(variant=known.variant_id, kind=kind, stars=known.stars, what=what)
    return met(name, strength, reason, numbers, CLINICAL, known.row)


def pm1(v: Candidate, c: Context) -> Finding:
    """Missense or in-frame, in a hot spot or a critical domain of the user's table."""
    if v.consequence_status != "assessed":
        return not_evaluable("PM1", "What the variant does was not assessed.")
    if not (v.is_missense or v.terms & _INFRAME):
        return not_met("PM1", "The variant neither replaces, inserts nor deletes amino acids.")
    residues = c.limits(v, "PM1", "protein_positions")
    for t in residues:
        first, _, last = t.value.partition("-")
        if v.protein_position is not None and int(first) <= v.protein_position <= int(last):
            said = N_("Residue {residue!s} lies in a critical stretch, {stretch!s} ({source}).")
            reason = said.format(residue=v.protein_position, stretch=t.value, source=t.source)
            return met("PM1", t.strength, reason, _place(v) | {"residues": t.value}, "thresholds", t.row)
    if c.regions is None or not c.regions.kinds & set(CRITICAL):
        if residues:
            return not_met("PM1", "The residue lies in none of the gene's critical stretches.", _place(v))
        return not_evaluable("PM1", "No table of hot spots or critical domains is given.")
    region = c.regions.overlapping(v.chrom, v.pos, v.pos + len(v.ref) - 1, CRITICAL, v.gene)
    if region is None:
        return not_met(
            "PM1", "The variant lies in no hot spot or critical domain of the table.", None, "regions"
        )
    numbers: dict[str, object] = {"kind": region.kind, "start": region.start, "end": region.end}
    said = N_("The variant lies in the {kind!s} {name} ({source}).")
    name = region.name or N_("without name")
    reason = said.format(kind=region.kind, name=name, source=region.source)
    return met("PM1", region.strength or "moderate", reason, numbers, "regions", region.row)


def pm4(v: Candidate, c: Context) -> Finding:
    """The protein's length changes: an in-frame indel outside repeats, or a lost stop."""
    if v.consequence_status != "assessed":
        return not_evaluable("PM4", "What the variant does was not assessed.")
    if "stop_lost" in v.terms and "frameshift_variant" not in v.terms:
        return met(
            "PM4", "moderate", "The stop codon is lost, and the protein is longer.", _place(v), "effects"
        )
    early = _repeat("PM4", v, c)
    if early is not None:
        return early
    assert c.regions is not None
    region = c.regions.overlapping(v.chrom, v.pos, v.pos + len(v.ref) - 1, ["repeat"], v.gene)
    if region:
        return not_met(
            "PM4", f"The variant lies in a repeat ({region.source}).", _place(v), "regions", region.row
        )
    residues = abs(len(v.ref) - len(v.alt)) // 3
    strength = "supporting" if residues <= 1 else "moderate"
    reason = N_("The protein's length changes by one residue, outside repeats.")
    if residues != 1:
        said = N_("The protein's length changes by {n!s} residues, outside repeats.")
        reason = said.format(n=residues)
    return met("PM4", strength, reason, _place(v) | {"residues": residues}, "effects")


def bp3(v: Candidate, c: Context) -> Finding:
    """An in-frame indel in a repeat without known function."""
    if v.consequence_status != "assessed":
        return not_evaluable("BP3", "What the variant does was not assessed.")
    early = _repeat("BP3", v, c)
    if early is not None:
        return early
    assert c.regions is not None
    place = (v.chrom, v.pos, v.pos + len(v.ref) - 1)
    region = c.regions.overlapping(*place, ["repeat"], v.gene)
    if region is None:
        return not_met("BP3", "The variant lies in no repeat of the table.", _place(v), "regions")
    if function := c.regions.overlapping(*place, CRITICAL, v.gene):
        reason = f"The repeat lies in a region of known function ({function.name}, {function.source})."
        return not_met("BP3", reason, _place(v), "regions", function.row)
    reason = f"The variant lies in a repeat without known function ({region.source})."
    return met("BP3", "supporting", reason, _place(v), "regions", region.row)


def _repeat(name: str, v: Candidate, c: Context) -> Finding | None:
    if not v.terms & _INFRAME:
        return not_met(name, "The variant is no in-frame insertion or deletion.")
    if c.regions is None or "repeat" not in c.regions.kinds:
        return not_evaluable(name, "No table of repeats is given.")
    return None


def pp2(v: Candidate, c: Context) -> Finding:
    """Missense in a gene that tolerates little of it and where missense causes disease."""
    if (early := _missense("PP2", v, c)) is not None:
        return early
    own = c.applies(v, "PP2")
    limits = c.limits(v, "PP2", "missense_z")
    limit = limits[0].number if limits else c.settings.pp2_missense_z
    numbers: dict[str, object] = {"missense_z": v.missense_z, "limit": limit}
    if v.missense_z is None:
        return not_evaluable(
            "PP2", f"How much missense {v.name} tolerates is not known here.", numbers, "genes"
        )
    if v.missense_z < limit:
        reason = f"{v.name} tolerates missense (z {v.missense_z:.3g}, below {limit:.3g})."
        return not_met("PP2", reason, numbers, "genes", v.facts.row)
    constrained = f"{v.name} tolerates little missense (z {v.missense_z:.3g}, not below {limit:.3g})"
    if own is None:
        counts = _counts(v, c)
        total = counts.missense + counts.truncating if counts else 0
        numbers |= {"pathogenic_missense": counts and counts.missense, "pathogenic": counts and total}
        if counts is None or total < c.settings.gene_min_known:
            reason = f"{constrained}, but whether missense is its mechanism is not known here."
            return not_evaluable("PP2", reason, numbers, CLINICAL)
        if counts.missense / total < c.settings.pp2_missense_share:
            reason = (
                f"Only {counts.missense} of {total} established pathogenic alleles of {v.name} are missense."
            )
            return not_met("PP2", reason, numbers, CLINICAL)
        reason = (
            f"{constrained}, and {counts.missense} of {total} established pathogenic alleles are missense."
        )
        return met("PP2", "supporting", reason, numbers, CLINICAL)
    reason = f"{constrained}, and missense is its mechanism ({own.source})."
    return met("PP2", own.strength, reason, numbers, "thresholds", own.row)


def bp1(v: Candidate, c: Context) -> Finding:
    """Missense in a gene where nearly only truncation causes disease."""
    if (early := _missense("BP1", v, c)) is not None:
        return early
    if own := c.applies(v, "BP1"):
        reason = f"Nearly only truncation of {v.name} causes disease ({own.source})."
        return met("BP1", own.strength, reason, None, "thresholds", own.row)
    counts = _counts(v, c)
    total = counts.missense + counts.truncating if counts else 0
    numbers: dict[str, object] = {
        "pathogenic_truncating": counts and counts.truncating,
        "pathogenic": counts and total,
    }
    if counts is None or total < c.settings.gene_min_known:
        reason = f"Too few established pathogenic alleles of {v.name} are known to tell its mechanism."
        return not_evaluable("BP1", reason, numbers, CLINICAL)
    text = f"{counts.truncating} of {total} established pathogenic alleles of {v.name} truncate."
    if counts.truncating / total < c.settings.bp1_truncating_share:
        return not_met("BP1", text, numbers, CLINICAL)
    return met("BP1", "supporting", text, numbers, CLINICAL)


def _missense(name: str, v: Candidate, c: Context) -> Finding | None:
    if v.consequence_status != "assessed":
        return not_evaluable(name, "What the variant does was not assessed.")
    if not v.is_missense:
        return not_met(name, "The variant is not missense.")
    return None


def _counts(v: Candidate, c: Context) -> GeneCounts | None:
    if c.known is None:
        return None
    for gene in (v.gene_id, v.gene):
        if gene is not None and gene in c.known.counts:
            return c.known.counts[gene]
    return GeneCounts()
