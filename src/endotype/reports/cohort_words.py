"""Words of codes that the cohort's pages show, marked for the catalogue.

A result file holds a code, such as ``low_call_rate``; a page shows it as words, ``low call rate``, which
:func:`endotype.reports.text.words` translates if they are here.
"""

from __future__ import annotations

from endotype.message import N_

VERDICTS = (N_("pass"), N_("warn"), N_("fail"), N_("not assessed"))

MEASURES = (
    *(N_("call rate"), N_("mean depth"), N_("mean genotype quality"), N_("contamination"), N_("het rate")),
    *(N_("inbreeding"), N_("het hom"), N_("ti tv"), N_("n snv"), N_("n singleton"), N_("indel ratio")),
    *(N_("sex"), N_("x depth ratio"), N_("y depth ratio"), N_("relatedness"), N_("mendelian errors")),
    *(N_("ancestry"), N_("roh")),
)

SEXES = (N_("female"), N_("male"), N_("unknown"), N_("ambiguous"))

RELATIONSHIPS = (
    *(N_("duplicate"), N_("parent child"), N_("full sibling"), N_("second degree"), N_("third degree")),
    N_("unrelated"),
)

REJECTED = (
    *(N_("spanning deletion"), N_("structural end"), N_("ref not acgt"), N_("alt not acgt")),
    *(N_("alt equals ref"), N_("beyond contig"), N_("outside reference"), N_("ref mismatch")),
    *(N_("format length"), N_("genotype range"), N_("shift exceeds margin")),
)
"""Why an allele was set aside."""

FILTERED = (
    *(N_("site filter"), N_("low quality"), N_("hard filter {key!s}"), N_("no calls"), N_("low call rate")),
    *(N_("not carried"), N_("heterozygote excess")),
)
"""Why a variant was left out."""

KINDS = (N_("transition"), N_("transversion"), N_("insertion"), N_("deletion"), N_("several bases"))

COUNTS = (
    *(N_("records in"), N_("multiallelic records"), N_("alleles in"), N_("alleles rejected")),
    *(N_("structural"), N_("monomorphic"), N_("reference blocks"), N_("alleles left aligned")),
    *(N_("duplicates merged"), N_("genotypes in conflict"), N_("joined across files")),
    *(N_("info fields dropped"), N_("half calls"), N_("filled from blocks"), N_("variants normalised")),
    *(N_("variants filtered"), N_("variants kept"), N_("genotypes masked"), N_("quality"), N_("depth")),
    *(N_("balance"), N_("ploidy"), N_("people"), N_("included"), N_("only genotyped"), N_("only clinical")),
    *(N_("near misses"), N_("variant files"), N_("clinical rows"), N_("clinical rows kept")),
    *(N_("clinical rows quarantined"), N_("clinical cells quarantined"), N_("tumours")),
)
"""Names of counts in ``flow.json`` and ``preflight.json``."""

EXCLUDED = (
    *(N_("no clinical record"), N_("sample quality"), N_("closely related to another person")),
    N_("other part of the split"),
)
"""Why a person is in no association test."""

NO_CALL = (
    *(N_("atypical"), N_("no subtypes"), N_("unclassified"), N_("insufficient data")),
    *(N_("out of reference"), N_("failed qc")),
)

ACTIONS = (N_("indicated"), N_("contraindicated"), N_("druggable"))

UNITS = (N_("years"), N_("months"), N_("weeks"), N_("days"))

OUTCOMES = (N_("survival"), N_("death"))

CONFOUNDERS = (N_("clinical"), N_("burden"), N_("site"), N_("age"))

TOPICS = (
    *(N_("consequences"), N_("clinical significance"), N_("population frequency"), N_("gene knowledge")),
    N_("targets"),
)
"""What a run may not have assessed."""
