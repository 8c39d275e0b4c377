"""HL7's Genomics Reporting guide as its authors wrote it, in FHIR Shorthand: its rules, and its examples.

``rules_of_guide`` reads the profiles into the rows of ``resources/fhir/genomics_reporting.tsv``;
``violations`` holds a resource against such rows; ``examples`` turns the guide's own instances into
resources. Only what these profiles use of FHIR Shorthand is understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endotype.tables import read_text_table

TABLE = Path(__file__).parents[2] / "resources/fhir/genomics_reporting.tsv"
COLUMNS = ("profile", "path", "min", "max", "type", "code", "values")
SHIPPED = (
    *("variant", "genotype", "haplotype", "sequence-phase-relationship", "molecular-consequence"),
    *("diagnostic-implication", "therapeutic-implication", "molecular-biomarker", "genomic-report"),
)
GUIDE = "http://hl7.org/fhir/uv/genomics-reporting"

HGVS = {"http://varnomen.hgvs.org"}
VALUES = {
    "HGVSVS": HGVS,
    "SequencePhaseRelationshipVS": {"http://terminology.hl7.org/CodeSystem/sequence-phase-relationship-cs"},
    "VariantConfidenceStatusVS": {"http://terminology.hl7.org/CodeSystem/variant-confidence-status-cs"},
    "http://loinc.org/vs/LL2938-0": {"http://loinc.org"},
    "http://loinc.org/vs/LL1971-2": {
        f"http://loinc.org|{code}" for code in ("LA9633-4", "LA9634-2", "LA18198-4", "LA11884-6")
    },
}
"""What the value sets of required bindings hold: systems, or codes of one."""

_PROFILE = re.compile(r"^(?:Profile|Extension|Invariant|Instance|RuleSet):\s*(\S+)", re.MULTILINE)
_RULE = re.compile(r"^\* (?P<path>[\w\[\]\-.]+) (?P<rest>.+)$")
_SLICE = re.compile(r"([\w-]+)\s+(\d+)\.\.(\*|\d+)")


@dataclass
class Rule:
    """What a profile asks of one path; empty where it asks nothing."""

    min: str = ""
    max: str = ""
    type: str = ""
    code: str = ""
    values: str = ""


def rules_of_guide(folder: Path) -> list[tuple[str, ...]]:
    """Rows of :data:`COLUMNS` of the shipped profiles, with those of their parents, from the guide's text."""
    aliases = _aliases(folder)
    own: dict[str, dict[str, Rule]] = {}
    parents: dict[str, str] = {}
    ids: dict[str, str] = {}
    for file in ("CGGeneral.fsh", "CGFindings.fsh", "CGImplications.fsh"):
        for name, body in _blocks((folder / file).read_text(encoding="utf-8")):
            head = dict(re.findall(r"^(Parent|Id):\s*(\S+)", body, re.MULTILINE))
            if "Parent" in head:
                parents[name], ids[head["Id"]] = head["Parent"], name
                own[name] = _rules(body, aliases)
    rows = []
    for identity in SHIPPED:
        merged: dict[str, Rule] = {}
        line = [ids[identity]]
        while parents[line[-1]] in own:
            line.append(parents[line[-1]])
        for name in reversed(line):
            for path, rule in own[name].items():
                into = merged.setdefault(path, Rule())
                for field, value in vars(rule).items():
                    if value:
                        setattr(into, field, value)
        rows += [(identity, path, *vars(rule).values()) for path, rule in sorted(merged.items())]
    return rows


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    starts = [*_PROFILE.finditer(text)]
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        if start[0].startswith("Profile"):
            yield start[1], text[start.start() : end.start() if end else None]


def _rules(body: str, aliases: dict[str, str]) -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    lines = [line.split(" //")[0].rstrip() for line in body.splitlines() if not line.startswith("//")]
    for i, line in enumerate(lines):
        found = _RULE.match(line)
        if found is None or found["path"].startswith("extension") or ".extension" in found["path"]:
            continue
        path, rest = found["path"], found["rest"]
        if rest.startswith("contains"):
            listed = rest
            for more in lines[i + 1 :]:
                if more.startswith("*") or not more.strip():
                    break
                listed += " " + more
            for name, low, high in _SLICE.findall(listed):
                rules[f"{path}[{name}]"] = Rule(low, high)
            continue
        rule = rules.setdefault(path, Rule())
        if cardinality := re.fullmatch(r"(\d+)\.\.(\*|\d+)", rest):
            rule.min, rule.max = cardinality.groups()
        elif rest.startswith("only "):
            rule.type = "" if "Reference" in rest else rest.removeprefix("only ")
        elif rest.startswith("= ") and "#" in rest:
            rule.code = _code(rest[2:], aliases)
        elif rest.startswith("from ") and rest.endswith("(required)"):
            rule.values = rest.split()[1]
    return {path: rule for path, rule in rules.items() if any(vars(rule).values())}


def _aliases(folder: Path) -> dict[str, str]:
    text = (folder / "Aliases.fsh").read_text(encoding="utf-8")
    found = dict(re.findall(r"^Alias:\s*(\S+)\s*=\s*(\S+)", text, re.MULTILINE))
    systems = (folder / "CGCodeSystem.fsh").read_text(encoding="utf-8")
    for block in systems.split("CodeSystem:")[1:]:
        url = re.search(r'\^url = "(\S+)"', block)
        identity = re.search(r"^Id: (\S+)", block, re.MULTILINE)
        assert identity is not None
        found[block.split()[0]] = url[1] if url else f"{GUIDE}/CodeSystem/{identity[1]}"
    return found


def _code(text: str, aliases: dict[str, str]) -> str:
    system, _, code = text.split()[0].partition("#")
    return f"{aliases.get(system, system)}|{code}"


def shipped_rules() -> list[tuple[str, ...]]:
    """Rows of the table that comes with Endotype."""
    rows = read_text_table(TABLE).rows
    return [tuple(row[name] for name in COLUMNS) for row in rows.to_dict("records")]


def violations(resource: dict[str, Any], rules: Iterable[tuple[str, ...]], profile: str) -> list[str]:
    """What a resource has against a profile: counts of elements and slices, types, fixed codes, values."""
    mine = {row[1]: Rule(*row[2:]) for row in rules if row[0] == profile}
    found = []
    for path, rule in mine.items():
        if slice_of := re.fullmatch(r"(category|component)\[[\w-]+\]", path):
            found += _of_slice(resource, slice_of[1], path, rule, mine)
        elif path == "value[x]" or path.isalpha():
            found += _of_element(resource, path, rule)
    return found


def _of_element(resource: dict[str, Any], path: str, rule: Rule) -> list[str]:
    if path == "value[x]":
        values = {key: value for key, value in resource.items() if key.startswith("value")}
        return [*_count(path, len(values), rule), *_value(path, values, rule)]
    if path == "valueCodeableConcept":
        values = {path: resource[path]} if path in resource else {}
        return _value(path, values, rule)
    value = resource.get(path)
    items = [] if value is None else value if isinstance(value, list) else [value]
    found = _count(path, len(items), rule)
    if rule.code and rule.code not in {code for item in items for code in _codes(item)}:
        found.append(f"{path}: not {rule.code}")
    return found


def _of_slice(resource: dict[str, Any], name: str, path: str, rule: Rule, mine: dict[str, Rule]) -> list[str]:
    code = mine.get(f"{path}.code" if name == "component" else f"{path}.coding", Rule()).code
    if not code:
        return [f"{path}: the table has no code for it"]
    items = resource.get(name, [])
    part = "code" if name == "component" else None
    members = [item for item in items if code in _codes(item.get(part, {}) if part else item)]
    found = _count(path, len(members), rule)
    of_value = mine.get(f"{path}.value[x]", Rule())
    for member in members:
        values = {key: value for key, value in member.items() if key.startswith("value")}
        found += _count(f"{path}.value[x]", len(values), of_value)
        found += _value(f"{path}.value[x]", values, of_value)
    return found


def _count(path: str, n: int, rule: Rule) -> list[str]:
    low, high = int(rule.min or 0), float("inf") if rule.max in ("", "*") else int(rule.max)
    return [] if low <= n <= high else [f"{path}: {n} of {rule.min}..{rule.max}"]


def _value(path: str, values: dict[str, Any], rule: Rule) -> list[str]:
    found = []
    if rule.type:
        wanted = {f"value{word[0].upper()}{word[1:]}" for word in rule.type.split(" or ")}
        found += [f"{path}: {key}, not {rule.type}" for key in values if key not in wanted]
    if rule.values:
        allowed = VALUES.get(rule.values)
        for value in values.values():
            held = {part for code in _codes(value) for part in (code, code.partition("|")[0])}
            if allowed is None or not held & allowed:
                found.append(f"{path}: no code of {rule.values}")
    return found


def _codes(concept: dict[str, Any]) -> list[str]:
    return [f"{coding.get('system')}|{coding.get('code')}" for coding in concept.get("coding", [])]


def examples(folder: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """The guide's instances of the shipped profiles: name -> (profile, resource)."""
    aliases = _aliases(folder)
    profiles: dict[str, str] = {}
    slices: dict[tuple[str, str], str] = {}
    fixed: dict[str, str] = {}
    filled: dict[str, list[str]] = {identity: [] for identity in SHIPPED}
    for identity in SHIPPED:
        profiles["".join(word.capitalize() for word in identity.split("-"))] = identity
    rules = rules_of_guide(folder)
    needed = {row[:2] for row in rules if row[1].startswith("category[") and row[2] == "1"}
    for profile, path, *fields in rules:
        if (profile, path.removesuffix(".coding")) in needed and fields[3]:
            filled[profile].append(fields[3])
        if fields[3] and path.startswith(("component[", "category[")):
            slices[profile, path.rpartition(".")[0]] = fields[3]
        elif path == "code" and fields[3]:
            fixed[profile] = fields[3]
    found = {}
    for file in [folder / "CGExamples.fsh", *sorted((folder / "examples").glob("*.fsh"))]:
        for block in re.split(r"^(?=Instance:)", file.read_text(encoding="utf-8"), flags=re.MULTILINE):
            head = dict(re.findall(r"^(Instance|InstanceOf):\s*(\S+)", block, re.MULTILINE))
            profile = profiles.get(head.get("InstanceOf", ""))
            if profile and "insert " not in block:
                resource = _resource(block, profile, aliases, slices)
                if profile in fixed:
                    resource.setdefault("code", _concept(fixed[profile]))
                # What a profile fixes and asks for needn't be written again in an instance.
                held = {code for item in resource.get("category", []) for code in _codes(item)}
                more = [_concept(code) for code in filled[profile] if code not in held]
                resource["category"] = resource.get("category", []) + more
                found[head["Instance"]] = profile, resource
    return found


_LISTS = (
    *("category", "component", "coding", "extension", "derivedFrom", "result", "note", "performer"),
    *("hasMember", "interpretation", "profile", "basedOn", "resultsInterpreter", "presentedForm"),
)
_STEP = re.compile(r"([\w]+)(?:\[([^\]]+)\])?(?:\[([+=]|\d+)\])?")


def _resource(
    block: str, profile: str, aliases: dict[str, str], slices: dict[tuple[str, str], str]
) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "resourceType": "DiagnosticReport" if profile == "genomic-report" else "Observation"
    }
    last: dict[str, int] = {}
    context: list[str] = []
    for line in block.splitlines():
        found = re.match(r"^( *)\* (\S+)(?:\s+=\s+(.+))?$", line.split(" //")[0].rstrip())
        if found is None:
            continue
        depth = len(found[1]) // 2
        path = ".".join([*context[:depth], found[2]])
        context = [*context[:depth], re.sub(r"\[\+\]$", "[=]", found[2])]
        if found[3] is not None and not path.startswith("contained"):
            _assign(resource, path, _literal(found[3], path, aliases), profile, slices, last)
    return resource


def _concept(code: str) -> dict[str, Any]:
    system, _, word = code.partition("|")
    return {"coding": [{"system": system, "code": word}]}


def _literal(text: str, path: str, aliases: dict[str, str]) -> Any:
    if text.startswith('"'):
        return text.strip('"')
    if reference := re.fullmatch(r'Reference\((\S+?)\)(?: "(.*)")?', text):
        display = {"display": reference[2]} if reference[2] else {}
        return {"reference": reference[1]} | display
    if quantity := re.fullmatch(r"(-?[\d.]+) '(\S+)'(?: \"(.*)\")?", text):
        unit = {"unit": quantity[3]} if quantity[3] else {}
        return {
            "value": float(quantity[1]),
            "system": "http://unitsofmeasure.org",
            "code": quantity[2],
        } | unit
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text) if "." in text else int(text)
    if text in ("true", "false"):
        return text == "true"
    if coded := re.fullmatch(r'([^\s#]*)(?<!\\)#(\S+?|".*?")(?:\s+"(.*)")?', text.replace("\\#", "%23")):
        system, code, display = coded.groups()
        if not system:
            return code.strip('"')
        coding = {"system": aliases.get(system, system), "code": code.strip('"').replace("%23", "#")}
        coding |= {"display": display} if display else {}
        last = re.sub(r"\[[^\]]*\]", "", path).rpartition(".")[2]
        return coding if last in ("coding", "valueCoding") else {"coding": [coding]}
    return text


def _assign(
    resource: dict[str, Any],
    path: str,
    value: Any,
    profile: str,
    slices: dict[tuple[str, str], str],
    last: dict[str, int],
) -> None:
    node: Any = resource
    walked = ""
    steps = [_STEP.fullmatch(step) for step in re.split(r"\.(?![^\[]*\])", path)]
    for i, step in enumerate(steps):
        assert step is not None, path
        name, inner, outer = step.groups()
        if inner in ("+", "=") or (inner or "").isdigit():
            inner, outer = None, inner
        walked += f".{name}[{inner}]"
        final = i == len(steps) - 1
        is_list = outer is not None or inner is not None or name in _LISTS
        is_list |= i == 0 and (name == "identifier" or (name == "specimen" and profile == "genomic-report"))
        if not is_list:
            if final:
                merge = isinstance(value, dict) and isinstance(node.get(name), dict)
                node[name] = node[name] | value if merge else value
            else:
                node = node.setdefault(name, {})
            continue
        items = node.setdefault(name, [])
        index = last.get(walked, -1)
        if outer == "+" or index < 0 or ((outer or "").isdigit() and int(outer or 0) > index):
            items.append({})
            last[walked] = index = len(items) - 1 if inner or outer in (None, "+", "=") else int(outer or 0)
            last.update({key: -1 for key in list(last) if key.startswith(walked + ".")})
            if code := slices.get((profile, f"{name}[{inner}]")):
                items[-1] = {"code": _concept(code)} if name == "component" else _concept(code)
            if name == "extension" and inner:
                items[-1] = {"url": f"{GUIDE}/StructureDefinition/{inner}"}
        if final:
            items[index] = items[index] | value if isinstance(value, dict) else value
        else:
            node = items[index]
