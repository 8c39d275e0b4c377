# What all rules share: the completed configuration, the inputs as the preflight understood them, and how a
# script is called. All checks of the inputs run here, before any DAG is built.
import json
import os
import shlex
import sys
from pathlib import Path

REPOSITORY = Path(workflow.basedir)
if str(REPOSITORY / "src") not in sys.path:
    sys.path.insert(0, str(REPOSITORY / "src"))

from endotype.annotation.acmg.inputs import settings_of
from endotype.association.prediction_list import prediction_files
from endotype.command import put_python_first
from endotype.cohort.knowledge_sources import describe_sources
from endotype.cohort.plan import keep_plan, plan_of, recall_plan
from endotype.cohort.preflight import preflight
from endotype.cohort.shards import shards
from endotype.config import complete
from endotype.digest import source_state
from endotype.engine import hand_on
from endotype.errors import InputError
from endotype.failures import digest, read_logs
from endotype.files import content_digest
from endotype.later_inputs import later_readers
from endotype.provenance.events import end_job_records, keep_job_records
from endotype.provenance.stability import write_stability
from endotype.reports.batches import batch_of
from endotype.subtypes.views.settings import view_files

put_python_first()
shell.prefix(
    "set -euo pipefail; "
    f"export PYTHONPATH={shlex.quote(str(REPOSITORY / 'src'))} PYTHONHASHSEED=0 MPLBACKEND=agg "
    "OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1; "
)


def stop(error):
    """End with the page of problems and exit code 2, as the scripts do."""
    print(f"endotype: {error}", file=sys.stderr, flush=True)
    os._exit(2)


try:
    CONFIG = complete(
        {key: value for key, value in config.items() if key != "_"},
        " ".join(map(str, workflow.configfiles)) or "config",
    )
    # A job of a cluster takes the word of the run that submitted it, whose Snakemake checked all inputs.
    PLAN = Path(".snakemake", "endotype", "plan.json")
    SOURCES_STATE = source_state(REPOSITORY / "src", REPOSITORY / "scripts")
    COHORT = None if workflow.is_main_process else recall_plan(PLAN, CONFIG, SOURCES_STATE)
    if COHORT is None:
        COHORT = plan_of(preflight(CONFIG, later_readers(CONFIG)), REPOSITORY / "scripts")
        if workflow.is_main_process:
            keep_plan(PLAN, CONFIG, SOURCES_STATE, COHORT)
except InputError as error:
    stop(error)

# Where blocks are computed says nothing of what they give: it is no parameter and stands in no record.
hand_on(CONFIG.pop("engine"))
CONFIG_JSON = json.dumps(CONFIG, sort_keys=True)
REFERENCE = CONFIG["reference"]
KNOWLEDGE = CONFIG["knowledge"]
ACMG = CONFIG["acmg"]
GWAS_SSF = CONFIG["association"]["gwas_ssf"]
SOURCES = describe_sources(KNOWLEDGE["sources"], "knowledge: sources")
KNOWLEDGE_FILES = [
    path
    for path in [
        *[KNOWLEDGE[key] for key in ("clinical_significance", "population_frequency", "genes", "targets")],
        *[path for source in SOURCES for path in source.paths],
        *[ACMG[key] for key in ("thresholds", "regions", "overrides")],
    ]
    if path
]
KNOWLEDGE_TABLES = ["clinical_significance", "population_frequency", "genes", *[s.name for s in SOURCES]]
PANEL = CONFIG["sample_qc"]["reference_panel"]
PANEL_FILES = [f"{PANEL['genotypes']}{end}" for end in (".bed", ".bim", ".fam")] if PANEL else []
PREDICTIONS = prediction_files(CONFIG["association"])
FASTA = REFERENCE["fasta"] or []
GENES = REFERENCE["genes"] if REFERENCE["fasta"] and REFERENCE["genes"] else []
SECONDARY_GENES = (
    [CONFIG["reports"]["secondary_genes"]["path"]] if CONFIG["reports"]["secondary_genes"] else []
)
PATIENTS = COHORT.patients
VARIANT_FILES = COHORT.variant_files
COVERAGE_FILES = COHORT.coverage_files
TUMOUR_FILES = COHORT.tumour_files
SHARDS = {s.name: s for s in shards(COHORT.contigs, CONFIG["variants"]["shard_size"])}
TRAITS = COHORT.traits
CODE_DIGESTS = set()
# What the sheets and the variant files hold: after a clock was wrong, an edit may look older than its results.
SHEETS = [
    path
    for path in map(CONFIG["inputs"].get, ("samples", "clinical", "dictionary", "pedigree", "tumours"))
    if path
]
INPUT_CONTENT = f"{content_digest(SHEETS)} {COHORT.fingerprints}"


wildcard_constraints:
    shard="|".join(SHARDS) or "none",
    file=r"\d+",


def script(name):
    """The path of a command, quoted for the shell."""
    return shlex.quote(str(REPOSITORY / "scripts" / name))


def code(name):
    """Digest of a command and of the library code behind it: an edit re-runs the rules it touches."""
    digest = COHORT.codes[name]
    CODE_DIGESTS.add(f"{name} {digest}")
    return digest


def region(wildcards):
    """The window of a shard as CHROM:START-END."""
    shard = SHARDS[wildcards.shard]
    return f"{shard.chrom}:{shard.start}-{shard.end}"


def shard_files(wildcards):
    """Numbers of the variant files that have records on the contig of a shard."""
    chrom = SHARDS[wildcards.shard].chrom
    return [i for i, contigs in enumerate(COHORT.contigs_of_file) if chrom in contigs]


def shard_inputs(wildcards):
    """The prepared variant files that a shard is read from."""
    return [f"results/variants/inputs/{i}" for i in shard_files(wildcards)]


def shard_variant_files(wildcards):
    """The user's files behind them: some are read where they are."""
    return [VARIANT_FILES[i] for i in shard_files(wildcards)]


def option(flag, value):
    """A command line option, or nothing when it has no value."""
    return f"{flag} {shlex.quote(str(value))}" if value else ""


def split_options():
    """Options of the part of the people that association is restricted to."""
    split = CONFIG["association"]["split"]
    if split is None:
        return ""
    return f"--split-salt {shlex.quote(split['salt'])} --split-share {split['share']} --part {split['part']}"


def label_options():
    """Published classes that subtypes are compared with, or that are learnt."""
    settings = CONFIG["subtypes"]
    if settings["labels"] is None:
        return ""
    words = [
        f"--labels={shlex.quote(settings['labels'])}",
        "--learn-labels" if settings["learn_labels"] else "",
    ]
    return " ".join(words + [f"--unclassified={shlex.quote(label)}" for label in settings["unclassified"]])


def previous_reports(patients):
    """Reports of an earlier run about these patients, as far as there are any."""
    folder = CONFIG["reports"]["previous"]
    paths = [Path(folder) / patient / "report.json" for patient in patients] if folder else []
    return [str(path) for path in paths if path.is_file()]


def deleted_reports(patients_of_batch):
    """Reports and pages of finished batches that are not there any more.

    Snakemake doesn't miss a file as long as what was made from it is there. What a user deletes is asked for
    by name.
    """
    finished = [
        patients
        for batch, patients in sorted(patients_of_batch.items())
        if Path(f"results/reports/failures/render_{batch}.tsv").is_file()
    ]
    return [
        path
        for patients in finished
        for path in collect(
            "results/reports/{patient}/report.{form}", patient=patients, form=["json", "html"]
        )
        if not Path(path).is_file()
    ]


def account():
    """Write how steadily the run went, over all sessions so far; a fault in that is no fault of the run."""
    end_job_records()
    try:
        write_stability(".")
    except (InputError, OSError) as error:
        print(f"endotype: stability.json was not written: {error}", file=sys.stderr)


def failure_digest(snakemake_log):
    """What failed, why, and how to go on: the last words of a run that stops."""
    return digest(read_logs(snakemake_log), os.getcwd())
