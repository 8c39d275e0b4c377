"""Words that result files hold as codes, and that a report shows: marked here for the catalogue.

Results of earlier stages are English in every language. A report shows such a word through
:func:`endotype.reports.text.words`, which looks up what stands here; a word that isn't here stays English.
"""

from __future__ import annotations

from endotype.reports.language import ENGLISH, N_, _, language

CONFIDENCE = (N_("established"), N_("likely"), N_("uncertain"), N_("not supported"))

CLINICAL_SIGNIFICANCE = (
    *(N_("Pathogenic"), N_("Likely pathogenic"), N_("Pathogenic/Likely pathogenic")),
    *(N_("Uncertain significance"), N_("Likely benign"), N_("Benign"), N_("Benign/Likely benign")),
    *(N_("Conflicting classifications of pathogenicity"), N_("Conflicting interpretations of pathogenicity")),
    *(N_("drug response"), N_("risk factor"), N_("Established risk allele"), N_("Likely risk allele")),
    *(N_("Uncertain risk allele"), N_("association"), N_("association not found"), N_("protective")),
    *(N_("Affects"), N_("confers sensitivity"), N_("other"), N_("not provided"), N_("low penetrance")),
    *(N_("Pathogenic, low penetrance"), N_("Likely pathogenic, low penetrance")),
)
"""Of ClinVar's aggregate classification."""

REVIEW_STATUS = (
    N_("practice guideline"),
    N_("reviewed by expert panel"),
    N_("criteria provided, multiple submitters, no conflicts"),
    N_("criteria provided, conflicting classifications"),
    N_("criteria provided, conflicting interpretations"),
    N_("criteria provided, single submitter"),
    N_("no assertion criteria provided"),
    N_("no classification provided"),
    N_("no assertion provided"),
)

CLASSES = (
    *(N_("pathogenic"), N_("likely pathogenic"), N_("uncertain significance"), N_("likely benign")),
    *(N_("benign"), N_("not classified"), N_("predicted damaging"), N_("classified pathogenic")),
    N_("other clinical"),
)

STRENGTHS = (N_("very strong"), N_("strong"), N_("moderate"), N_("supporting"), N_("stand alone"))

ZYGOSITY = (
    *(N_("heterozygous"), N_("homozygous"), N_("hemizygous"), N_("homoplasmic")),
    *(N_("homozygous or hemizygous"), N_("mixed call on a haploid chromosome")),
)

CONSEQUENCES = (
    *(N_("transcript ablation"), N_("splice acceptor variant"), N_("splice donor variant")),
    *(N_("stop gained"), N_("frameshift variant"), N_("stop lost"), N_("start lost")),
    *(N_("inframe insertion"), N_("inframe deletion"), N_("missense variant")),
    *(N_("protein altering variant"), N_("splice donor 5th base variant"), N_("splice region variant")),
    *(N_("splice donor region variant"), N_("splice polypyrimidine tract variant")),
    *(N_("incomplete terminal codon variant"), N_("start retained variant"), N_("stop retained variant")),
    *(N_("synonymous variant"), N_("coding sequence variant"), N_("mature miRNA variant")),
    *(N_("5 prime UTR variant"), N_("3 prime UTR variant"), N_("non coding transcript exon variant")),
    *(N_("intron variant"), N_("NMD transcript variant"), N_("non coding transcript variant")),
    *(N_("upstream gene variant"), N_("downstream gene variant"), N_("intergenic variant")),
    N_("consequence not assessed"),
    N_("consequence not known"),
    N_("clinically significant"),
)
"""Of the Sequence Ontology, as the annotation stage gives them."""

IMPACT = (N_("HIGH"), N_("MODERATE"), N_("LOW"), N_("MODIFIER"))

MUTATIONS = (
    *(N_("Missense Mutation"), N_("Nonsense Mutation"), N_("Nonstop Mutation"), N_("Silent")),
    *(N_("Frame Shift Del"), N_("Frame Shift Ins"), N_("In Frame Del"), N_("In Frame Ins")),
    *(N_("Splice Site"), N_("Splice Region"), N_("Translation Start Site")),
    *(N_("somatic"), N_("germline"), N_("somatic or germline"), N_("hypermutated"), N_("not hypermutated")),
)
"""Kinds of a MAF file, and where a mutation comes from."""

MODES = {
    "AD": N_("autosomal dominant"),
    "AR": N_("autosomal recessive"),
    "XL": N_("X-linked"),
    "XLD": N_("X-linked dominant"),
    "XLR": N_("X-linked recessive"),
    "MT": N_("mitochondrial"),
    "YL": N_("Y-linked"),
}
"""Modes of inheritance. Their codes are no messages: AR is a gene, too."""

ORIGINS = (
    *(N_("de novo"), N_("maternal"), N_("paternal"), N_("biparental"), N_("inherited"), N_("unknown")),
    *(N_("trans"), N_("cis"), N_("phase unknown")),
)

TARGETS = (
    *(N_("indicated"), N_("contraindicated"), N_("druggable")),
    *(N_("carried variant"), N_("tumour variant"), N_("subtype"), N_("association")),
    *(N_("same"), N_("not stated"), N_("sensitivity"), N_("resistance"), N_("target table")),
)

VERDICTS = (
    *(N_("pass"), N_("warn"), N_("fail"), N_("flagged"), N_("no limit"), N_("not assessed")),
    *(N_("present"), N_("absent"), N_("missing"), N_("set aside"), N_("assessed")),
    *(N_("inside"), N_("outside"), N_("not in model")),
)

CALLS = (
    *(N_("called"), N_("no call"), N_("ambiguous"), N_("atypical"), N_("unclassified"), N_("failed qc")),
    *(N_("insufficient data"), N_("out of reference"), N_("no subtypes")),
)
"""Calls of a subtype, and why there is none."""

PEOPLE = (
    *(N_("female"), N_("male"), N_("other"), N_("unknown"), N_("undetermined"), N_("not given")),
    *(N_("preliminary"), N_("final"), N_("amended"), N_("without a status")),
    *(N_("given"), N_("refused"), N_("not recorded"), N_("not declared"), N_("not named")),
    *(N_("included"), N_("only genotyped"), N_("only clinical")),
    *(N_("parent child"), N_("full sibling"), N_("second degree"), N_("third degree"), N_("first degree")),
    *(N_("duplicate"), N_("unrelated"), N_("twin"), N_("half sibling"), N_("grandparent")),
)

CHANGES = (N_("appeared"), N_("disappeared"), N_("changed"))

SOURCES = (
    *(N_("clinical significance"), N_("population frequency"), N_("genes"), N_("gene model"), N_("targets")),
    *(N_("conservation"), N_("constraint"), N_("hotspots"), N_("secondary findings"), N_("endotype")),
)
"""Kinds of knowledge."""

CLAIMS = (
    *(N_("quality"), N_("identity"), N_("variant"), N_("target"), N_("subtype"), N_("association")),
    N_("polygenic score"),
)

COLUMNS = (
    *(N_("id"), N_("type"), N_("text"), N_("confidence"), N_("confidence number"), N_("confidence value")),
    *(N_("evidence"), N_("input"), N_("limits"), N_("claim"), N_("variant id"), N_("gene"), N_("hgvs g")),
    *(N_("hgvs c"), N_("hgvs p"), N_("consequence"), N_("impact"), N_("zygosity"), N_("genotype")),
    *(N_("origin"), N_("group"), N_("reasons"), N_("review stars"), N_("condition"), N_("class")),
    *(N_("points"), N_("class 2015"), N_("criteria met"), N_("population status"), N_("population af")),
    *(N_("cohort af"), N_("disease"), N_("inheritance"), N_("transcript"), N_("chrom"), N_("pos")),
    *(N_("ref"), N_("alt"), N_("what"), N_("value"), N_("finding"), N_("number"), N_("chapter")),
    *(N_("topic"), N_("reason"), N_("part"), N_("how"), N_("key findings"), N_("note"), N_("run")),
    *(N_("simulated"), N_("failure"), N_("name"), N_("label"), N_("threshold"), N_("cohort median")),
    *(N_("verdict"), N_("explanation"), N_("intervention"), N_("action"), N_("tier"), N_("score")),
    *(N_("rank"), N_("rank low"), N_("rank high"), N_("probability top3"), N_("link"), N_("detail")),
    *(N_("source"), N_("source version"), N_("source record"), N_("level"), N_("direction")),
    *(N_("alteration"), N_("alteration match"), N_("disease match"), N_("safety"), N_("n evidence")),
    *(N_("sources"), N_("stable without source"), N_("trait"), N_("kind"), N_("effect allele"), N_("eaf")),
    *(N_("beta"), N_("se"), N_("neg log10 p"), N_("n"), N_("alleles"), N_("effect"), N_("status")),
    *(N_("statement"), N_("call"), N_("posterior"), N_("second subtype"), N_("second posterior")),
    *(N_("typicality"), N_("typicality limit"), N_("posterior limit"), N_("information")),
    *(N_("information limit"), N_("ancestry"), N_("unusable"), N_("warnings"), N_("n in subtype")),
    *(N_("posteriors"), N_("compared with"), N_("features"), N_("feature"), N_("survival"), N_("position")),
    *(N_("description"), N_("unit"), N_("percentile"), N_("quantiles"), N_("is rate"), N_("subtype half")),
    *(N_("subtype mean"), N_("cohort mean"), N_("standardised difference"), N_("outcome"), N_("time")),
    *(N_("events"), N_("estimate"), N_("low"), N_("high"), N_("cohort estimate"), N_("cohort n")),
    *(N_("share"), N_("groups"), N_("patient"), N_("centre"), N_("sides"), N_("angle"), N_("looked at")),
    *(N_("n loci"), N_("sex"), N_("declared"), N_("inferred"), N_("in statistics"), N_("relatives")),
    *(N_("relatives status"), N_("relationship"), N_("kinship"), N_("claims"), N_("metrics")),
    *(N_("sex declared"), N_("sex inferred"), N_("in genotypes"), N_("in clinical"), N_("n tumours")),
    *(N_("sample"), N_("consent secondary findings"), N_("consent research"), N_("accuracy"), N_("items")),
    *(N_("measured in"), N_("of"), N_("version"), N_("file"), N_("where"), N_("language"), N_("assembly")),
    *(N_("knowledge"), N_("endotype version"), N_("config sha256"), N_("n people"), N_("n variants")),
    *(N_("documented as"), N_("consent"), N_("list"), N_("n genes"), N_("caveat"), N_("match")),
    *(N_("clinical"), N_("polygenic scores"), N_("tumours"), N_("tumour"), N_("mutations"), N_("variants")),
    *(N_("associations"), N_("changes"), N_("methods"), N_("role"), N_("set aside"), N_("previous")),
    *(N_("hypermutation"), N_("n mutations"), N_("mutations per megabase"), N_("n more")),
    *(N_("protein change"), N_("classification"), N_("vaf"), N_("alt reads"), N_("depth"), N_("n patients")),
    *(N_("before"), N_("after"), N_("found"), N_("expected"), N_("suggestion"), N_("haplotype"), N_("phase")),
    *(N_("feature"), N_("trait"), N_("covariate"), N_("confounder"), N_("outcome"), N_("category")),
    *(N_("binary"), N_("count"), N_("rule"), N_("record"), N_("key"), N_("meaning"), N_("settings")),
)
"""Columns of the sheets, and the names that parts of ``report.json`` have in them."""

FEATURES = (N_("{mechanism} carrier"),)

ACCURACY = (
    N_(
        "Measured with version {version}. All phenotypes were simulated; no number says anything about a "
        "disease."
    ),
    N_("simulated cohort of {n} patients with planted truth (make demo)"),
    N_("{name}: {n} people of the 1000 Genomes Project, {variants} variants"),
    N_("adjusted Rand index of {n} called patients"),
    N_("agreement of calls with the planted subtypes"),
    N_("carriers of planted pathogenic variants found"),
    N_("causal variants of three traits found"),
    N_("compound heterozygotes found"),
    N_("contaminated samples found"),
    N_("continental group told from ancestry axes"),
    N_("loci found for traits without a cause"),
    N_("loci"),
    N_("new variants in a trio found"),
    N_("pairs above kinship {limit} that another program finds"),
    N_("pathogenic findings that stand in the right reports"),
    N_("patients of no planted subtype who got no call"),
    N_("planted subtypes found"),
    N_("protein changes named right"),
    N_("sex told from genotypes"),
    N_("targets by subtype found"),
    N_("targets by variant or gene found"),
)
"""Around the figures of ``resources/accuracy.json``."""


def mode_of_inheritance(code: str) -> str:
    """The code of a mode of inheritance, such as ``AR``, as the current language has it."""
    return code if language() == ENGLISH or code not in MODES else _(MODES[code])
