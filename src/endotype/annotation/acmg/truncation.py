"""PVS1: loss of function, by the decision tree of ClinGen SVI (Abou Tayoun et al. 2018,
doi:10.1002/humu.23626).

Very strong where the mRNA decays or the whole gene is gone; less where a shortened protein may be made;
nothing where loss of function is not how the gene causes disease. Which exons are skipped for want of a
splice site, whether the frame goes on, and where translation could start anew is read off the transcript
itself; cryptic splice sites are not.
"""

from __future__ import annotations

from endotype.annotation.acmg.candidate import SPLICE_SITE, Candidate, Context
from endotype.annotation.acmg.criteria import POINTS, Finding, met, not_evaluable, not_met
from endotype.annotation.acmg.regions import CRITICAL
from endotype.annotation.acmg.structure import (
    Shortened,
    Structure,
    lost_exons,
    next_start,
    without_exons,
)
from endotype.message import N_

_NULL = SPLICE_SITE | {"stop_gained", "frameshift_variant", "start_lost", "transcript_ablation"}
_SHARE = 0.1
"""A tenth of the protein: more is strong, less moderate."""

_LEVELS = ("supporting", "moderate", "strong", "very_strong")
_ESTABLISHED = ("definitive", "strong")


def pvs1(v: Candidate, c: Context) -> Finding:
    """Loss of function in a gene where it causes disease."""
    if v.consequence_status != "assessed":
        return not_evaluable("PVS1", "What the variant does was not assessed.")
    if not v.terms & _NULL:
        return not_met("PVS1", "The variant is none that is taken to destroy the gene's function.")
    if (mechanism := _mechanism(v, c)).status != "met":
        return mechanism
    tree = _walk(v, c)
    if tree.status != "met":
        return tree
    assert tree.strength is not None
    level = _LEVELS.index(tree.strength)
    if v.facts.validity == "moderate" and c.applies(v, "PVS1") is None:
        if level == 0:
            reason = f"{tree.reason} {v.name} is only moderately established as a disease gene."
            return not_met("PVS1", reason, tree.numbers, tree.source, tree.source_row)
        less = N_("One level less: {gene} is only moderately established as a disease gene.")
        reason = f"{tree.reason} {less.format(gene=v.name)}"
        return tree._replace(strength=_LEVELS[level - 1], reason=reason)
    return tree


def _mechanism(v: Candidate, c: Context) -> Finding:
    """Met where losing the gene's function is known to cause disease."""
    if own := c.applies(v, "PVS1"):
        if own.value == "no":
            return not_met(
                "PVS1", f"PVS1 is not used for {v.name} ({own.source}).", None, "thresholds", own.row
            )
        return met("PVS1", "very_strong", "")
    if v.facts.lof_mechanism == "no":
        return not_met(
            "PVS1", f"Loss of function of {v.name} is not known to cause disease.", None, "genes", v.facts.row
        )
    if v.facts.lof_mechanism != "yes":
        reason = f"Whether loss of function of {v.name} causes disease is not known here."
        return not_evaluable("PVS1", reason, None, "genes", v.facts.row)
    if v.facts.validity not in (None, "moderate", *_ESTABLISHED):
        reason = f"{v.name} is not established as a disease gene ({v.facts.validity})."
        return not_met("PVS1", reason, {"validity": v.facts.validity}, "genes", v.facts.row)
    return met("PVS1", "very_strong", "")


def _walk(v: Candidate, c: Context) -> Finding:
    if "transcript_ablation" in v.terms:
        return _leaf("very_strong", N_("The whole transcript is deleted."), {})
    limits = c.limits(v, "PVS1", "last_position")
    if limits and (v.protein_position is None or v.protein_position > limits[0].number):
        reason = f"The variant is behind the last residue to which PVS1 applies ({limits[0].source})."
        numbers: dict[str, object] = {"protein_position": v.protein_position, "limit": limits[0].number}
        return not_met("PVS1", reason, numbers, "thresholds", limits[0].row)
    if v.terms & SPLICE_SITE:
        return _splice_site(v, c)
    if "start_lost" in v.terms:
        return _start(v, c)
    return _premature_stop(v, c)


def _premature_stop(v: Candidate, c: Context) -> Finding:
    """Nonsense and frameshift."""
    numbers: dict[str, object] = {
        "protein_position": v.protein_position,
        "protein_length": v.protein_length,
        "new_stop": v.new_stop,
        "nmd": v.nmd,
    }
    if v.nmd == "predicted":
        what = N_("The premature stop is predicted to bring decay of the mRNA about")
        return _decay(v, c, what, numbers)
    if v.protein_position is None or not v.protein_length:
        return not_evaluable("PVS1", "Where in the protein the variant is was not assessed.", numbers)
    share = (v.protein_length - v.protein_position + 1) / v.protein_length
    return _shortened(
        v,
        c,
        N_("The mRNA is predicted to escape decay"),
        (v.protein_position, v.protein_length),
        share,
        numbers,
    )


def _splice_site(v: Candidate, c: Context) -> Finding:
    """The two bases at an end of an intron: the exon is taken to be skipped."""
    structure = _structure(v, c)
    if structure is None:
        return not_evaluable(
            "PVS1", "The exons of the transcript are not at hand, so skipping one can't be judged."
        )
    exons = lost_exons(
        structure,
        v.pos,
        v.ref,
        v.alt,
        "splice_donor_variant" in v.terms,
        "splice_acceptor_variant" in v.terms,
    )
    n = len(structure.exon_start)
    numbers: dict[str, object] = {"exons_skipped": [e + 1 for e in sorted(exons)], "exons": n}
    if not exons:
        return not_evaluable("PVS1", "The exon that loses its splice site could not be told.", numbers)
    if exons & {0, n - 1}:
        return not_evaluable(
            "PVS1", "The first or the last exon can't be skipped; what happens is not known.", numbers
        )
    return _skipped(v, c, without_exons(structure, exons), numbers)


def _skipped(v: Candidate, c: Context, left: Shortened, numbers: dict[str, object]) -> Finding:
    numbers |= {"coding_bases_lost": left.coding_lost, "in_frame": left.in_frame}
    if left.coding_lost == 0:
        return not_met("PVS1", "The exon that would be skipped codes for nothing.", numbers)
    if left.start_lost or left.stop_lost:
        what = "start" if left.start_lost else "stop"
        return not_evaluable("PVS1", f"The exon that would be skipped holds the {what} codon.", numbers)
    if left.decay:
        return _decay(
            v, c, N_("Skipping the exon shifts the frame and is predicted to bring decay about"), numbers
        )
    what = N_("Skipping the exon keeps the frame")
    if not left.in_frame:
        what = N_("Skipping the exon changes the protein's end, without decay")
    return _shortened(v, c, what, left.removed, left.share, numbers)


def _start(v: Candidate, c: Context) -> Finding:
    """Initiation codon: at most moderate, as translation may start at the next methionine."""
    structure = _structure(v, c)
    if structure is None:
        return not_evaluable("PVS1", "The transcript is not at hand, so another start can't be looked for.")
    other = c.structure and _other_start(v, c, structure)
    if other:
        reason = f"Another representative transcript of {v.name} ({other}) starts elsewhere."
        return not_met("PVS1", reason, {"transcript": other})
    residue = next_start(structure)
    upto = structure.protein_length if residue is None else residue - 1
    numbers: dict[str, object] = {"next_methionine": residue}
    where = (
        N_("no later methionine is in frame")
        if residue is None
        else N_("the next methionine is residue {residue!s}").format(residue=residue)
    )
    if c.known is None:
        said = N_("The start is lost; {where}; known pathogenic variants were not looked at.")
        return _leaf("supporting", said.format(where=where), numbers)
    known = c.known.first_between(v.transcript, 2, upto, v.variant_id)
    if known is None:
        said = N_("The start is lost; {where}, and no pathogenic variant is known before it.")
        return _leaf("supporting", said.format(where=where), numbers)
    numbers |= {"known_variant": known.variant_id, "known_residue": known.position}
    said = N_("The start is lost; {where}, and a pathogenic variant is known before it ({variant!s}).")
    reason = said.format(where=where, variant=known.variant_id)
    return met("PVS1", "moderate", reason, numbers, "clinical_significance", known.row)


def _other_start(v: Candidate, c: Context, structure: Structure) -> str | None:
    """A MANE or canonical transcript of the gene whose start codon is elsewhere.

    The context's ``structure`` may hold an attribute ``representatives``: structures of the same gene that
    the gene model calls MANE or canonical.
    """
    representatives = getattr(c.structure, "representatives", None)
    if representatives is None:
        return None
    for other in representatives(v.chrom, structure.gene_id):
        if other.name != structure.name and other.start_codon != structure.start_codon:
            return str(other.name)
    return None


def _structure(v: Candidate, c: Context) -> Structure | None:
    if c.structure is None or v.transcript is None:
        return None
    return c.structure(v.chrom, v.transcript)


def _decay(v: Candidate, c: Context, what: str, numbers: dict[str, object]) -> Finding:
    region = c.regions and c.regions.overlapping(
        v.chrom, v.pos, v.pos + len(v.ref) - 1, ["not_relevant"], v.gene
    )
    if region:
        reason = f"The exon is in no biologically relevant transcript ({region.source})."
        return not_met("PVS1", reason, numbers, "regions", region.row)
    return _leaf("very_strong", f"{what}.", numbers)


def _shortened(
    v: Candidate,
    c: Context,
    what: str,
    removed: tuple[int, int],
    share: float,
    numbers: dict[str, object],
) -> Finding:
    """A protein is made that lacks or changes residues: is that stretch critical, else how much is it?"""
    numbers |= {"share_of_protein": round(share, 6)}
    if c.regions:
        structure = _structure(v, c)
        stretches = structure.coding_stretches(*removed) if structure else [(v.pos, v.pos + len(v.ref) - 1)]
        for start, end in stretches:
            if region := c.regions.overlapping(v.chrom, start, end, CRITICAL, v.gene):
                said = N_("{what}, and a critical region is hit ({region}, {source}).")
                reason = said.format(what=what, region=region.name, source=region.source)
                return met("PVS1", "strong", reason, numbers, "regions", region.row)
        place = (v.chrom, v.pos, v.pos + len(v.ref) - 1)
        if region := c.regions.overlapping(*place, ["lof_frequent", "not_relevant"], v.gene):
            why = (
                "loss of function is frequent in"
                if region.kind == "lof_frequent"
                else "no relevant transcript has"
            )
            return not_met(
                "PVS1", f"{what}, but {why} this exon ({region.source}).", numbers, "regions", region.row
            )
    if share > _SHARE:
        said = N_("{what}; {share:.1%} of the protein is lost or changed.")
        return _leaf("strong", said.format(what=what, share=share), numbers)
    said = N_("{what}; only {share:.1%} of the protein is lost or changed.")
    return _leaf("moderate", said.format(what=what, share=share), numbers)


def _leaf(strength: str, reason: str, numbers: dict[str, object]) -> Finding:
    assert strength in POINTS
    return met("PVS1", strength, reason, numbers, "effects")
