"""What a patient agreed to, as the clinical table has it. Nothing recorded is never taken for consent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GIVEN, REFUSED, NOT_RECORDED = "given", "refused", "not recorded"
PURPOSES = ("secondary_findings", "research")
"""What consent is asked for: keys of ``reports.consent``."""

_YES, _NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0")


def consent_of(columns: Mapping[str, str | None], recorded: Mapping[str, Any]) -> dict[str, str]:
    """Purpose -> :data:`GIVEN`, :data:`REFUSED` or :data:`NOT_RECORDED`.

    Args:
        columns: ``reports.consent`` of the configuration: purpose -> clinical column, or ``None``.
        recorded: the patient's clinical columns with the role consent.
    """
    named = {purpose: columns.get(purpose) for purpose in PURPOSES}
    return {purpose: _word(recorded.get(name) if name else None) for purpose, name in named.items()}


def _word(value: Any) -> str:
    text = str(value).strip().casefold()
    return GIVEN if text in _YES else REFUSED if text in _NO else NOT_RECORDED
