"""The two tables of a classification, column by column."""

from __future__ import annotations

import pyarrow as pa

_CLASS_TYPES = {
    "pos": pa.int64(),
    "agree": pa.bool_(),
    "clinvar_agrees": pa.bool_(),
    **dict.fromkeys(
        ("points", "points_pathogenic", "points_benign", "n_met", "n_not_met", "n_not_evaluable"), pa.int64()
    ),
    "override_points": pa.int64(),
    "clinical_stars": pa.int64(),
    "clinical_row": pa.int64(),
}
CLASSIFICATION_COLUMNS = [
    *("variant_id", "chrom", "pos", "ref", "alt", "gene", "gene_id", "transcript"),
    *("consequence", "hgvs_c", "hgvs_p", "inheritance"),
    *(
        "class",
        "class_points",
        "class_2015",
        "agree",
        "points",
        "points_pathogenic",
        "points_benign",
        "criteria",
    ),
    *("n_met", "n_not_met", "n_not_evaluable"),
    *("override", "override_class", "override_points", "override_who", "override_when", "override_why"),
    "override_reference",
    *("clinical_status", "clinical_significance", "clinical_stars", "clinical_id", "clinical_row"),
    "clinvar_agrees",
]
CLASSIFICATION_SCHEMA = pa.schema(
    [(name, _CLASS_TYPES.get(name, pa.string())) for name in CLASSIFICATION_COLUMNS]
)
"""``classification.parquet``: one row per variant x gene."""

CRITERIA_SCHEMA = pa.schema(
    [
        ("variant_id", pa.string()),
        ("gene", pa.string()),
        ("gene_id", pa.string()),
        ("criterion", pa.string()),
        ("status", pa.string()),
        ("strength", pa.string()),
        ("points", pa.int64()),
        ("counted", pa.bool_()),
        ("excluded_by", pa.string()),
        ("reason", pa.string()),
        ("numbers", pa.string()),
        ("source", pa.string()),
        ("source_row", pa.int64()),
        ("override_status", pa.string()),
        ("override_strength", pa.string()),
        ("override_who", pa.string()),
        ("override_when", pa.string()),
        ("override_why", pa.string()),
        ("override_reference", pa.string()),
    ]
)
"""``criteria.parquet``: every criterion of every variant x gene, in the order of the guideline."""
