# Two commands do all their own set-up: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: demo test check walk clean

demo: $(VENV)/.train ## the example book, from raw files to explained ratings
	dvc repro
	tradecredit summary

test: $(VENV)/.dev ## everything that CI runs
	ruff check .
	ruff format --check src tests
	mypy
	lint-imports
	pytest -n 2

check: $(VENV)/.dev ## the quick part of it
	ruff check .
	mypy
	lint-imports
	pytest -n 2 -m "not slow"

# A book of one's own beside this one, with its own parameters: make walk BOOK=b2b_invoices RAW=/path/to/file
walk: $(VENV)/.train
	mkdir -p runs/$(BOOK)/raw runs/$(BOOK)/data
	ln -sfn $(abspath $(RAW)) runs/$(BOOK)/raw/$(notdir $(RAW))
	ln -sfn $(CURDIR)/src runs/$(BOOK)/src
	ln -sfn $(CURDIR)/data/mappings runs/$(BOOK)/data/mappings
	ln -sfn $(CURDIR)/examples/$(BOOK)/edits runs/$(BOOK)/data/edits
	cp dvc.yaml runs/$(BOOK)/dvc.yaml
	cp examples/$(BOOK)/params.yaml runs/$(BOOK)/params.yaml
	cd runs/$(BOOK) && { [ -d .dvc ] || { dvc init -q --no-scm && dvc config core.analytics false; }; } && cp ../../.dvcignore . && dvc repro && tradecredit summary

$(VENV)/.%: pyproject.toml constraints.txt
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt uv
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[$*]'
	touch $@

clean: ## what the pipeline made; the environment stays
	rm -rf data/example data/ledger data/matrix artifacts reports runs mlflow.db mlartifacts mlruns
