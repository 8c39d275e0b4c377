"""What was found in a patient that evidence can be about: variants of germline and tumour, and burden.

All functions return :data:`FINDING_COLUMNS`, one row per patient, feature and gene. Words of ``feature`` and
``alteration_type`` are those of the Molecular Oncology Almanac, so that its records and others', read into
the same words, can be compared with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.message import N_
from endotype.tables import read_text_table, require_columns
from endotype.targets.protein_change import one_letter, residue_of

FINDING_COLUMNS = {
    "patient": "str", "feature": "str", "gene": "str", "partner": "str", "alteration_type": "str",
    "alteration": "str", "variant_id": "str", "exon": "str", "effect": "str", "matters": "bool",
    "weight": "float64", "fraction": "float64", "fraction_count": "float64", "burden": "float64",
    "input_file": "str", "input_line": "Int64", "detail": "str",
}  # fmt: skip
"""``alteration``: of a variant the protein change in one-letter codes. ``effect`` on the gene: ``loss``,
``gain`` or ``unknown``. ``matters``: known, or predicted, to change what the gene does. ``fraction``: share
of the tumour's reads with the variant, of ``fraction_count`` reads. ``burden``: mutations per megabase."""

GERMLINE, SOMATIC, COPY_NUMBER, FUSION, BURDEN = (
    "Germline Variant",
    "Somatic Variant",
    "Copy Number",
    "Rearrangement",
    "Mutational Burden",
)

TYPE_OF_CLASSIFICATION = {
    "Missense_Mutation": "Missense",
    "Nonsense_Mutation": "Nonsense",
    "Frame_Shift_Del": "Frameshift",
    "Frame_Shift_Ins": "Frameshift",
    "In_Frame_Del": "Deletion",
    "In_Frame_Ins": "Insertion",
    "Splice_Site": "Splice Site",
    "Nonstop_Mutation": "Nonstop",
    "Translation_Start_Site": "Start Lost",
}
"""Classifications of a MAF that change the protein; variants of others are no finding."""

_TYPE_OF_TERM = {
    "frameshift_variant": "Frameshift",
    "stop_gained": "Nonsense",
    "splice_acceptor_variant": "Splice Site",
    "splice_donor_variant": "Splice Site",
    "splice_acceptor": "Splice Site",
    "splice_donor": "Splice Site",
    "frameshift": "Frameshift",
    "inframe_deletion": "Deletion",
    "inframe_insertion": "Insertion",
    "missense_variant": "Missense",
    "missense": "Missense",
    "stop_lost": "Nonstop",
    "start_lost": "Start Lost",
}
TRUNCATING = ("Nonsense", "Frameshift", "Splice Site", "Start Lost")

ONE_COPY_OF_RECESSIVE = 0.5
"""Weight of one variant copy of a recessive gene where there are two copies of the gene."""

UNMATCHED_ORIGIN = 0.9
"""Weight of a tumour variant without a matched normal, which may be germline; hotspots apart."""


def finding_table(rows: Sequence[Mapping[Any, Any]]) -> pd.DataFrame:
    """Rows as a table of :data:`FINDING_COLUMNS`; texts that a row lacks are empty, numbers null."""
    table = pd.DataFrame(rows, columns=list(FINDING_COLUMNS))
    for name, dtype in FINDING_COLUMNS.items():
        if dtype == "str":
            table[name] = table[name].astype(object).where(table[name].notna(), "")
    table["effect"] = table["effect"].replace("", "unknown")
    table["matters"] = table["matters"].astype(object).where(table["matters"].notna(), False)
    table["weight"] = table["weight"].astype(object).where(table["weight"].notna(), 1.0)
    return table.astype(FINDING_COLUMNS)


Hotspots = frozenset[tuple[str, str]]
"""(gene, residue) and (gene, protein change) of recurrent changes of tumours."""


def read_hotspots(path: str | Path | None) -> Hotspots | None:
    """Read hotspots: a table with ``gene`` (or ``Hugo_Symbol``) and ``protein_change``, or with
    ``Hugo_Symbol`` and ``Amino_Acid_Position`` ``Reference_Amino_Acid``, as Cancer Hotspots publishes them.

    Returns:
        (gene, change or residue); ``None`` without a path.

    Raises:
        InputError: no such file, or none of these columns.
    """
    if path is None:
        return None
    rows = read_text_table(path).rows
    gene = next((name for name in ("gene", "Hugo_Symbol") if name in rows), None)
    if gene is not None and "protein_change" in rows:
        changes = [one_letter(text) for text in rows["protein_change"]]
    elif gene is not None and {"Amino_Acid_Position", "Reference_Amino_Acid"} <= set(rows.columns):
        changes = [
            f"{reference[:1]}{position}"
            for reference, position in zip(
                rows["Reference_Amino_Acid"], rows["Amino_Acid_Position"], strict=True
            )
            if position.isdigit() and reference[1:2] in ("", ":")
        ]
        rows = rows[
            rows["Amino_Acid_Position"].str.isdigit()
            & rows["Reference_Amino_Acid"].str.slice(1, 2).isin(["", ":"])
        ]
    else:
        raise input_error(
            path, f"the columns {', '.join(rows.columns)}", "the columns gene and protein_change"
        )
    return frozenset((g, c) for g, c in zip(rows[gene], changes, strict=True) if g and c)


def tumour_findings(somatic: pd.DataFrame, hotspots: Hotspots | None = None) -> pd.DataFrame:
    """Protein-changing variants of tumours, one row per patient, gene and variant, the highest fraction kept.

    Germline and filtered calls are no finding. A truncating change, and one at a hotspot, matters; of other
    changes it isn't known.

    Args:
        somatic: ``variants/somatic.parquet``.
        hotspots: of :func:`read_hotspots`.
    """
    wanted = somatic["status"].isin(["somatic", "somatic_or_germline"])
    kinds = somatic["classification"].map(TYPE_OF_CLASSIFICATION)
    rows = somatic[wanted & kinds.notna() & (somatic["gene"].fillna("") != "")].assign(kind=kinds)
    rows = rows.sort_values(
        ["patient", "gene", "variant_id", "vaf", "tumour"], ascending=[True, True, True, False, True]
    ).drop_duplicates(["patient", "gene", "variant_id"])
    change = [one_letter(text) for text in rows["protein_change"]]
    spots = hotspots or frozenset()
    hot = np.array(
        [(g, c) in spots or (g, residue_of(c)) in spots for g, c in zip(rows["gene"], change, strict=True)],
        bool,
    )
    truncating = rows["kind"].isin(TRUNCATING).to_numpy(bool)
    unmatched = (rows["status"] == "somatic_or_germline").to_numpy(bool)
    vaf = rows["vaf"].to_numpy(float)
    depth = rows["depth"].astype("float64").to_numpy()
    details = []
    columns = [rows[name] for name in ("tumour", "gene", "kind", "vaf")]
    for tumour, gene, kind, share, named, is_hot, no_normal in zip(
        *columns, change, hot, unmatched, strict=True
    ):
        parts = [
            N_("The tumour {tumour} carries {gene} {change} ({kind})").format(
                tumour=tumour, gene=gene, change=named or kind, kind=kind
            )
        ]
        if np.isfinite(share):
            parts = [N_("{finding}, allele fraction {share:.2f}").format(finding=parts[0], share=share)]
        parts += [N_("a hotspot")] if is_hot else []
        parts += [N_("without a matched normal, germline origin isn't excluded")] if no_normal else []
        details.append("; ".join(parts) + ".")
    table = pd.DataFrame(
        {
            "patient": rows["patient"].to_numpy(),
            "feature": SOMATIC,
            "gene": rows["gene"].to_numpy(),
            "alteration_type": rows["kind"].to_numpy(),
            "alteration": change,
            "variant_id": rows["variant_id"].to_numpy(),
            "effect": np.where(truncating, "loss", "unknown"),
            "matters": truncating | hot,
            "weight": np.where(unmatched & ~hot, UNMATCHED_ORIGIN, 1.0),
            "fraction": vaf,
            "fraction_count": np.where(np.isfinite(vaf), np.where(np.isfinite(depth), depth, 20.0), np.nan),
            "input_file": rows["source_file"].to_numpy(),
            "input_line": rows["source_line"].to_numpy(),
            "detail": details,
        }
    )
    return finding_table(table.to_dict("records"))


def germline_findings(carriers: pd.DataFrame, inheritance: dict[str, str]) -> pd.DataFrame:
    """Rare carried variants as findings; one that damages the gene or is classed as pathogenic matters.

    Args:
        carriers: of :func:`endotype.targets.carriers.find_carriers`.
        inheritance: of the genes: AD, AR, XL, MT or unknown.
    """
    rows = carriers.sort_values(["patient", "gene", "variant_id"], kind="stable")
    found = []
    row: Any
    for row in rows.itertuples():
        term = next((t for t in str(row.consequence).split("&") if t in _TYPE_OF_TERM), "")
        recessive = inheritance.get(row.gene) == "AR" and row.dosage == 1
        copies = "homozygous or hemizygous" if row.dosage == 2 else "heterozygous"
        effect = row.consequence if isinstance(row.consequence, str) else "consequence not known"
        found.append(
            {
                "patient": row.patient,
                "feature": GERMLINE,
                "gene": row.gene,
                "alteration_type": _TYPE_OF_TERM.get(term, ""),
                "alteration": one_letter(getattr(row, "hgvs_p", None)),
                "variant_id": row.variant_id,
                "effect": "loss" if row.impact == "HIGH" else "unknown",
                "matters": bool(row.damaging),
                "weight": ONE_COPY_OF_RECESSIVE if recessive else 1.0,
                "detail": (
                    N_("Carries {variant} ({effect}), {copies}, of a gene whose diseases are recessive.")
                    if recessive
                    else N_("Carries {variant} ({effect}), {copies}.")
                ).format(variant=row.variant_id, effect=effect, copies=copies),
            }
        )
    return finding_table(found)


def burden_findings(tumours: pd.DataFrame) -> pd.DataFrame:
    """Mutations per megabase of each patient's tumours, where they were measured; the highest of several."""
    rows = tumours[tumours["mutations_per_megabase"].notna().to_numpy(bool)]
    rows = rows.sort_values(
        ["patient", "mutations_per_megabase", "tumour"], ascending=[True, False, True]
    ).drop_duplicates("patient")
    columns = [rows[name] for name in ("patient", "tumour", "mutations_per_megabase")]
    return finding_table(
        [
            {
                "patient": patient,
                "feature": BURDEN,
                "gene": "mutational burden",
                "matters": True,
                "burden": burden,
                "detail": N_("The tumour {tumour} has {burden:.1f} mutations per megabase.").format(
                    tumour=tumour, burden=burden
                ),
            }
            for patient, tumour, burden in zip(*columns, strict=True)
        ]
    )


ALTERATION_WORDS: Mapping[str, tuple[str, ...]] = {
    COPY_NUMBER: ("Amplification", "Deletion"),
    FUSION: ("Fusion", "Translocation"),
    SOMATIC: (*dict.fromkeys(TYPE_OF_CLASSIFICATION.values()), ""),
}
"""What ``feature`` and ``alteration_type`` of a table of alterations may be."""


def read_alterations(path: str | Path) -> pd.DataFrame:
    """Findings of tumours from a table ``patient feature gene partner alteration_type [alteration]``.

    Copy numbers and fusions, and mutations of a panel that there is no MAF of: what stands in the table is
    taken to matter. ``feature`` is ``Copy Number``, ``Rearrangement`` (``partner`` the other gene) or
    ``Somatic Variant`` (``alteration`` the protein change, if known).

    Raises:
        InputError: columns that are missing; every row that isn't understood.
    """
    table = read_text_table(path)
    require_columns(table, ["patient", "feature", "gene", "partner", "alteration_type"])
    problems = [
        Problem(table.path, line, "", f"{n} cells", f"{len(table.rows.columns)} cells, as in the header")
        for line, n in table.ragged
    ]
    found: list[dict[str, object]] = []
    for line, row in zip(table.rows.index.tolist(), table.rows.to_dict("records"), strict=True):
        cell = {str(name): str(text).strip() for name, text in row.items()}
        problems += _alteration_problems(table.path, line, cell)
        both = [cell["gene"], cell["partner"]] if cell["partner"] else [cell["gene"]]
        change = one_letter(cell.get("alteration"))
        kind = cell["alteration_type"]
        what = " ".join(filter(None, ("::".join(both), change, kind or ("" if change else "mutated"))))
        loss = kind in TRUNCATING or (cell["feature"] == COPY_NUMBER and kind == "Deletion")
        found += [
            {
                "patient": cell["patient"],
                "feature": cell["feature"],
                "gene": gene,
                "partner": next((other for other in both if other != gene), ""),
                "alteration_type": kind,
                "alteration": change,
                "matters": True,
                "effect": "loss" if loss else "gain" if kind == "Amplification" else "unknown",
                "input_file": table.path,
                "input_line": line,
                "detail": N_("The tumour has {what}.").format(what=what),
            }
            for gene in both
        ]
    if problems:
        raise InputError(problems)
    return finding_table(found)


def _alteration_problems(path: str, line: int, cell: Mapping[str, str]) -> list[Problem]:
    kinds = ALTERATION_WORDS.get(cell["feature"])
    if kinds is None:
        found, expected = visible(cell["feature"]), "one of " + ", ".join(ALTERATION_WORDS)
        return [Problem(path, line, "feature", found, expected, nearest(cell["feature"], ALTERATION_WORDS))]
    problems = []
    if cell["alteration_type"] not in kinds:
        found, expected = visible(cell["alteration_type"]), "one of " + ", ".join(filter(None, kinds))
        problems.append(Problem(path, line, "alteration_type", found, expected))
    problems += [
        Problem(path, line, name, "an empty cell", "text") for name in ("patient", "gene") if not cell[name]
    ]
    return problems
