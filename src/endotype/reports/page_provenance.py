"""How a run came about, for the cohort's page: software, inputs with their hashes, configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from endotype.files import read_json
from endotype.reports.inputs import Row
from endotype.reports.language import _
from endotype.reports.text import plain


def provenance_chapter(results: Path, config: Row) -> Row:
    """What ``provenance/`` says.

    Returns:
        ``software``: rows of ``name value``; ``inputs``: rows of ``path size sha256``; ``config``: rows of
        ``key value``, every key of the configuration in dotted form. A file that isn't there leaves its rows
        out, which the page calls not recorded.
    """
    folder = results / "provenance"
    return {
        "software": _software(_read(folder / "software.json", {})),
        "inputs": _read(folder / "inputs.json", []),
        "config": plain([{"key": key, "value": value} for key, value in _flat(config)]),
    }


def _read(path: Path, missing: Any) -> Any:
    return plain(read_json(path)) if path.is_file() else missing


def _software(content: Row) -> list[Row]:
    rows = [
        {"name": label, "value": content[key]}
        for key, label in (
            ("endotype", "Endotype"),
            ("python", "Python"),
            ("machine", _("machine")),
            ("lock_sha256", _("lock file, SHA-256")),
        )
        if content.get(key)
    ]
    return rows + [{"name": name, "value": v} for name, v in sorted(content.get("packages", {}).items())]


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [
            pair for key, item in value.items() for pair in _flat(item, f"{name}.{key}" if name else str(key))
        ]
    if isinstance(value, str):
        return [(name, value)]
    return [(name, json.dumps(value, sort_keys=True, ensure_ascii=False))]
