"""The configuration: one schema, every key explained there, an unknown key an error.

``workflow/schemas/config.schema.json`` is the only place where keys, defaults and limits are written.
:func:`load_config` reads a file, :func:`complete` checks a configuration and fills the defaults in, and
:func:`document` renders the schema as the page ``config/README.md``.
"""

from __future__ import annotations

import copy
import datetime
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import jsonschema
import yaml

from endotype.cohort.assembly import canonical_assembly
from endotype.engine import contradictions, engine_of
from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.files import write_text

SCHEMAS = Path(__file__).parents[2] / "workflow" / "schemas"

NEEDS_GERMLINE = (
    ("inputs", "pedigree"),
    ("sample_qc", "reference_panel"),
    ("annotation", "compare_imported"),
    ("association", "set_file"),
    ("association", "loco_predictions"),
    ("association", "gwas_ssf"),
)
"""Keys that say nothing where nobody has germline calls."""

_MAX_DEPTH = 50
_MAX_NODES = 200_000

KeyPath = tuple[str | int, ...]
"""Where a value stands: ``("variants", "min_depth")``."""


@cache
def _schema_text(name: str) -> str:
    return (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")


def schema(name: str) -> dict[str, Any]:
    """One of the schemas under ``workflow/schemas``: ``config``, ``samples``, ``dictionary`` ..."""
    return json.loads(_schema_text(name))


def load_config(path: str | Path) -> dict[str, Any]:
    """Read a configuration file, check it and fill the defaults in.

    Raises:
        InputError: with every problem of the file, each with its line.
    """
    document = read_yaml(path)
    return complete(document.value, str(path), document.lines)


def complete(
    config: Any, source: str = "configuration", lines: Mapping[KeyPath, int] | None = None
) -> dict[str, Any]:
    """Check a configuration against the schema; return a copy with all defaults filled in.

    Args:
        config: nested mappings, as a YAML file holds them.
        source: what problems call the file.
        lines: line of each key, where known.

    Raises:
        InputError: with every problem at once.
    """
    rules = schema("config")
    filled = _repair_yaml(copy.deepcopy(config), rules)
    problems = schema_problems(filled, rules, source, lines)
    if problems:
        raise InputError(problems)
    filled = fill_defaults(filled, rules)
    problems = _contradictions(filled, source, lines or {})
    if problems:
        raise InputError(problems)
    return filled


def _contradictions(config: dict[str, Any], source: str, lines: Mapping[KeyPath, int]) -> list[Problem]:
    """What no single key can say: keys that don't go together."""
    problems = []
    reference = config["reference"]
    if reference["fasta"] is None and not reference["allow_missing"]:
        problems.append(
            Problem(
                source,
                lines.get(("reference", "fasta"), lines.get(("reference",))),
                "reference.fasta",
                "no reference FASTA",
                "a FASTA file, or reference.allow_missing: true",
                "the reference allele check, left alignment and consequences are then not assessed",
            )
        )
    if config["inputs"]["samples"] is None:
        for section, key in NEEDS_GERMLINE:
            if config[section][key]:
                problems.append(
                    Problem(
                        source,
                        lines.get((section, key), lines.get((section,))),
                        f"{section}.{key}",
                        "a setting of germline calls, and inputs.samples is null",
                        "a sample sheet, or nothing here",
                    )
                )
    wanted, computed = (config[s]["principal_components"] for s in ("association", "sample_qc"))
    if wanted > computed:
        problems.append(
            Problem(
                source,
                lines.get(("association", "principal_components")),
                "association.principal_components",
                str(wanted),
                f"at most sample_qc.principal_components ({computed})",
            )
        )
    for key, found, expected in contradictions(engine_of(config["engine"])):
        line = lines.get(("engine", key), lines.get(("engine",)))
        problems.append(Problem(source, line, f"engine.{key}", found, expected))
    export = config["association"]["gwas_ssf"]
    if export is not None:
        line = lines.get(("association", "gwas_ssf"), lines.get(("association",)))
        key = "association.gwas_ssf."
        if not _is_date(export["date"]):
            problems.append(Problem(source, line, key + "date", export["date"], "a day, YYYY-MM-DD"))
        if export["assembly"] is None and canonical_assembly(reference["assembly"]) is None:
            name = visible(reference["assembly"])
            found = f"none, and reference.assembly {name} is no name of GRCh37 or GRCh38"
            expected = "the assembly as the GWAS Catalog names it"
            problems.append(Problem(source, line, key + "assembly", found, expected))
    return problems


def _is_date(text: str) -> bool:
    try:
        return bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


# -- schemas -----------------------------------------------------------------------------------------


def fill_defaults(value: Any, rules: Mapping[str, Any]) -> Any:
    """``value`` with the defaults of its schema for every key that is absent; a new object."""
    if not isinstance(value, Mapping):
        return copy.deepcopy(value)
    filled = {}
    properties = rules.get("properties", {})
    others = rules.get("additionalProperties")
    for key in [*properties, *(k for k in value if k not in properties)]:
        inner = properties.get(key, others if isinstance(others, Mapping) else {})
        if key in value:
            filled[key] = fill_defaults(value[key], inner)
        elif "default" in inner:
            filled[key] = fill_defaults(copy.deepcopy(inner["default"]), inner)
    return filled


def schema_problems(
    value: Any, rules: dict[str, Any], source: str, lines: Mapping[KeyPath, int] | None = None
) -> list[Problem]:
    """Every fault of ``value`` against a JSON Schema, in the order of the file."""
    lines = lines or {}
    problems = [
        Problem(source, lines.get(where), ".".join(map(str, where)), _as_text(number), "a finite number")
        for where, number in _not_finite(value, ())
    ]
    for error in jsonschema.Draft202012Validator(rules).iter_errors(value):
        problems += _explain(error, rules, source, lines)
    return sorted(set(problems), key=lambda p: (p.row or 0, p.column, p.found))


def _explain(
    error: jsonschema.ValidationError, rules: dict[str, Any], source: str, lines: Mapping[KeyPath, int]
) -> Iterator[Problem]:
    where: KeyPath = tuple(error.absolute_path)
    row = next((lines[where[:n]] for n in range(len(where), 0, -1) if where[:n] in lines), None)
    column = ".".join(map(str, where))
    limit: Any = error.validator_value
    instance: Any = error.instance
    found = visible(_as_text(instance))
    if error.validator == "additionalProperties":
        known = list(cast(dict[str, Any], error.schema).get("properties", {}))
        for key in [k for k in instance if k not in known]:
            name = ".".join(map(str, (*where, key)))
            yield Problem(
                source,
                lines.get((*where, key), row),
                name,
                f"the unknown key {visible(str(key))}",
                f"one of {', '.join(known)}",
                _suggest_key(str(key), known, where, rules),
            )
        return
    if error.validator == "required":
        for key in [k for k in limit if k not in instance]:
            name = ".".join(map(str, (*where, key)))
            yield Problem(source, row, name, "nothing", "this key")
        return
    expected = {
        "type": lambda: " or ".join(_TYPE_WORDS[t] for t in ([limit] if isinstance(limit, str) else limit)),
        "minimum": lambda: f"at least {limit}",
        "maximum": lambda: f"at most {limit}",
        "exclusiveMinimum": lambda: f"more than {limit}",
        "exclusiveMaximum": lambda: f"less than {limit}",
        "enum": lambda: f"one of {', '.join(map(str, limit))}",
        "minLength": lambda: "some text",
        "maxLength": lambda: f"at most {limit} characters",
        "minItems": lambda: f"at least {limit} entries",
        "maxItems": lambda: f"at most {limit} entries",
        "minProperties": lambda: "at least one entry",
        "uniqueItems": lambda: "each entry once",
        "pattern": lambda: f"text like {limit}",
    }.get(str(error.validator), lambda: error.message)()
    suggestion = ""
    if error.validator == "enum" and (word := nearest(_as_text(instance), map(str, limit))):
        suggestion = f"did you mean {word}?"
    elif error.validator == "type" and limit == "string" and not isinstance(instance, dict | list):
        suggestion = "put it in quotes if it is meant as text"
    yield Problem(source, row, column, found, expected, suggestion)


_TYPE_WORDS = {
    "string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false",
    "array": "a list", "object": "keys and values", "null": "null",
}  # fmt: skip


def _as_text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _suggest_key(key: str, known: list[str], where: KeyPath, rules: Mapping[str, Any]) -> str:
    """The nearest key of the same section, or the same key of another section."""
    if match := nearest(key, known):
        return f"did you mean {'.'.join(map(str, (*where, match)))}?"
    elsewhere = {
        leaf: f"{section}.{leaf}"
        for section, inner in rules.get("properties", {}).items()
        for leaf in inner.get("properties", {})
    }
    match = nearest(key, elsewhere)
    return f"did you mean {elsewhere[match]}?" if match else ""


def _not_finite(value: Any, where: KeyPath) -> Iterator[tuple[KeyPath, float]]:
    """NaN and infinities, which pass every comparison of a schema."""
    if isinstance(value, float) and not math.isfinite(value):
        yield where, value
    items = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in items:
        yield from _not_finite(item, (*where, key))


_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)


def _repair_yaml(value: Any, rules: Mapping[str, Any]) -> Any:
    """What YAML 1.1 reads otherwise than it was meant.

    ``1e-10`` has no point and would be text; a section whose keys are all commented out would be null;
    ``20.0`` is a whole number.
    """
    kind = rules.get("type")
    if value is None and kind == "object":
        return {}
    if isinstance(value, dict):
        inner = rules.get("properties", {})
        return {key: _repair_yaml(item, inner.get(key, {})) for key, item in value.items()}
    if kind in ("number", "integer") and isinstance(value, str) and _FLOAT.fullmatch(value):
        value = float(value)
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


# -- YAML --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class YamlDocument:
    """A YAML file: its value, and the line of every key."""

    value: Any
    lines: Mapping[KeyPath, int]


def read_yaml(path: str | Path, text_only: bool = False) -> YamlDocument:
    """Read a YAML file without surprises.

    A key given twice is an error, as are tags of other languages and aliases by which a small file grows
    without end. Nothing is executed.

    Args:
        path: the file.
        text_only: leave every scalar the text it is, so that ``no`` stays ``no`` and ``001`` stays ``001``.

    Raises:
        InputError: no such file, not UTF-8, not YAML, a duplicate key.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise input_error(path, "no such file", "a YAML file") from None
    except IsADirectoryError:
        raise input_error(path, "a folder", "a YAML file") from None
    except PermissionError:
        raise input_error(path, "a file that may not be read", "a YAML file") from None
    except UnicodeDecodeError:
        raise input_error(path, "bytes that are not UTF-8", "UTF-8 text") from None
    loader = (yaml.BaseLoader if text_only else yaml.SafeLoader)(text)
    lines: dict[KeyPath, int] = {}
    try:
        _check_depth(text, str(path))
        node = loader.get_single_node()
        if node is None:
            return YamlDocument({}, {})
        duplicates = list(_walk(node, (), lines, str(path)))
        if duplicates:
            raise InputError(duplicates)
        return YamlDocument(loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        row = mark.line + 1 if mark is not None else None
        raise InputError(
            Problem(str(path), row, "", f"{error.problem or error.context}", "valid YAML", _yaml_hint(error))
        ) from None
    except yaml.YAMLError as error:
        raise input_error(path, visible(str(error)), "valid YAML") from None
    except RecursionError:
        raise input_error(path, "lists or keys nested beyond all measure", "valid YAML") from None
    except ValueError as error:
        raise input_error(path, f"a value that can't be read ({error})", "valid YAML") from None


def _yaml_hint(error: yaml.MarkedYAMLError) -> str:
    return "indent with blanks, not with tabs" if "\\t" in str(error.problem) else ""


def _check_depth(text: str, source: str) -> None:
    """Stop at nesting that no configuration needs, before the parser takes minutes over it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            row = cast(Any, event.start_mark).line + 1
            raise InputError(Problem(source, row, "", "lists or keys nested too deep", "valid YAML"))


def _walk(node: yaml.Node, where: KeyPath, lines: dict[KeyPath, int], source: str) -> Iterator[Problem]:
    """Note the line of every key below ``node``; yield a problem for every key that is there twice.

    Aliases are followed, so a small file can stand for a huge or endless one; it is refused.
    """
    line = cast(Any, node.start_mark).line + 1
    if len(lines) > _MAX_NODES or len(where) > _MAX_DEPTH:
        found = "aliases that make the file endless"
        raise InputError(Problem(source, line, "", found, "valid YAML", "write the values out"))
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            below = (*where, name)
            if name in seen:
                yield Problem(
                    source,
                    line,
                    ".".join(map(str, below)),
                    f"the key {visible(name)} again (first on line {seen[name]})",
                    "each key once",
                )
            seen.setdefault(name, line)
            lines.setdefault(below, line)
            yield from _walk(value, below, lines, source)
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            lines[(*where, position)] = item.start_mark.line + 1
            yield from _walk(item, (*where, position), lines, source)


# -- the page for people -----------------------------------------------------------------------------


def document() -> str:
    """The page ``config/README.md``: every key with its type, default, limits and meaning."""
    rules = schema("config")
    lines = [
        "# Configuration",
        "",
        "<!-- Made from workflow/schemas/config.schema.json by scripts/document_config.py. -->",
        "",
        "Copy `config.yaml`, edit it, and check it before anything runs:",
        "",
        "    python scripts/check_inputs.py --config config/config.yaml",
        "",
        rules["description"],
        "`samples.example.tsv` and `dictionary.example.yaml` show the form of the sample sheet and of the "
        "clinical dictionary; their schemas are `workflow/schemas/samples.schema.json` and "
        "`dictionary.schema.json`. How many cores and how much memory a run uses is not configured here but "
        "in the profiles under `workflow/profiles/`.",
    ]
    for section, inner in rules["properties"].items():
        lines += [
            "",
            f"## `{section}`: {inner['title'][0].lower()}{inner['title'][1:]}",
            "",
            inner["description"],
            "",
        ]
        lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
        required = inner.get("required", [])
        for key, entry in inner["properties"].items():
            default = "**required**" if key in required else f"`{json.dumps(entry.get('default'))}`"
            meaning = entry["description"].replace("|", "\\|")
            lines.append(f"| `{section}.{key}` | {_type_and_limits(entry)} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def _type_and_limits(entry: Mapping[str, Any]) -> str:
    choices = [entry, *entry.get("anyOf", [])]
    found = [choice["type"] for choice in choices if "type" in choice]
    kinds = [kind for one in found for kind in ([one] if isinstance(one, str) else one)]
    words = " or ".join(_TYPE_WORDS[kind].removeprefix("a ") for kind in kinds)
    if kinds == ["array"]:
        words = "list of entries" if entry.get("items", {}).get("type") == "object" else "list of text"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {entry[name]}" for name, sign in signs.items() if name in entry]
    return f"{words}, {', '.join(limits)}" if limits else words


def write_document(path: str | Path) -> None:
    """Write :func:`document` to ``path``."""
    write_text(path, document())
