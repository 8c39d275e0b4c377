# make demo    install, simulate a cohort with planted truth, run the whole workflow, check it against the truth
# make test    install, run all checks
# make help    the other targets

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || echo 2)
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
RUN = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake --snakefile Snakefile --cores $(CORES)

.PHONY: help setup demo test test-all test-quick test-cluster fuzz lint format bench docs lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed  ## install the locked environment into .venv

$(VENV)/.installed: envs/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Endotype needs Python 3.11 or later; set PYTHON=... to one."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing the locked environment into $(VENV) (about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r envs/requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup  ## simulate a cohort, run everything on it, compare with the planted truth
	@mkdir -p $(DEMO)
	@test -f $(DEMO)/cohort/truth.json || \
	  $(BIN)/python scripts/simulate_cohort.py --out $(DEMO)/cohort --seed 1
	@$(BIN)/python scripts/check_inputs.py --config config/demo.yaml --directory $(DEMO)
	@$(BIN)/python scripts/unlock.py --directory $(DEMO) --wait 60 > /dev/null
	@# Small steps: two beside each other end sooner than one on two cores.
	@$(RUN) --directory $(DEMO) --configfile config/demo.yaml --quiet rules reason host \
	  --set-threads associate=1 discover_subtypes=1 2>&1 \
	  | grep --line-buffered -vE '^(Select|Execute|Finished|\[|$$)'
	@echo
	@$(BIN)/python scripts/check_truth.py --truth $(DEMO)/cohort/truth.json --results $(DEMO)/results \
	  --out $(DEMO)/truth_check.json
	@echo
	@echo "Cohort page:      $(DEMO)/results/reports/index.html"
	@echo "A patient report: $(DEMO)/results/reports/P0001/report.html"
	@echo "All results:      $(DEMO)/results/ (docs/results.md says what each file is)"

test: setup lint  ## all checks: format, lint, types, unit tests, whole runs, real cohorts where present
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long"

test-all: setup lint  ## for the night: all checks, longer real cohorts, thirty kills at random moments, a thousand injected faults
	@$(BIN)/python -m pytest -n 2 --dist worksteal

test-quick: setup  ## the quick loop: no whole runs (under two minutes)
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not long and not real"

test-cluster: setup  ## a whole run on a real Slurm of three nodes, with faults (root, Debian; about ten minutes)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && ! [ -x /usr/sbin/slurmctld ]; then \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends slurm-wlm munge; } > /dev/null 2>&1 || true; \
	fi
	@timeout -s INT -k 60 3600 $(BIN)/python -m pytest -m cluster -rs tests/cluster

fuzz: setup  ## 10,000 generated hostile VCFs against the slow twin of normalisation (minutes); SEED=... for others
	@$(BIN)/python -m tests.variants.fuzz --examples 10000 --broken 300 --seed $(or $(SEED),1)

lint: setup  ## ruff, snakefmt, mypy (snakemake --lint is one of the tests)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/snakefmt --check Snakefile workflow/rules
	@$(BIN)/mypy

format: setup  ## rewrite all code in the house style
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format . && $(BIN)/snakefmt Snakefile workflow/rules

bench: setup  ## measure against peers that are installed; writes benchmarks/results/
	@$(BIN)/python -m benchmarks

docs: setup  ## regenerate the reference pages (configuration, benchmark tables)
	@$(BIN)/python scripts/document_config.py
	@$(BIN)/python -m benchmarks.document

lock:  ## resolve the dependencies anew (needs uv); the only step that changes versions
	uv pip compile pyproject.toml --extra dev --extra slurm --extra dask --extra s3 --python-version 3.11 --universal --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links -o envs/requirements.lock
	$(PYTHON) envs/render.py

clean:  ## remove the demo and all caches, not the environment
	rm -rf $(DEMO) .snakemake .pytest_cache .mypy_cache .ruff_cache
	find src scripts tests -name __pycache__ -type d -exec rm -rf {} +
