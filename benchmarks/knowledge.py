"""Joining a cohort's variants with a large source of sites, here and by ``bcftools annotate``, in turn.

    python -m benchmarks.knowledge --variants 100000 --sites 2000000

* ``join``: the hits of a source by exact allele, from the store and in this process, as
  ``annotate_variants`` finds them.
* ``annotate``: the whole of ``annotate_variants``: join, ranking of transcripts, table written as Parquet.
* ``bcftools_annotate``: ``bcftools annotate`` with one thread on the same sites as indexed VCF: the copy in
  the pysam wheel, and that of the system where there is one. ``_cohort``: of the cohort's BCF with
  the genotypes of ``--people`` people, which it has to carry along; ``_sites``: of the variants alone.

All with one thread. Each site has a frequency, a clinical word and a score, all of which are joined. Sites
are simulated SNVs and indels of one contig; the hits of all programs are compared, allele by allele.
Prints ratios (above 1: we are faster), the time to build the store, and the largest memory of that; writes
JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from endotype import bcftools
from endotype.annotation.allele_join import allele_hits
from endotype.annotation.annotate import annotate_variants
from endotype.annotation.consequences import SCHEMA
from endotype.files import to_json, write_json
from endotype.tables import write_arrow, write_parquet

TOP = Path(__file__).parents[1]
_SPACING = 20
_WORDS = np.array(["Benign", "Likely_benign", "Uncertain_significance", "Pathogenic"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", type=int, default=100_000)
    parser.add_argument("--sites", type=int, default=2_000_000)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="JSON file")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), a)
    print(to_json(result), end="")
    if a.out:
        write_json(a.out, result)


def measure(folder: Path, a: argparse.Namespace) -> dict[str, object]:
    """Times in seconds of each round, medians, ratios taken round by round, and the hits."""
    sites = simulate(a.sites)
    write_vcf(folder / "sites.vcf", sites, a.sites)
    cohort = cohort_of(sites, a.variants)
    pysam.tabix_index(str(folder / "sites.vcf"), preset="vcf", keep_original=True)
    for name, people in (("sites", 0), ("cohort", a.people)):
        write_vcf(folder / f"{name}_in.vcf", cohort, a.sites, people)
        bcftools.run("view", "-Ob", "-o", str(folder / f"{name}_in.bcf"), str(folder / f"{name}_in.vcf"))
        bcftools.run("index", str(folder / f"{name}_in.bcf"))
    tables(folder, cohort)
    start = time.perf_counter()
    build = [sys.executable, str(TOP / "scripts" / "build_knowledge.py"), "--assembly", "simulated"]
    source: dict[str, object] = {
        "name": "sites",
        "kind": "table",
        "key": "allele",
        "path": str(folder / "sites.vcf.gz"),
    }
    af, score = ({"from": tag, "type": "number"} for tag in ("AF", "SCORE"))
    source["columns"] = {"af": af, "clnsig": "CLNSIG", "score": score}
    store = ["--sources", json.dumps([source]), "--out", folder / "knowledge"]
    subprocess.run([*build, *map(str, store)], check=True)
    build_seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    join(folder)  # fills the file cache
    rounds, hits = [], {}
    for _ in range(a.repeats):
        row: dict[str, float] = {}
        row["join"], joined = _timed(lambda: join(folder))
        hits["join"] = alleles(joined)
        row["annotate"], _ = _timed(lambda: annotate(folder))
        for name, command in _peers().items():
            row[name], _ = _timed(lambda command=command, name=name: _bcftools(command, name, folder))
            hits[name] = annotated(folder / "out.bcf")
        rounds.append(row)
    hits["annotate"] = annotated_here(folder / "variants.parquet")
    peers = [name for name in rounds[0] if name.startswith("bcftools")]
    return {
        "variants": a.variants,
        "sites": a.sites,
        "hits": {name: len(found) for name, found in hits.items()},
        "hits_identical": all(found == hits["join"] for found in hits.values()),
        "seconds": {k: statistics.median(r[k] for r in rounds) for k in rounds[0]},
        "ratio": {
            f"{peer} / {ours}": statistics.median(r[peer] / r[ours] for r in rounds)
            for ours in ("join", "annotate")
            for peer in peers
        },
        "build_seconds": build_seconds,
        "build_largest_process_megabytes": round(memory),
        "store_megabytes": round((folder / "knowledge/sites.parquet").stat().st_size / 1e6, 1),
        "rounds": rounds,
    }


def simulate(n: int) -> pd.DataFrame:
    """Sites ``pos ref alt af`` in order: nine SNVs of ten, else an insertion or deletion of one base."""
    random = np.random.default_rng(1)
    bases = np.array(list("ACGT"))
    pos = np.arange(1, n + 1) * _SPACING
    ref = random.integers(4, size=n)
    alt = (ref + random.integers(1, 4, size=n)) % 4
    kind = random.random(n)
    frame = pd.DataFrame({"pos": pos, "ref": bases[ref], "alt": bases[alt]})
    longer = frame["ref"] + frame["alt"]
    frame["alt"] = frame["alt"].mask(kind < 0.05, longer)
    deletion = (kind >= 0.05) & (kind < 0.1)
    frame["alt"] = frame["alt"].mask(deletion, frame["ref"])
    frame["ref"] = frame["ref"].mask(deletion, longer)
    frame["af"] = np.round(random.random(n) * 0.999 + 0.0005, 6)
    return frame.assign(score=np.round(random.random(n), 5), clnsig=_WORDS[random.integers(4, size=n)])


def cohort_of(sites: pd.DataFrame, n: int) -> pd.DataFrame:
    """Variants of a cohort: of those drawn from the sites two in five have another allele."""
    random = np.random.default_rng(2)
    cohort = sites.iloc[np.sort(random.choice(len(sites), n, replace=False))].reset_index(drop=True)
    other = random.random(n) < 0.4
    # A longer insertion: no site has it.
    cohort["alt"] = cohort["alt"].mask(other, cohort["ref"] + "GATTACA")
    return cohort


def write_vcf(path: Path, sites: pd.DataFrame, n: int, people: int = 0) -> None:
    """Sites as VCF of one contig, with drawn genotypes of some people."""
    random = np.random.default_rng(3)
    calls = np.array(["0/0", "0/1", "1/1", "./."])
    names = "".join(f"\tP{i}" for i in range(people))
    with path.open("w") as stream:
        stream.write(f"##fileformat=VCFv4.3\n##contig=<ID=1,length={(n + 2) * _SPACING}>\n")
        stream.write('##INFO=<ID=AF,Number=A,Type=Float,Description="frequency">\n')
        stream.write('##INFO=<ID=CLNSIG,Number=.,Type=String,Description="significance">\n')
        stream.write('##INFO=<ID=SCORE,Number=1,Type=Float,Description="score">\n')
        stream.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">\n')
        stream.write(
            "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO" + ("\tFORMAT" if people else "") + names + "\n"
        )
        named = ["pos", "ref", "alt", "af", "clnsig", "score"]
        for pos, ref, alt, af, word, score in sites[named].itertuples(index=False, name=None):
            info = "." if path.name != "sites.vcf" else f"AF={af:g};CLNSIG={word};SCORE={score:g}"
            stream.write(f"1\t{pos}\t.\t{ref}\t{alt}\t.\t.\t{info}")
            if people:
                drawn = calls[random.choice(4, people, p=(0.6, 0.3, 0.09, 0.01))]
                stream.write("\tGT\t" + "\t".join(drawn))
            stream.write("\n")


def tables(folder: Path, cohort: pd.DataFrame) -> None:
    """What the stage before has made of the cohort: variant QC, and effects that were not assessed."""
    frame = cohort[["pos", "ref", "alt"]].assign(chrom="1", kept=True, alt_freq=0.25)
    text = frame.astype("str")
    frame["variant_id"] = "1:" + text["pos"] + ":" + text["ref"] + ":" + text["alt"]
    write_parquet(frame, folder / "variant_qc.parquet")
    effects = frame.assign(consequence_status="not_assessed").reindex(columns=SCHEMA.names)
    write_arrow(pa.Table.from_pandas(effects, SCHEMA, preserve_index=False), folder / "effects.parquet")


def join(folder: Path) -> pa.Table:
    """The variants that the store has, with what it says of them."""
    block = pq.read_table(folder / "variant_qc.parquet", columns=["pos", "ref", "alt"], use_threads=False)
    block = block.append_column("nth", pa.array(range(len(block)), pa.int64()))
    hits = allele_hits(folder / "knowledge/sites.parquet", "1", block)
    found = block.take(hits["nth"])
    for name in ("af", "clnsig", "score"):
        found = found.append_column(name, hits[name])
    return found


def alleles(table: pa.Table) -> set[tuple[int, str, str]]:
    """The alleles of a table."""
    return set(zip(*(table[name].to_pylist() for name in ("pos", "ref", "alt")), strict=True))


def annotate(folder: Path) -> None:
    """The whole table."""
    annotate_variants(
        folder / "variant_qc.parquet",
        [folder / "effects.parquet"],
        folder / "knowledge",
        folder / "variants.parquet",
    )


def annotated_here(path: Path) -> set[tuple[int, str, str]]:
    """The alleles that the table has a frequency of."""
    table = pd.read_parquet(path, columns=["pos", "ref", "alt", "sites__af"]).dropna()
    return set(table[["pos", "ref", "alt"]].itertuples(index=False, name=None))


def _peers() -> dict[str, list[str]]:
    """Each program on each file: name -> its command."""
    programs = {"wheel": [sys.executable, "-m", "endotype.bcftools"]}
    if shutil.which("bcftools"):
        programs["system"] = ["bcftools"]
    return {f"bcftools_annotate_{p}_{f}": c for p, c in programs.items() for f in ("cohort", "sites")}


def _bcftools(command: list[str], name: str, folder: Path) -> None:
    source = folder / f"{name.rpartition('_')[2]}_in.bcf"
    options = ["annotate", "-a", folder / "sites.vcf.gz", "-c", "INFO/AF,INFO/CLNSIG,INFO/SCORE", "-Ob"]
    run = [*command, *map(str, options), "-o", str(folder / "out.bcf"), str(source)]
    subprocess.run(run, check=True, stderr=subprocess.DEVNULL)


def annotated(path: Path) -> set[tuple[int, str, str]]:
    """The alleles that ``bcftools annotate`` gave a frequency."""
    text = bcftools.output(
        "query", "-i", 'AF!="."', "-f", "%POS\\t%REF\\t%ALT\\n", "-o", "/dev/stdout", str(path)
    )
    rows = (line.split("\t") for line in text.splitlines())
    return {(int(pos), ref, alt) for pos, ref, alt in rows}


def _timed(function):  # type: ignore[no-untyped-def]
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    main()
