# Needs make and Python 3.11 or newer; everything else is found or fetched, into .venv and the
# user's cache. `make help` lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
OLDEST := 3.11

# The first interpreter that runs and is new enough; `make PYTHON=/path/to/python` names another.
ifndef PYTHON
PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; exit; }; \
	done; echo none)
endif

say = @printf '\n== %s\n' "$(1)"

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## run the MPIJob specs on the real operator and an embedded control plane
	$(call say,kspec run specs/mpi: the first run builds the operator with Go)
	$(BIN)/kspec run specs/mpi --cluster embedded --junit out/junit.xml

.PHONY: test
test: setup ## run all checks and tests
	$(call say,ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(call say,mypy)
	$(BIN)/mypy
	$(call say,import-linter: the layers)
	$(BIN)/lint-imports
	$(call say,the JSON Schema is the one that the code makes)
	@mkdir -p out
	@$(BIN)/kspec schema > out/kspec.schema.json
	@diff -u schemas/kspec.schema.json out/kspec.schema.json || { \
		echo "out of date: write it with '$(BIN)/kspec schema > schemas/kspec.schema.json'"; exit 1; }
	$(call say,pytest)
	$(BIN)/pytest --durations=10

.PHONY: bench
bench: setup ## measure, and print the figures
	$(BIN)/python bench/controlplane.py

.PHONY: setup
setup: $(INSTALLED) ## what demo and test do first: .venv and the control plane's program
	$(call say,the control plane (a cold build takes about 10 minutes and 8 GB of cache on 2 cores; later ones are quick))
	$(BIN)/python controlplane/build.py

$(INSTALLED): pyproject.toml
	@[ "$(PYTHON)" != none ] || { echo "kspec needs Python $(OLDEST) or newer; none is on the PATH" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "kspec needs Python $(OLDEST) or newer; $(PYTHON) is older or does not run" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(call say,Python packages for .venv)
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --progress-bar off --editable . --group dev
	@touch $@

.PHONY: clean
clean: ## remove .venv and what tests and runs wrote here; caches in the home directory stay
	rm -rf $(VENV) out dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find src tests bench controlplane -name __pycache__ -type d -prune -exec rm -rf {} +
