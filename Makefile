# Everything a person starts. Each target installs what it needs; `make` alone lists them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/dev.txt
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup up down test matrix check lock format clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv with the command govcloud

$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Installing python3-venv"; apt-get update -qq && apt-get install -qq -y python3-venv; }
	@echo "Installing the locked requirements into $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement $(LOCK)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

up: setup  ## from a bare machine to a provisioned cloud, with the proof
	@$(BIN)/govcloud up

down: setup  ## end the local clouds and leave nothing behind
	@$(BIN)/govcloud down

check: setup  ## lint, types, unit tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q -n 2 -m "not cluster and not toolchain and not matrix"

test: check  ## everything: check, the toolchain, and the tests on local clusters
	@$(BIN)/pytest -q -n 3 --dist loadfile --no-loadscope-reorder -m "toolchain or cluster"

matrix: setup  ## audit the local enterprise cloud under every fault, which takes half an hour
	@$(BIN)/pytest -q -m matrix

lock: setup  ## write requirements/dev.txt anew from pyproject.toml
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/pip install --quiet uv
	@build/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --extra dev pyproject.toml --output-file $(LOCK)

format: setup  ## format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:  ## remove the virtual environment and caches of the checkout
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
