"""The table of imported consequences, and the counts of what was read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pyarrow as pa

from endotype.annotation.severity import IMPACT_OF_TERM, impact_of

_TEXT, _NUMBER = pa.string(), pa.int64()
SCHEMA = pa.schema(
    [
        *[(name, _TEXT) for name in ("variant_id", "chrom")],
        ("pos", _NUMBER),
        *[(name, _TEXT) for name in ("ref", "alt", "gene", "gene_id", "transcript", "protein_id", "biotype")],
        *[(name, _TEXT) for name in ("strand", "mane")],
        ("canonical", pa.bool_()),
        *[(name, _TEXT) for name in ("consequence", "impact", "exon", "intron")],
        *[(name, _NUMBER) for name in ("cdna_position", "cds_position", "protein_position")],
        *[(name, _TEXT) for name in ("amino_acids", "codons", "hgvs_g", "hgvs_c", "hgvs_p")],
        ("consequence_status", _TEXT),
        *[(name, _TEXT) for name in ("source", "source_field")],
        ("source_row", _NUMBER),
        *[(name, _TEXT) for name in ("source_consequence", "source_impact", "unknown_terms", "haplotype")],
    ]
)
"""Columns of ``imported.parquet``: those of the effects table that the formats give, and their source."""

Row = dict[str, Any]
"""One row by column; what isn't there is null."""

SO_ANCESTOR = {
    "conservative_inframe_insertion": "inframe_insertion",
    "disruptive_inframe_insertion": "inframe_insertion",
    "conservative_inframe_deletion": "inframe_deletion",
    "disruptive_inframe_deletion": "inframe_deletion",
    "5_prime_UTR_premature_start_codon_gain_variant": "5_prime_UTR_variant",
    "non_coding_exon_variant": "non_coding_transcript_exon_variant",
    "nc_transcript_variant": "non_coding_transcript_variant",
    "intergenic_region": "intergenic_variant",
}
"""Terms of SnpEff and of old releases, and the term of VEP's vocabulary that they are a kind of."""


@dataclass
class Counts:
    """What became of a file.

    Attributes:
        entries: entries of all annotation fields, or rows of a MAF.
        rows: rows that were made of them; an entry that says no allele makes one for each ALT.
        set_aside: reason -> entries that made no row.
        notes: things that were noticed about entries that did.
        unknown_terms: consequence that isn't in the vocabulary -> entries.
        fields_not_taken: field of the header that has no column here, by annotation field.
    """

    records: int = 0
    entries: int = 0
    entries_used: int = 0
    rows: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    unknown_terms: Counter[str] = field(default_factory=Counter)
    fields_not_taken: dict[str, list[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The counts for ``imported.json``; entries = used + set aside."""
        return {
            "records": self.records,
            "entries": self.entries,
            "entries_used": self.entries_used,
            "rows": self.rows,
            "set_aside": dict(sorted(self.set_aside.items())),
            "notes": dict(sorted(self.notes.items())),
            "unknown_terms": dict(sorted(self.unknown_terms.items())),
            "fields_not_taken": self.fields_not_taken,
        }


def with_terms(row: Row, terms: list[str], counts: Counts) -> Row:
    """A row with its consequence in VEP's vocabulary, most severe first, and the impact that we give it.

    A term that isn't in the vocabulary is kept in ``unknown_terms`` and counted; nothing is guessed from it.
    Where no term is known there is no consequence and no impact.
    """
    consequence, impact, unknown = _judged(tuple(terms))
    counts.unknown_terms.update(unknown)
    row["source_consequence"] = "&".join(terms) or None
    row["unknown_terms"] = "&".join(unknown) or None
    row["consequence"], row["impact"] = consequence, impact
    row["consequence_status"] = "assessed" if consequence else "not_assessed"
    theirs = row.get("source_impact")
    if theirs and impact and theirs != impact:
        counts.notes["impact_differs"] += 1
    return row


@lru_cache(maxsize=10_000)
def _judged(terms: tuple[str, ...]) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Consequence and impact of some terms, and those that aren't known; files repeat a few."""
    found = [SO_ANCESTOR.get(term, term) for term in terms]
    known = sorted({term for term in found if term in IMPACT_OF_TERM}, key=list(IMPACT_OF_TERM).index)
    unknown = tuple(term for term, so in zip(terms, found, strict=True) if so not in IMPACT_OF_TERM)
    consequence = "&".join(known) or None
    return consequence, impact_of(consequence), unknown
