"""Render docs/benchmarks.md from the recorded results of association: ``python -m benchmarks.document``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.association import CASES
from endotype.files import read_json, write_text

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

HEAD = """# Association: speed and memory

Rendered from the recorded results (`benchmarks/results/`) by `make docs`; `make bench` measures anew, with
the peers that are installed. Data are simulated. A ratio above 1 means that Endotype is faster; ratios are
medians of rounds in which the programs ran in turn. Times move by some ten per cent between runs of one
machine, and more between machines.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PAGE)
    write_text(parser.parse_args().out, render(RESULTS))


def render(folder: Path) -> str:
    """The page; a chapter for each result that was recorded."""
    chapters = {
        "association": _commands,
        "packed_scan": _growth,
        "binary": _binary,
        "set_tests": _sets,
        "subtypes": _subtypes,
        "dask_engine": _dask,
        "reports": _reports,
    }
    text = [HEAD]
    for name, chapter in chapters.items():
        path = folder / f"{name}.json"
        if path.is_file():
            text.append(chapter(read_json(path)))
    return "\n".join(text)


def _reports(result: dict[str, Any]) -> str:
    steps = {"json": "`report.json`", "html": "page", "pdf": "page and PDF", "all": "all forms"}
    rows = [
        [steps[name], _number(step["seconds"]), _number(step["cpu_seconds"]), f"{step['peak_mb']:.0f}"]
        for name, step in result["steps"].items()
    ]
    table = _table(["what is made", "seconds", "of CPU", "peak MB of a job"], rows)
    return (
        f"## Reports of {result['patients']:,} patients\n\n{_machine(result['machine'])}\n\n"
        f"`python -m benchmarks.reports`: {result['batches']} batches on {result['cores']} cores, with the "
        "starts of the programs. Forms are rendered from `report.json`, so the time of a run is that of the "
        f"first row and of one other.\n\n{table}"
    )


def _dask(result: dict[str, Any]) -> str:
    rows = [
        [
            case["name"],
            *[_number(case["seconds"][engine]) for engine in ("1 thread", "2 threads", "2 workers")],
            _number(case["ratio"]),
            _number(case["killed"]),
            f"{case['worker_megabytes']:.0f}",
        ]
        for case in result["cases"]
    ]
    crash, memory = (result["bad"][kind] for kind in ("Deadly", "Hungry"))
    return "\n".join(
        [
            "## Blocks on a Dask scheduler\n",
            f"Wall seconds for {result['people']:,} people and {result['variants']:,} variants (Firth: "
            "4,000; sets: of 2,000), in this process and on two workers of the same machine that are there "
            f"already ({result['start']:.1f} s to start). *Ratio:* workers to threads. *Killed:* "
            "one worker by SIGKILL on the way. *MB:* the most that a worker has had so far. All results of a "
            "row have one sha256. [More](dask.md).\n",
            _table(["step", "1 thread", "2 threads", "2 workers", "ratio", "killed", "MB"], rows),
            f"A block that kills its worker was named after {crash['seconds']:.0f} s and {crash['workers']} "
            f"workers; one that wants 1 GB in workers of 1 GiB after {memory['seconds']:.0f} s and "
            f"{memory['workers']}.\n",
            _machine(result["machine"]),
        ]
    )


def _machine(found: dict[str, Any]) -> str:
    known = {k: v for k, v in found.items() if k not in ("processor", "cores", "load")}
    versions = ", ".join(f"{name} {version}" for name, version in known.items())
    return (
        f"*Machine:* {found['processor']}, {found['cores']} cores, load before {found['load']}; {versions}.\n"
    )


def _commands(result: dict[str, Any]) -> str:
    rows = []
    cases = {name: result["cases"][name] for name in CASES if name in result["cases"]}
    for name, case in cases.items():
        for peer in case["ratio"] or [""]:
            rows.append(
                [
                    name,
                    _number(case["seconds"]["ours"]),
                    _number(case["seconds"]["start"]),
                    f"{case['megabytes']['ours']:.0f}",
                    peer,
                    _number(case["seconds"].get(peer)),
                    _ratio(case["ratio"].get(peer)),
                    _ratio(case["ratio_without_start"].get(peer)),
                ]
            )
    one, fifty = (result["cases"].get(f"linear, 1 % missing{more}") for more in ("", ", 50 traits"))
    two = result["cases"].get("linear, 1 % missing, 2 threads")
    notes = []
    if one and fifty:
        work = [c["cpu_seconds"]["ours"] - c["cpu_seconds"]["start"] for c in (one, fifty)]
        notes.append(
            f"50 traits of the same people cost {fifty['seconds']['ours'] / one['seconds']['ours']:.1f} "
            f"times one "
            f"({work[1] / work[0]:.1f} times without the start; 50 times as many rows are written)."
        )
    if one and two:
        work = [c["seconds"]["ours"] - c["seconds"]["start"] for c in (one, two)]
        notes.append(f"Two threads are {work[0] / work[1]:.2f} times as fast as one, without the start.")
    agreement = [_agreement(name, case) for name, case in cases.items()]
    return "\n".join(
        [
            "## Whole commands\n",
            f"{result['people']:,} people, {result['variants']:,} variants (44 % with a minor allele "
            f"frequency below 1 %; "
            f"*many*: five times as many), {result['covariates']} covariates. *Start* is our command on "
            f"ten variants: Python, "
            "imports, compiled kernels from their cache, sheets. *Without start* is the ratio of "
            "processor times with it taken off.\n",
            _table(
                ["case", "s", "of it start", "MB", "peer", "s", "ratio", "without start"],
                rows,
            ),
            *[note + "\n" for note in notes],
            *filter(None, agreement),
            _machine(result["machine"]),
        ]
    )


def _agreement(name: str, case: dict[str, Any]) -> str:
    if "largest_relative_difference" in case:
        worst = max(case["largest_relative_difference"].values())
        return (
            f"*{name}*: largest relative difference of beta, SE and p over {case['compared']:,} "
            f"variants {worst:.1e} "
            "(plink2 prints six digits).\n"
        )
    if "significant" in case:
        parts = [
            f"p < {level}: {found['both']} in both, {found['ours only']} here only, "
            f"{found['theirs only']} there only"
            for level, found in sorted(case["significant"].items(), key=lambda item: -float(item[0]))
        ]
        return (
            f"*{name}*: " + "; ".join(parts) + ". Rows tested by Wald here and there have equal p; "
            "where Firth's test "
            "answers, ours is a likelihood ratio and plink2's is Wald's.\n"
        )
    return ""


def _growth(result: dict[str, Any]) -> str:
    rows = [
        [
            f"{row['people']:,}",
            str(row["covariates"]),
            str(row["traits"]),
            f"{row['missing']:.0%}",
            row["kind"],
            _number(row["scan"]),
            _number(row["gemm"]),
            _number(row["memory"]),
            f"{row['speedup_of_2_threads']:.2f}",
        ]
        for row in result["cases"]
    ]
    return "\n".join(
        [
            "## Growth, and distance from the machine's limits\n",
            "Microseconds of one core for one variant, scores only. *GEMM* is what one matrix product "
            "in double precision would take "
            "for the same sums if genotypes were unpacked already; *memory* what reading the packed "
            "genotypes once takes.\n",
            _table(
                ["people", "covariates", "traits", "missing", "model", "scan", "GEMM", "memory", "2 threads"],
                rows,
            ),
            _machine(result["machine"]),
        ]
    )


def _binary(result: dict[str, Any]) -> str:
    names = list(next(iter(result["by_cases"].values()))["refined"])
    rows = [
        [
            f"{float(cases):.0%}",
            _number(found["screen"]),
            *[f"{found['refined'][name]:,.0f}" for name in names],
        ]
        for cases, found in result["by_cases"].items()
    ]
    return "\n".join(
        [
            "## Tests of a binary trait\n",
            f"Microseconds of one core: the score test for any variant, the others for one that it has "
            f"picked (p < 0.05); "
            f"{result['people']:,} people, {result['covariates']} covariates, {result['missing']:.0%} "
            f"missing.\n",
            _table(["cases", "score", *names], rows),
            _machine(result["machine"]),
        ]
    )


def _sets(result: dict[str, Any]) -> str:
    kinds = result["milliseconds_a_set"]
    names = list(dict.fromkeys(step for steps in kinds.values() for step in steps))
    rows = [
        [name, *[f"{steps[name]:.3f}" if name in steps else "" for steps in kinds.values()]] for name in names
    ]
    peer = result.get("peer") or {}
    note = [f"{name}: {value}\n" for name, value in peer.items()] if isinstance(peer, dict) else []
    return "\n".join(
        [
            "## Tests of sets\n",
            f"Milliseconds of one core for one set of {result['variants_in_a_set']} variants; "
            f"{result['people']:,} people, "
            f"{result['covariates']} covariates, {result['missing']:.0%} missing. *whole* includes "
            f"reading the genotypes.\n",
            _table(["step", *kinds], rows),
            *note,
            _machine(result["machine"]) if "machine" in result else "",
        ]
    )


def _subtypes(result: dict[str, Any]) -> str:
    fused, resampled = result["fusion"], result["consensus"]
    rows = [[name, _number(value)] for name, value in fused["seconds"].items()]
    peers = [["R: " + name, _number(value), ""] for name, value in resampled["peer_seconds"].items()]
    apart = resampled["largest_difference_of_consensus"]
    return "\n".join(
        [
            "## Subtypes\n",
            f"Similarity network fusion of {fused['patients']:,} patients in {len(fused['features'])} views "
            f"({', '.join(map(str, fused['features']))} features), {fused['threads']} threads, wall seconds; "
            f"{_number(fused['seconds_in_all'])} in all, {fused['peak_megabytes']:,.0f} MB at most.\n",
            _table(["step", "s"], rows),
            f"Consensus clustering of {resampled['patients']:,} patients with {resampled['features']} "
            f"features, {resampled['resamples']} resamples, {resampled['groups'][0]} to "
            f"{resampled['groups'][1]} groups, with the final groups: average linkage (hc) and k-means (km). "
            "The ratio is to the clustering and counting of R's program alone, without its plots and final "
            "groups; it starts k-means once.\n",
            _table(
                ["program", "s", "ratio"],
                [
                    *[
                        [name, _number(value), _ratio(resampled["ratio"].get(name))]
                        for name, value in resampled["seconds"].items()
                    ],
                    *peers,
                ],
            ),
            f"*Peer:* {resampled['peer']}."
            + ("" if apart is None else f" On its own resamples, consensus differs by at most {apart:.1e}.")
            + "\n",
            _machine(result["machine"]),
        ]
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


if __name__ == "__main__":
    main()
