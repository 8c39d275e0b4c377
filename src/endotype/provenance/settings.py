"""A configuration key by key, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ABSENT = "(not there)"


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Dotted key -> value, for every leaf of nested objects; lists are leaves, empty objects too."""
    if isinstance(value, Mapping) and value:
        found: dict[str, Any] = {}
        for key, item in value.items():
            found |= flat(item, f"{name}.{key}" if name else str(key))
        return found
    return {name: value}


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows ``key old new`` of the leaves that differ, sorted; :data:`ABSENT` on the side that has none."""
    before, after = flat(old), flat(new)
    return [
        {"key": key, "old": before.get(key, ABSENT), "new": after.get(key, ABSENT)}
        for key in sorted(before.keys() | after.keys())
        if before.get(key, ABSENT) != after.get(key, ABSENT)
    ]
