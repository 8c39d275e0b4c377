"""The axes of names on a user's own genome: a FASTA file and a gene model."""

from __future__ import annotations

from collections.abc import Iterable

from endotype.annotation.effects.table import NOT_COUNTED_IN
from endotype.annotation.gene_model import GeneModel, Transcript
from endotype.annotation.hgvs.axis import Axis, Contig, Placed, placed
from endotype.annotation.hgvs.model import HgvsError
from endotype.annotation.hgvs.names import genomic_sequence
from endotype.annotation.reference import Reference, match_contigs
from endotype.annotation.splicing import build_transcripts
from endotype.annotation.transcripts import Transcripts
from endotype.cohort.assembly import accessions, bare_name, canonical_assembly, guess_assembly
from endotype.errors import nearest, visible


def axis_of_transcript(transcripts: Transcripts, i: int, kind: str, contig: Contig) -> Placed:
    """The axis of transcript ``i`` for a kind of name (c, n or r), written without the contig."""
    exons = slice(int(transcripts.exon_offset[i]), int(transcripts.exon_offset[i + 1]))
    bounds = zip(transcripts.exon_start[exons].tolist(), transcripts.exon_end[exons].tolist(), strict=True)
    start, end = int(transcripts.cds_start[i]), int(transcripts.cds_end[i])
    cds = (start, end) if start >= 0 else None
    return placed("", transcripts.name[i], kind, contig, int(transcripts.strand[i]), list(bounds), cds)


class Genome:
    """Sequences of HGVS names (:class:`endotype.annotation.hgvs.normalise.Sequences`) from a FASTA and a
    GFF3.

    A contig is known by its name in the FASTA, by that with or without ``chr``, and by its accession if that
    is of the assembly whose lengths the FASTA has. A transcript is known by its name in the gene model;
    without a version if only one is of that name. An accession with another version is another sequence:
    refused. The assembly is told by the lengths of the contigs where it isn't given.
    """

    def __init__(
        self, reference: Reference, genes: GeneModel | None = None, assembly: str | None = None
    ) -> None:
        self._reference, self._genes = reference, genes
        self.assembly = canonical_assembly(assembly) if assembly else guess_assembly(reference.lengths)
        self._built: dict[str, tuple[Transcripts, int]] = {}
        self._by_stem: dict[str, list[str]] = {}
        self._by_gene: dict[str, list[str]] = {}
        if genes is not None:
            for name, transcript in genes.transcripts.items():
                self._by_stem.setdefault(_stem(name), []).append(name)
                self._by_gene.setdefault(genes.genes[transcript.gene_id].gene, []).append(name)

    def axis(self, reference: str, selector: str, kind: str) -> Axis:
        """The axis of a name. Raises HgvsError for a reference that isn't known, or another version of it."""
        if kind in "gmo":
            return self._contig_axis(reference, selector, kind)
        contig = self._contig_named(reference)
        if contig is not None and not selector:
            raise HgvsError(f"{kind}. positions need a transcript: {reference}(TRANSCRIPT):{kind}.")
        transcript = self._transcript(selector if contig is not None else reference)
        if contig is None and selector and selector != self._gene(transcript):
            raise HgvsError(f"{visible(selector)} is not the gene of {transcript.transcript}")
        axis = self.transcript_axis(transcript.transcript, kind)
        if contig is not None and contig != axis.contig.reference:
            raise HgvsError(f"{transcript.transcript} is not on {reference} but on {axis.contig.reference}")
        return axis

    def transcript_axis(self, name: str, kind: str = "") -> Placed:
        """The axis of a transcript of the gene model; by default for c. names, n. if it codes for nothing."""
        transcripts, i = self.built(name)
        if transcripts.status[i] in NOT_COUNTED_IN:
            raise HgvsError(
                f"positions of {name} can't be counted: {transcripts.status[i].replace('_', ' ')}"
            )
        kind = kind or ("c" if transcripts.cds_start[i] >= 0 else "n")
        return axis_of_transcript(transcripts, i, kind, self.contig(transcripts.chrom))

    def built(self, name: str) -> tuple[Transcripts, int]:
        """The spliced form of a transcript, as one of several, and which of them it is."""
        if name not in self._built:
            transcript = self._transcript(name)
            chrom = match_contigs([transcript.chrom], self._reference.lengths).get(transcript.chrom)
            if chrom is None or self._genes is None:
                raise HgvsError(f"the reference FASTA has no contig {visible(transcript.chrom)}")
            window = (transcript.start, transcript.end)
            near = build_transcripts(self._genes, chrom, self._reference, window)
            self._built[name] = near, near.name.index(transcript.transcript)
        return self._built[name]

    def contig(self, chrom: str, kind: str = "") -> Contig:
        """The axis of a contig by its name in the FASTA; its names begin with the accession if that is
        known."""

        def bases(start: int, end: int) -> str:
            return self._reference.bases(chrom, start, end - start + 1)

        kind = kind or ("m" if bare_name(chrom) == "MT" else "g")
        return Contig(self.accession(chrom), "", kind, self._reference.lengths[chrom], bases)

    def accession(self, chrom: str) -> str:
        """The RefSeq accession of a contig of GRCh37 or GRCh38, else its own name."""
        return genomic_sequence(chrom, self._reference.lengths, self.assembly).rpartition(":")[0]

    def contig_of(self, name: str) -> str:
        """The contig of the FASTA that a reference means."""
        found = self._contig_named(name)
        if found is None:
            raise HgvsError(
                f"{visible(name)} is neither a contig of the reference FASTA nor an accession of it"
            )
        return found

    def _contig_axis(self, reference: str, selector: str, kind: str) -> Contig:
        contig = self.contig(self.contig_of(reference))
        if selector:
            raise HgvsError(f"{kind}. positions are of the contig, not of {visible(selector)}")
        if contig.kind != kind:
            raise HgvsError(f"positions of {reference} begin with {contig.kind}., not {kind}.")
        return contig

    def _contig_named(self, name: str) -> str | None:
        if name in self._reference.lengths:
            return name
        found = match_contigs([name], self._reference.lengths).get(name)
        known = accessions().get(name)
        if found is None and name.startswith("NC_"):
            raise HgvsError(f"{name} is not an accession of a contig of the reference FASTA")
        if found is not None and known is not None and not self._is(known.assembly, found):
            raise HgvsError(f"{name} is of {known.assembly}; the reference FASTA is another assembly")
        return found

    def _is(self, assembly: str, contig: str) -> bool:
        """Whether a contig is one of an assembly; the mitochondrion (rCRS) is listed with GRCh38 for both."""
        return self.assembly == assembly or (bare_name(contig) == "MT" and self.assembly is not None)

    def _gene(self, transcript: Transcript) -> str:
        return "" if self._genes is None else self._genes.genes[transcript.gene_id].gene

    def _transcript(self, name: str) -> Transcript:
        if self._genes is None:
            raise HgvsError("transcripts need a gene model")
        if name in self._genes.transcripts:
            return self._genes.transcripts[name]
        alike = self._by_stem.get(_stem(name), [])
        if len(alike) == 1 and ("." not in name or "." not in alike[0]):
            return self._genes.transcripts[alike[0]]
        if alike:
            raise HgvsError(f"the gene model has no {visible(name)}, but {_listed(alike)}")
        if name in self._by_gene:
            raise HgvsError(f"{name} is a gene; its transcripts are {_listed(self._by_gene[name])}")
        like = nearest(name, self._genes.transcripts) if len(self._genes.transcripts) < 1000 else ""
        raise HgvsError(f"no transcript {visible(name)} in the gene model" + (f"; {like}?" if like else ""))


def _stem(name: str) -> str:
    return name.split(".", 1)[0]


def _listed(names: Iterable[str], limit: int = 5) -> str:
    listed = sorted(names)
    return ", ".join(listed[:limit]) + (f" and {len(listed) - limit} more" if len(listed) > limit else "")
