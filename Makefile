# `make demo` and `make test` are all a new machine needs: Python 3.10-3.13 and git.
PYTHON ?= python3
VENV ?= .venv
# The versions the project is tested with. Another torch build: make CONSTRAINTS=my-constraints.txt
CONSTRAINTS ?= constraints.txt
# Processes that share the tests; each may hold a small model in memory.
JOBS ?= 2
BIN := $(VENV)/bin
READY := $(VENV)/.hubver-installed

.DEFAULT_GOAL := help
.PHONY: help install demo test unit lint format bench witness clean

help: ## Show this help
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

install: $(READY) ## Make the virtual environment and install hubver into it

$(READY): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 10) <= sys.version_info < (3, 14) else "hubver needs Python 3.10-3.13, found %d.%d; try: make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "Installing hubver and what it trains with into $(VENV) (about two minutes, once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev]'
	@touch $(READY)

demo: $(READY) ## See the whole road: train, push, gate, promote, refuse, roll back, load
	@$(BIN)/hubver demo $(ARGS)

test: lint unit ## Run the linters and all tests

# By file, so that a module's fixtures are made once, in the order of tests/conftest.py: the longest first.
# The package is compiled first: where Python is told to write no bytecode, each process that a test starts would do it.
unit: $(READY) ## Run the tests only
	@$(BIN)/python -m compileall -q hubver
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(READY) ## Check style, types and the workflows
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@BIN=$(BIN) .ci/lint-workflows
	@BIN=$(BIN) .ci/lint-init

format: $(READY) ## Put the code into its canonical form
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(READY) ## Measure against what a user would pick instead
	@$(BIN)/python -m benchmarks $(ARGS)

witness: $(READY) ## Run huggingface_hub's own tests against the embedded Hub (CHECKOUT=path)
	@PYTHONPATH=tests $(BIN)/python -m witness $(CHECKOUT) $(ARGS)

clean: ## Remove the virtual environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
