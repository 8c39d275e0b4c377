"""The design of a run: read from the tables of the stages before, restricted, checked and written down."""

from __future__ import annotations

from pathlib import Path

from endotype.association.covariate_faults import name_faults
from endotype.association.design import build_design
from endotype.association.split import Split, take_part
from endotype.files import read_json, write_json
from endotype.tables import read_parquet, write_parquet


def prepare_design(
    clinical: str | Path,
    dictionary: str | Path,
    people: str | Path,
    sample_qc: str | Path,
    relatedness: str | Path,
    ancestry: str | Path,
    out: str | Path,
    *,
    max_kinship: float,
    n_components: int,
    split: Split | None = None,
    part: str = "",
) -> None:
    """Write ``design.parquet`` and ``design.json`` of a cohort into the folder ``out``.

    People are in the order of ``sample_qc``, which is that of the genotypes. With ``split`` only its ``part``
    is analysed, when relatives are left out already. ``design.json`` has what is wrong with the design under
    ``faults``.
    """
    design = build_design(
        read_parquet(clinical),
        read_json(dictionary),
        read_parquet(people),
        read_parquet(sample_qc),
        read_parquet(relatedness),
        read_parquet(ancestry),
        max_kinship=max_kinship,
        n_components=n_components,
    )
    if split is not None:
        design = take_part(design, split, part)
    design = name_faults(design)
    write_parquet(design.frame, Path(out) / "design.parquet")
    write_json(Path(out) / "design.json", design.info)
