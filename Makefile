# `make plan STACK=prod-eks` and `make test` work on a fresh machine with Python 3.11 or newer and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STACK ?= prod-eks
PYTEST_ARGS ?= -n auto --dist loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install plan validate test check lint types contracts schema tools bench lock clean

help:  ## What there is
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed  ## The pinned requirements, and `kuber` itself, in .venv

plan: $(VENV)/.installed  ## The plan of a stack: make plan STACK=prod-eks
	@$(BIN)/kuber plan $(STACK)

validate: $(VENV)/.installed  ## Check all stack files
	@$(BIN)/kuber validate

test: $(VENV)/.installed-dev  ## All tests; what needs a tool that isn't here is skipped and says so
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint types contracts schema  ## Everything short of the tests

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/pyright

contracts: $(VENV)/.installed-dev  ## The direction of imports
	$(BIN)/lint-imports

schema: $(VENV)/.installed
	@$(BIN)/kuber schema --check

tools: $(VENV)/.installed  ## Build the engine, helm and the other tools that tests run, unless they are here
	@$(BIN)/python tools/build.py

bench: $(VENV)/.installed-dev  ## Measure, and write bench/results
	$(BIN)/python -m bench.plan_vs_terraform
	$(BIN)/python -m bench.validate
	$(BIN)/python -m bench.standard_stack
	$(BIN)/python -m bench.up
	$(BIN)/python -m bench.growth
	$(BIN)/python -m bench.apply
	$(BIN)/python -m bench.crds
	$(BIN)/python -m bench.rehearse
	$(BIN)/python -m bench.review

lock:  ## Pin all requirements anew, with hashes (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header requirements.in -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header requirements-dev.in -o requirements-dev.txt

clean:  ## Remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "kuber needs Python 3.11 or newer, and there is no $(PYTHON) here. Name another with PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "kuber needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another with PYTHON=…" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# pip compiles to bytecode as it installs: the clouds' SDKs are large, and importing them uncompiled takes seconds.
$(VENV)/.installed: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing the pinned requirements into $(VENV) (about 1 GB, a minute or two)"
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
