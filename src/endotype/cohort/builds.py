"""Do the files speak of the same genome? By contig names, contig lengths and reference bases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endotype.cohort.assembly import (
    assembly_of_accessions,
    bare_name,
    canonical_assembly,
    contig_lengths,
    guess_assembly,
)
from endotype.cohort.contigs import length_difference
from endotype.cohort.findings import Findings
from endotype.cohort.reference import RefComparison, Reference, compare_bases
from endotype.cohort.variant_file import VariantFile, last_position

MAX_REF_MISMATCH = 0.05
"""A larger share of sampled records whose REF isn't in the FASTA means another genome, not a few bad ones."""

MAX_REF_MISMATCH_ON_A_CONTIG = 0.5
"""The same for a single contig, of which fewer records are compared; by chance three of four bases differ."""

_EXAMPLES = 3
_FEW_RECORDS = 3
_ENOUGH_ON_A_CONTIG = 20
_ENOUGH_ON_MT = 4


@dataclass(frozen=True)
class Genome:
    """What the run's own genome is, as far as it is known.

    Attributes:
        name: as the configuration calls it.
        known: ``GRCh37`` or ``GRCh38`` when it is one of these by its lengths or, failing that, its name.
        measured: whether ``known`` comes from contig lengths, not just from the name.
        lengths: contig -> bp of the FASTA, in its order; ``None`` without a FASTA.
        excerpt: the FASTA holds only the first part of each contig.
    """

    name: str
    known: str | None
    measured: bool
    lengths: Mapping[str, int] | None
    excerpt: bool


def describe_genome(settings: Mapping[str, Any], reference: Reference | None, findings: Findings) -> Genome:
    """The genome of a run; notes a FASTA that isn't the assembly which the configuration names."""
    named = canonical_assembly(settings["assembly"])
    measured = guess_assembly(reference.lengths) if reference else None
    if reference and named and measured and named != measured:
        findings.problem(
            reference.path,
            None,
            "",
            f"{Path(reference.path).name} is {measured} (by contig lengths)",
            f"{named}, which reference.assembly names",
            f"reference.assembly: {measured}",
        )
    lengths = reference.lengths if reference else None
    return Genome(
        settings["assembly"], measured or named, measured is not None, lengths, bool(settings["excerpt"])
    )


def check_build(
    file: VariantFile,
    genome: Genome,
    reference: Reference | None,
    findings: Findings,
    different: Sequence[str] = (),
) -> None:
    """Compare one VCF with the genome of the run: its assembly, contig names, contig lengths and REF bases.

    At most one problem is noted for a file, the one that explains the others.

    Args:
        file: what was seen in it, under the contig names of the reference
            (:func:`~endotype.cohort.contigs.map_contigs`).
        genome: the genome of the run.
        reference: its FASTA, if there is one.
        findings: gets the problem.
        different: contigs that could not be mapped because of their length, in words.
    """
    build = guess_assembly(file.header_contigs)
    by = "contig lengths"
    if build is None:
        build, by = (
            assembly_of_accessions([*file.own_names.values(), *file.contigs]),
            "the accessions of its contigs",
        )
    if build is None:
        build, by = next(filter(None, map(_build_in, file.build_words)), None), "its header"
    if build and genome.known and build != genome.known:
        what = "reference is" if genome.measured else "configuration says reference.assembly:"
        if by == "contig lengths" and reference and _names_agree(file, genome):
            bases = _together(compare_bases(file.sites, reference).values())
            by += f" and REF bases: {bases.different} of {bases.compared} differ" if bases.different else ""
        findings.problem(
            file.path,
            None,
            "",
            f"{Path(file.path).name} is {build} (by {by}) but the {what} {genome.known}",
            f"variants called on {genome.known}",
            f"use the {build} reference, or lift the variants over to {genome.known}",
        )
    elif (
        _lengths_are_sound(file, genome, different, findings)
        and _names_are_sound(file, genome, findings)
        and reference
    ):
        _check_bases(file, reference, findings)


def check_naming(files: Sequence[VariantFile], findings: Findings) -> None:
    """Note that some files say ``chr1`` and others ``1``; without a reference nothing else would find it."""
    styles = {file.path: {name[:3].casefold() == "chr" for name in file.contigs} for file in files}
    with_chr = next((path for path, style in styles.items() if style == {True}), None)
    without = next((path for path, style in styles.items() if style == {False}), None)
    if with_chr and without:
        findings.problem(
            with_chr,
            None,
            "contig",
            "contig names with chr",
            f"the names of {without}, which are without chr",
            "rename the contigs with bcftools annotate --rename-chrs",
        )


def _together(parts: Iterable[RefComparison]) -> RefComparison:
    total = RefComparison()
    for part in parts:
        total.compared += part.compared
        total.different += part.different
        total.examples += part.examples
    return total


def cohort_contigs(
    files: Sequence[VariantFile], genome: Genome, findings: Findings
) -> tuple[tuple[str, int], ...]:
    """The contigs to be analysed with their lengths in bp.

    With a FASTA its contigs and lengths, without one those of the headers, in their order; only contigs
    that have records; none without variant files. A length that no header gives is that of the known
    assembly, else the last POS.
    """
    if not files:
        return ()
    used = dict.fromkeys(name for file in files for name in file.contigs)
    if not any(file.has_records for file in files):
        used = dict.fromkeys(name for file in files for name in file.header_contigs)
        findings.warnings.append("None of the variant files has a record.")
    if genome.lengths is not None:
        _warn_of_strangers(files, genome, findings)
        return tuple((name, length) for name, length in genome.lengths.items() if name in used)
    headers = dict.fromkeys(name for file in files for name in file.header_contigs)
    order = [name for name in headers if name in used] + [name for name in used if name not in headers]
    return tuple((name, length) for name in order if (length := _length(name, files, genome)))


def _length(contig: str, files: Sequence[VariantFile], genome: Genome) -> int:
    stated = [n for file in files if (n := file.header_contigs.get(contig))]
    if stated:
        return max(stated)
    if known := contig_lengths(genome.name).get(bare_name(contig)):
        return known
    return max((last_position(file, contig) for file in files), default=0)


def _build_in(words: str) -> str | None:
    """The assembly that a header line names, perhaps inside a path: ``.../hs37d5.fa.gz`` -> GRCh37."""
    name = words.replace("\\", "/").rsplit("/", 1)[-1]
    return canonical_assembly(name) or canonical_assembly(
        name.removeprefix("human_").removeprefix("Homo_sapiens.")
    )


def _names_agree(file: VariantFile, genome: Genome) -> bool:
    return genome.lengths is None or any(name in genome.lengths for name in file.contigs)


def _names_are_sound(file: VariantFile, genome: Genome, findings: Findings) -> bool:
    if not file.has_records or _names_agree(file, genome):
        return True
    assert genome.lengths is not None
    findings.problem(
        file.path,
        None,
        "contig",
        f"contigs {_few(file.contigs)}",
        f"contigs of the reference ({_few(list(genome.lengths))})",
        "is it the right reference?",
    )
    return False


def _lengths_are_sound(
    file: VariantFile, genome: Genome, different: Sequence[str], findings: Findings
) -> bool:
    if genome.lengths is None:
        return True
    different = list(different) + [
        length_difference(name, stated, name, ours)
        for name, stated in file.header_contigs.items()
        if stated and (ours := genome.lengths.get(name)) and stated != ours
        if not (genome.excerpt and stated > ours)
        if not (bare_name(name) == "MT" and file.contigs_known and name not in file.contigs)
    ]
    if different:
        hint = "if the FASTA holds only the first part of each contig, set reference.excerpt: true"
        if all(bare_name(text.split(" ", 1)[0]) == "MT" for text in different):
            hint = (
                "positions of the two mitochondria mean other bases: leave these records out "
                "(bcftools view -t ^MT), or use the reference that they were called on"
            )
        findings.problem(
            file.path,
            None,
            "contig",
            "; ".join(different[:_EXAMPLES]),
            "the contig lengths of the reference",
            hint if not genome.excerpt else "",
        )
    return not different


def _check_bases(file: VariantFile, reference: Reference, findings: Findings) -> None:
    """Note a file whose REF bases aren't those of the FASTA, as a whole or on one contig."""
    by_contig = compare_bases(file.sites, reference)
    whole = _together(by_contig.values())
    few = whole.different < _FEW_RECORDS and whole.different < whole.compared
    if whole.rate > MAX_REF_MISMATCH and not few:
        wrong = whole
    else:
        foreign = (
            part
            for contig, part in by_contig.items()
            if part.compared >= (_ENOUGH_ON_MT if bare_name(contig) == "MT" else _ENOUGH_ON_A_CONTIG)
            and part.rate > MAX_REF_MISMATCH_ON_A_CONTIG
        )
        wrong = next(foreign, RefComparison())
    if wrong.different:
        findings.problem(
            file.path,
            None,
            "REF",
            f"{Path(file.path).name} is not of this reference (by REF bases): {wrong.different} of "
            f"{wrong.compared} sampled records differ, first {'; '.join(wrong.examples[:_EXAMPLES])}",
            f"REF bases of {reference.path}",
            "use the reference that the variants were called on",
        )


def _warn_of_strangers(files: Sequence[VariantFile], genome: Genome, findings: Findings) -> None:
    assert genome.lengths is not None
    for file in files:
        strangers = [name for name in file.contigs if name not in genome.lengths]
        if file.contigs_known and strangers:
            findings.warnings.append(
                f"{file.path}: contigs that the reference doesn't have are not analysed: {_few(strangers)}."
            )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_EXAMPLES]) + (
        f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else ""
    )
