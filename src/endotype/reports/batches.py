"""Which batch of report writing a patient belongs to."""

from __future__ import annotations

import hashlib


def batch_of(patient: str, batches: int) -> int:
    """The batch, ``0 .. batches - 1``, of a patient: SHA-256 of the id, modulo the number of batches.

    Depends on nothing but the id, so that a new patient makes one batch run again and no other.

    Raises:
        ValueError: ``batches`` is less than 1.
    """
    if batches < 1:
        raise ValueError(f"the number of batches must be at least 1, not {batches}")
    digest = hashlib.sha256(patient.encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") % batches
