"""``report.json`` as a GA4GH Phenopacket of schema version 2.0 (ISO 4454:2022), in its JSON form.

A Phenopacket says who a person is, what was measured and which variants were looked at as an explanation. It
has no place for targets, cohort associations or quality: all claims stand among the external references, by
the id they have in ``report.json``, so that nothing is lost without a word. There is no time of making in it,
because a report has no clock; :func:`phenopacket` takes one from whoever sends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from endotype.cohort.assembly import canonical_assembly
from endotype.reports.fhir.variants import accession_of
from endotype.reports.language import N_, _, known
from endotype.reports.text import plain

Row = Mapping[str, Any]
Part = dict[str, Any]

PREFIX = "endotype"
"""Of terms that belong to no ontology: columns of the user's table, subtypes, diseases by name."""

_SEXES = {"male": "MALE", "female": "FEMALE"}
_ALLELIC_STATES = {
    "heterozygous": ("GENO:0000135", "heterozygous"),
    "homozygous": ("GENO:0000136", "homozygous"),
    "hemizygous": ("GENO:0000134", "hemizygous"),
    "homoplasmic": ("GENO:0000602", "homoplasmic"),
}
_CLASSES = ("benign", "likely_benign", "uncertain_significance", "likely_pathogenic", "pathogenic")
_CANDIDATES = ("pathogenic", "classified_pathogenic", "predicted_damaging")
_GENO = {
    "id": "geno",
    "name": "Genotype Ontology",
    "url": "http://purl.obolibrary.org/obo/geno.owl",
    "version": "not stated",
    "namespacePrefix": "GENO",
    "iriPrefix": "http://purl.obolibrary.org/obo/GENO_",
}


def phenopacket(report: Row, created: str | None = None) -> dict[str, Any]:
    """The Phenopacket of one patient's report.

    Args:
        report: the content of ``report.json``. A chapter that isn't there adds nothing.
        created: when it is sent, as RFC 3339 (``2026-01-31T00:00:00Z``). The schema wants one; without it
            the packet has none, and the same report gives the same bytes.

    Returns:
        The packet as plain data, for :func:`endotype.files.write_json`.
    """
    report = plain(dict(report))
    patient = report["patient"]
    packet = {
        "id": f"{PREFIX}:{patient['id']}",
        "subject": _subject(patient),
        "measurements": [*_measurements(report), *_subtype(report)],
        "biosamples": _biosamples(report),
        "interpretations": _interpretations(report),
        "metaData": _meta(report, created),
    }
    return {name: value for name, value in packet.items() if value}


def _subject(patient: Row) -> Part:
    """The pseudonymous id and the declared sex; neither age nor date of birth."""
    return {"id": patient["id"], "sex": _SEXES.get(patient.get("sex_declared", ""), "UNKNOWN_SEX")}


def _measurements(report: Row) -> Iterable[Part]:
    """Clinical values that are there. One that is missing or set aside gives nothing, never a negative."""
    for item in _items(report, "clinical"):
        value = item["value"]
        if item["status"] != "present" or value is None:
            continue
        assay = _term("column", item["name"], item.get("description") or item["name"])
        if isinstance(value, bool):
            word = N_("yes") if value else N_("no")
            yield {"assay": assay, "value": {"ontologyClass": _term("value", word, _(word))}}
        elif isinstance(value, int | float):
            unit = item.get("unit") or N_("no unit stated")
            label = item.get("unit") or _("no unit stated")
            quantity = {"unit": _term("unit", unit, label), "value": float(value)}
            yield {"assay": assay, "value": {"quantity": quantity}}
        else:
            yield {"assay": assay, "value": {"ontologyClass": _term("value", str(value), str(value))}}


def _subtype(report: Row) -> Iterable[Part]:
    """The subtype, only where one was called."""
    section = report.get("subtype", {})
    if section.get("call") == "called" and section.get("subtype"):
        name = section["subtype"]
        assay = _term("column", "subtype", _("subtype of the cohort, a statistical group"))
        yield {
            "assay": assay,
            "value": {"ontologyClass": _term("subtype", name, _("subtype {name}", name=name))},
            "description": section["statement"],
        }


def _biosamples(report: Row) -> list[Part]:
    patient = report["patient"]["id"]
    return [
        {
            "id": tumour["tumour"],
            "individualId": patient,
            "description": known(tumour["verdict"]),
            "materialSample": _term("sample", "tumour", _("Tumour").lower()),
        }
        for tumour in _items(report, "tumours")
    ]


def _interpretations(report: Row) -> list[Part]:
    """One interpretation per listed variant, as a candidate: that it is the cause is for people to say."""
    patient = report["patient"]["id"]
    actionable = {
        item["variant_id"]
        for item in _items(report, "targets")
        if item["link"] == "carried_variant" and item["variant_id"]
    }
    texts = {claim["id"]: claim["text"] for claim in report["claims"]}
    assembly = report.get("run", {}).get("assembly") or "not stated"
    built: dict[str, Part] = {}
    for item in [*_items(report, "variants"), *_items(report, "secondary_findings")]:
        name = item.get("variant_id")
        if name and name not in built:
            descriptor = _descriptor(item, assembly, texts.get(item["claim"]))
            built[name] = _interpretation(item, patient, descriptor, name in actionable)
    return list(built.values())


def _interpretation(item: Row, patient: str, descriptor: Part, actionable: bool) -> Part:
    disease = item.get("condition") or item.get("disease")
    word = (item.get("classification") or {}).get("class", "")
    acmg = word.upper() if word in _CLASSES else "NOT_PROVIDED"
    status = "CANDIDATE" if item.get("group") in _CANDIDATES else "UNKNOWN_STATUS"
    variant = {
        "acmgPathogenicityClassification": acmg,
        # An empty target table doesn't make a variant "not actionable".
        "therapeuticActionability": "ACTIONABLE" if actionable else "UNKNOWN_ACTIONABILITY",
        "variationDescriptor": descriptor,
    }
    name = disease or N_("no disease stated")
    return {
        "id": item["claim"],
        "progressStatus": "IN_PROGRESS",
        "diagnosis": {
            "disease": _term("disease", name, disease or _("no disease stated")),
            "genomicInterpretations": [
                {
                    "subjectOrBiosampleId": patient,
                    "interpretationStatus": status,
                    "variantInterpretation": variant,
                }
            ],
        },
    }


def _descriptor(item: Row, assembly: str, text: str | None) -> Part:
    accession = accession_of(assembly, item["chrom"])
    expressions = []
    for field in ("hgvs_g", "hgvs_c", "hgvs_p"):
        name = item.get(field)
        if name and field == "hgvs_g" and accession:
            name = f"{accession}:{name.rpartition(':')[2]}"
        if name:
            expressions.append({"syntax": field.replace("_", "."), "value": name})
    state = _ALLELIC_STATES.get(item.get("zygosity", ""))
    built = {
        "id": item["claim"],
        "label": item["variant_id"],
        "description": text,
        "geneContext": _gene(item),
        "expressions": expressions,
        "vcfRecord": {
            "genomeAssembly": canonical_assembly(assembly) or assembly,
            "chrom": item["chrom"],
            "pos": str(item["pos"]),
            "ref": item["ref"],
            "alt": item["alt"],
        },
        "moleculeContext": "genomic",
        "allelicState": {"id": state[0], "label": state[1]} if state else None,
    }
    return {name: value for name, value in built.items() if value}


def _gene(item: Row) -> Part | None:
    symbol = item.get("gene")
    if not symbol:
        return None
    identity = item.get("hgnc_id") or item.get("gene_id") or symbol
    return {"valueId": identity if ":" in identity else f"{PREFIX}:{identity}", "symbol": symbol}


def _meta(report: Row, created: str | None) -> Part:
    run = report.get("run", {})
    version = run.get("endotype_version") or "not stated"
    own = {
        "id": PREFIX,
        "name": _(
            "Names of this run: columns of its clinical table, subtypes, diseases as sources write them"
        ),
        "url": "https://endotype.invalid/",
        "version": version,
        "namespacePrefix": PREFIX,
        "iriPrefix": "https://endotype.invalid/term/",
    }
    sources = [_source(row) for row in run.get("knowledge", []) if row.get("file") or row.get("version")]
    claims = [
        {"id": claim["id"], "reference": f"report.json#{claim['id']}", "description": claim["text"]}
        for claim in report["claims"]
    ]
    meta = {
        "created": created,
        "createdBy": f"Endotype {version}",
        "resources": [_GENO, own],
        "phenopacketSchemaVersion": "2.0",
        "externalReferences": [*sources, *claims],
    }
    return {name: value for name, value in meta.items() if value}


def _source(row: Row) -> Part:
    parts = [
        row.get("version") and _("version {version}", version=row["version"]),
        row.get("sha256") and f"sha256 {row['sha256']}",
    ]
    return {
        "id": f"{PREFIX}:source-{row['source']}",
        "reference": row.get("file") or row["source"],
        "description": ", ".join(filter(None, parts)) or _("no version stated"),
    }


def _term(kind: str, name: str, label: str) -> Part:
    """A term of no ontology. What a CURIE can't hold becomes ``_``; the label has it whole."""
    return {"id": f"{PREFIX}:{kind}-{re.sub(r'[^A-Za-z0-9._-]', '_', name)[:60]}", "label": label}


def _items(report: Row, section: str) -> list[Row]:
    return report.get(section, {}).get("items", [])
