"""Where a command takes its people, traits and covariates from: a design of the workflow, or sheets."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from endotype.association.covariate_faults import name_faults
from endotype.association.design import Design, read_design
from endotype.association.rank_normal import transform_traits
from endotype.association.sheets import design_from_sheets
from endotype.association.split import Split, take_part
from endotype.errors import input_error, visible


@dataclass(frozen=True)
class DesignSource:
    """What the command line says of people, traits and covariates.

    Attributes:
        design, design_info: ``design.parquet`` and ``design.json`` of the workflow, both or neither.
        phenotypes, covariates: sheets, where there is no design.
        traits: columns of ``phenotypes``.
        event: column of ``phenotypes`` that says whether the time in the one trait ended with the event.
        entry: column of ``phenotypes``, when a person came under observation.
        rank_normal: make quantitative traits of sheets normal by rank.
        split, part: analyse only one part of the people.
    """

    design: str | Path | None = None
    design_info: str | Path | None = None
    phenotypes: str | Path | None = None
    covariates: str | Path | None = None
    traits: tuple[str, ...] = ()
    event: str | None = None
    entry: str | None = None
    rank_normal: bool = False
    split: Split | None = None
    part: str = ""

    @property
    def from_sheets(self) -> bool:
        """Whether the traits come from sheets."""
        return self.design is None

    def load(self, people: pd.DataFrame, *, linear: bool = False) -> Design:
        """Read it.

        Args:
            people: columns ``fid iid``, in the order of the .fam.
            linear: take traits of two values for quantitative ones.

        Raises:
            InputError: an infinite value; neither a design nor sheets, or both; or what
                :func:`~endotype.association.sheets.design_from_sheets` finds.
        """
        given = {
            "--design": self.design,
            "--design-info": self.design_info,
            "--pheno": self.phenotypes,
            "--covar": self.covariates,
        }
        named = [option for option, value in given.items() if value is not None]
        if named == ["--design", "--design-info"]:
            assert self.design is not None and self.design_info is not None
            design = read_design(self.design, self.design_info)
        elif self.phenotypes is not None and self.traits and not set(named) & {"--design", "--design-info"}:
            design = design_from_sheets(
                people["iid"],
                self.phenotypes,
                self.covariates,
                list(self.traits),
                self.event,
                people["fid"],
                entry=self.entry,
                linear=linear,
            )
        else:
            found = " and ".join([*named, *(["--trait"] if self.traits else [])]) or "neither"
            raise input_error(
                "command line", found, "--design and --design-info, or --pheno and --trait (and --covar)"
            )
        if self.split is not None:
            design = take_part(design, self.split, self.part)
        design = name_faults(design)
        if self.rank_normal:
            quantitative = [t for t in design.traits if design.info["traits"][t]["type"] == "linear"]
            design = transform_traits(design, quantitative)
        return design


def tell_faults(design: Design) -> None:
    """Say on stderr what is wrong with a design but doesn't end the run: covariates dropped, strata."""
    for fault in design.info.get("faults", []):
        if fault["effect"] != "trait_not_assessed":
            trait = f"{visible(fault['trait'])}: " if fault["trait"] else ""
            print(
                f"{fault['effect'].replace('_', ' ')}: {trait}{visible(fault['columns'])}: {fault['detail']}",
                file=sys.stderr,
            )
