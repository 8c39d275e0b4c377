"""Which contig of the reference each contig of a variant file is, when the two sides name them differently.

A contig is renamed only when the sequence behind the names is the same one: by equal MD5; else by equal
length together with a name that means the same chromosome, or a length that only one contig of the reference
has. Where the file gives no length the name must do. Always, the REF bases of the sampled records must agree.
Everything else is left as it is, for the other checks to judge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from endotype.cohort.assembly import HG19_MT_LENGTH, RCRS_LENGTH, bare_name
from endotype.cohort.findings import Findings
from endotype.cohort.reference import Reference, compare_bases
from endotype.cohort.variant_file import VariantFile
from endotype.errors import visible

MAX_REF_MISMATCH = 0.5
"""By chance three of four bases differ; a contig whose REF differs more often than this is another one."""

_EXAMPLES = 3
_MITOCHONDRIA = {
    RCRS_LENGTH: "the revised Cambridge Reference Sequence, NC_012920",
    HG19_MT_LENGTH: "NC_001807, the mitochondrion of UCSC's hg19",
}


@dataclass(frozen=True)
class MappedFile:
    """A variant file with the contig names of the reference.

    Attributes:
        file: what was seen in it, under the names of the reference.
        renames: contig of the file -> contig of the reference, where the two differ.
        outside: contigs with records that the reference doesn't have, as the file names them.
        different: contigs that are the same chromosome by name but not by length, in words.
    """

    file: VariantFile
    renames: dict[str, str]
    outside: tuple[str, ...] = ()
    different: tuple[str, ...] = ()


def map_contigs(
    file: VariantFile, reference: Reference | None, excerpt: bool, findings: Findings
) -> MappedFile:
    """Find the contigs of the reference that the contigs of a file are.

    Args:
        file: as :func:`~endotype.cohort.variant_file.inspect` saw it.
        reference: the FASTA of the run; without one all names stay.
        excerpt: the FASTA holds only the first part of each contig, so that lengths may differ.
        findings: gets a warning about what was renamed, and problems: two contigs that are one, REF bases
            that aren't those of the contig.
    """
    if reference is None:
        return MappedFile(file, {})
    candidates = _Candidates(file, reference, excerpt)
    found = {name: candidates.of(name) for name in file.contigs}
    together: dict[str, list[str]] = defaultdict(list)
    for name, target in found.items():
        if target:
            together[target].append(name)
    doubled = {target: names for target, names in together.items() if len(names) > 1}
    for target, names in doubled.items():
        findings.problem(
            file.path,
            None,
            "contig",
            f"records on {' and on '.join(map(visible, names))}, which are both {target} of the reference",
            "each contig under one name",
            "rename and merge them, e.g. with bcftools annotate --rename-chrs and bcftools sort",
        )
    renames = {
        name: target for name, target in found.items() if target and target != name and target not in doubled
    }
    mapped = renamed(file, renames)
    for name, target in _foreign(mapped, renames, reference, findings).items():
        del renames[name]
        mapped = renamed(file, renames)
        candidates.different.append(f"{name}, whose REF bases are not those of {target}")
    if renames:
        pairs = [f"{old} is {new}" for old, new in renames.items()]
        first = ", ".join(pairs[:_EXAMPLES])
        rest = f" and {len(pairs) - _EXAMPLES} more" if len(pairs) > _EXAMPLES else ""
        findings.warnings.append(
            f"{file.path}: contigs are read under the names of the reference ({first}{rest})."
        )
    outside = tuple(name for name in file.contigs if name not in reference.lengths and name not in renames)
    return MappedFile(mapped, renames, outside, tuple(candidates.different))


def renamed(file: VariantFile, renames: Mapping[str, str]) -> VariantFile:
    """What was seen in a file, under other contig names."""
    if not renames:
        return file
    return replace(
        file,
        contigs=tuple(renames.get(name, name) for name in file.contigs),
        header_contigs={renames.get(name, name): n for name, n in file.header_contigs.items()},
        md5s={renames.get(name, name): md5 for name, md5 in file.md5s.items()},
        last_positions={renames.get(name, name): pos for name, pos in file.last_positions.items()},
        sites=tuple(site._replace(contig=renames.get(site.contig, site.contig)) for site in file.sites),
        own_names={new: old for old, new in renames.items()},
    )


def length_difference(name: str, stated: int, theirs: str, length: int) -> str:
    """Two lengths of one chromosome in words; for the mitochondrion, which two sequences they are."""
    if bare_name(name) == "MT":
        one, other = (_MITOCHONDRIA.get(n, "another sequence") for n in (stated, length))
        return f"{name} of {stated:,} bp ({one}) where the reference's {theirs} has {length:,} bp ({other})"
    return (
        f"{name} with {stated:,} bp where the reference{f' (as {theirs})' * (name != theirs)} has {length:,}"
    )


class _Candidates:
    """Finds the contig of the reference for one contig of a file after the other."""

    def __init__(self, file: VariantFile, reference: Reference, excerpt: bool) -> None:
        self._file = file
        self._reference = reference
        self._excerpt = excerpt
        self._by_chromosome: dict[str, list[str]] = defaultdict(list)
        self._by_length: dict[int, list[str]] = defaultdict(list)
        self._sampled = {site.contig for site in file.sites}
        for name, length in reference.lengths.items():
            self._by_chromosome[bare_name(name)].append(name)
            self._by_length[length].append(name)
        self.different: list[str] = []

    def of(self, name: str) -> str | None:
        """The contig of the reference that ``name`` is, or ``None``; notes a name with another length."""
        if name in self._reference.lengths:
            return name
        length = self._file.header_contigs.get(name)
        if (md5 := self._file.md5s.get(name)) and (same := self._by_md5(name, md5, length)):
            return same
        named = self._by_chromosome[bare_name(name)]
        if len(named) > 1:
            return None
        if named:
            ours = self._reference.lengths[named[0]]
            if length is None or length == ours or (self._excerpt and length > ours):
                return named[0]
            self.different.append(length_difference(name, length, named[0], ours))
            return None
        alike = self._by_length[length] if length else []
        return alike[0] if len(alike) == 1 and name in self._sampled else None

    def _by_md5(self, name: str, md5: str, length: int | None) -> str | None:
        """The contig with this MD5; sums are only made of contigs of the right length or, without, name."""
        alike = self._by_length[length] if length else self._by_chromosome[bare_name(name)]
        same = [theirs for theirs in alike if self._reference.md5(theirs) == md5]
        return same[0] if len(same) == 1 else None


def _foreign(
    mapped: VariantFile, renames: Mapping[str, str], reference: Reference, findings: Findings
) -> dict[str, str]:
    """Renamed contigs whose sampled REF bases are not those of the contig they were taken for."""
    by_contig = compare_bases(mapped.sites, reference)
    foreign = {}
    for name, target in renames.items():
        compared = by_contig.get(target)
        if compared and compared.rate > MAX_REF_MISMATCH:
            foreign[name] = target
            findings.problem(
                mapped.path,
                None,
                "contig",
                f"{visible(name)}, of which {compared.different} of {compared.compared} sampled records have "
                f"another REF than {target} of the reference",
                "contigs of the reference",
                "use the reference that the variants were called on",
            )
    return foreign
