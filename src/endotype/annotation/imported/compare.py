"""How far imported consequences agree with our own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from endotype.annotation.database import ordered_duckdb
from endotype.annotation.severity import IMPACT_OF_TERM

_QUERY = """
WITH ours AS (
    SELECT DISTINCT variant_id, regexp_replace(transcript, '[.][0-9]+$', '') AS transcript,
        string_split(consequence, '&')[1] AS term, impact
    FROM read_parquet($effects)
    WHERE transcript IS NOT NULL AND consequence_status = 'assessed'
), theirs AS (
    SELECT DISTINCT source, variant_id, regexp_replace(transcript, '[.][0-9]+$', '') AS transcript,
        string_split(consequence, '&')[1] AS term, impact
    FROM read_parquet($imported) WHERE transcript IS NOT NULL AND consequence IS NOT NULL
        AND haplotype IS NULL
), known AS (
    SELECT DISTINCT variant_id FROM read_parquet($effects) WHERE consequence_status = 'assessed'
)
SELECT theirs.source, ours.term AS our_term, theirs.term AS their_term,
    ours.impact IS NOT DISTINCT FROM theirs.impact AS same_impact,
    theirs.variant_id IN (SELECT variant_id FROM known) AS is_known, count(*) AS n
FROM theirs LEFT JOIN ours USING (variant_id, transcript)
GROUP BY ALL ORDER BY ALL
"""


def compare_imported(effects: str | Path, imported: str | Path) -> dict[str, Any]:
    """Compare the most severe term of each variant x transcript that both tables have.

    Transcripts are the same when their names are, without the version. Consequences of several variants of
    one haplotype together are left out.

    Args:
        effects: ``annotation/variants.parquet``, or any table with the columns of the effects table.
        imported: ``imported.parquet``.

    Returns:
        By source: ``compared``, of these ``same_term``, and ``same_impact`` (the rest differs in it);
        ``transcript_not_ours`` and ``variant_not_ours`` could not be compared; ``differences`` lists
        ``ours theirs n``, the most frequent first.
    """
    with tempfile.TemporaryDirectory() as folder, ordered_duckdb(folder) as con:
        rows = con.execute(_QUERY, {"effects": str(effects), "imported": str(imported)}).fetchall()
    found: dict[str, Any] = {}
    for source, ours, theirs, same_impact, is_known, n in rows:
        of = found.setdefault(
            source,
            dict.fromkeys(
                ("compared", "same_term", "same_impact", "transcript_not_ours", "variant_not_ours"), 0
            )
            | {"differences": []},
        )
        if ours is None:
            of["transcript_not_ours" if is_known else "variant_not_ours"] += n
            continue
        of["compared"] += n
        of["same_term"] += n * (ours == theirs)
        of["same_impact"] += n * same_impact
        if ours != theirs:
            of["differences"].append({"ours": ours, "theirs": theirs, "n": n})
    rank = list(IMPACT_OF_TERM).index
    for of in found.values():
        of["differences"].sort(key=lambda d: (-d["n"], rank(d["ours"]), rank(d["theirs"])))
    return found
