"""A patient's tumours: how many mutations each has, and those that change a protein.

The chapter repeats what the calls of the tumour say and claims nothing: which mutation drives a tumour is not
judged here.
"""

from __future__ import annotations

from endotype.reports.inputs import MUTATION_COLUMNS, Cohort, PatientRecord, Row
from endotype.reports.language import _, ngettext

MAX_MUTATIONS = 25
"""Mutations that a report lists of a tumour; the rest is counted."""


def tumour_section(record: PatientRecord, cohort: Cohort) -> Row:
    """The chapter of the patient's tumours; without one, a chapter that says so.

    Of each tumour ``tumour verdict hypermutation n_mutations mutations_per_megabase not_assessed
    mutations n_more``. Mutations are in the order of how many patients of the cohort have one in the same
    gene, which says how common they are, not how important.
    """
    if not record.tumours:
        statement = _("Not assessed: there is no tumour of this person in the run.")
        return {"status": "not_assessed", "statement": statement, "items": []}
    items = [_item(row, record, cohort) for row in record.tumours]
    n_mutations = sum(item["n_mutations"] for item in items)
    statement = _(
        "{tumours} with {mutations}.",
        tumours=ngettext("{n:,} tumour", "{n:,} tumours", len(items)),
        mutations=ngettext("{n:,} mutation", "{n:,} mutations", n_mutations),
    )
    return {"status": "present" if n_mutations else "absent", "statement": statement, "items": items}


def _item(row: Row, record: PatientRecord, cohort: Cohort) -> Row:
    mutations = [m for m in record.mutations if m["tumour"] == row["tumour"]]
    common = cohort.mutated_genes
    mutations.sort(key=lambda m: (-common.get(m["gene"], 0), m["gene"], m["variant_id"]))
    return {
        "tumour": row["tumour"],
        "verdict": row["verdict"],
        "hypermutation": row["hypermutation"],
        "n_mutations": row["n_mutations"],
        "mutations_per_megabase": row["mutations_per_megabase"],
        "not_assessed": [topic for topic in row["not_assessed"].split("; ") if topic],
        "mutations": [
            {name: m[name] for name in MUTATION_COLUMNS[2:]} | {"n_patients": common.get(m["gene"], 0)}
            for m in mutations[:MAX_MUTATIONS]
        ],
        "n_more": len(mutations[MAX_MUTATIONS:]),
    }
