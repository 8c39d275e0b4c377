"""Snakemake's own report: its labels, captions and categories stand in a page unescaped, so none is given."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow").rglob("*.smk"))]


def test_no_rule_hands_a_text_to_snakemakes_report() -> None:
    assert len(RULES) > 5
    for path in RULES:
        text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        found = re.findall(
            r"\breport\s*\(|^\s*report\s*:|\b(?:caption|category|subcategory)\s*=", text, re.MULTILINE
        )
        assert found == [], f"{path.name}: what {found} say would be in a page that escapes nothing"
