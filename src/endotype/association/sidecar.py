"""What stands beside a result that was made by hand: ``OUT.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from endotype import __version__
from endotype.association.design import Design
from endotype.association.loco import LocoOffsets
from endotype.association.statement import DOSAGE_CODING, EFFECTS, statement
from endotype.files import write_json


def statements(
    design: Design,
    traits: list[str],
    alpha: float,
    missing: str,
    predictions: Mapping[str, LocoOffsets] | None = None,
    *,
    cox_drops: bool = True,
) -> dict[str, str]:
    """The line of each trait; see :func:`~endotype.association.statement.statement`.

    Args:
        design: of the traits.
        traits: testable ones.
        alpha: family-wise error rate that the line names.
        missing: ``drop`` or ``mean``.
        predictions: offsets by trait; times to event have none.
        cox_drops: times to event always drop people without a genotype.
    """
    lines = {}
    for name in traits:
        offsets = (predictions or {}).get(name)
        drops = cox_drops and design.info["traits"][name]["type"] == "cox"
        lines[name] = statement(
            design.info,
            name,
            alpha=alpha,
            missing="drop" if drops else missing,
            loco=offsets.matched_by if offsets else None,
        )
    return lines


def write_sidecar(
    out: str | Path,
    design: Design,
    traits: list[str],
    options: Mapping[str, object],
    lines: Mapping[str, str],
    predictions: Mapping[str, LocoOffsets] | None = None,
) -> None:
    """Write ``OUT.json``: statements, coding of dosages, effects, options, version, people, covariates."""
    described: dict[str, object] = {
        "statement": dict(lines),
        "dosage_coding": DOSAGE_CODING,
        "effects": {name: EFFECTS[design.info["traits"][name]["type"]] for name in traits},
        "options": dict(options),
        "software": f"endotype {__version__}",
        **{key: value for key, value in design.info.items() if key != "traits"},
        "traits": {name: design.info["traits"][name] for name in traits},
    }
    if predictions:
        described["predictions"] = {
            name: {"matched_by": p.matched_by, "reconciliation": p.reconciliation.to_dict("records")}
            for name, p in predictions.items()
        }
    write_json(f"{out}.json", described)
