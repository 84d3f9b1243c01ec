# Two commands are enough: `make demo` and `make test`. Both make what they need.
#
# One environment serves them all. The tools that only tests and documents need
# are a small part of it beside torch, and what the demo ran on is then, to the
# byte, what the tests passed on. Which build of torch comes (CPU or CUDA) is
# left to pip's own settings.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := experiments,dev,docs
PYTEST_WORKERS ?= 2
ARGS ?=

# The first of these that is there and new enough, unless PYTHON is given. It is
# run rather than looked up: a version manager's shim can exist and not work.
IS_NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for python in python3.11 python3; do \
	$$python $(IS_NEW_ENOUGH) 2>/dev/null && echo $$python && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint docs accuracy benchmarks format lock clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make the virtual environment in .venv

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" && $(PYTHON) $(IS_NEW_ENOUGH) || { \
		echo "grid-fed-rl needs Python 3.11 or newer, found" \
			"$$($(or $(PYTHON),python3) --version 2>&1 || true)." \
			"Name one: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/pip || { echo "Making $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "Installing grid-fed-rl and its dependencies into $(VENV) (a few minutes, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable ".[$(EXTRAS)]"
	@touch $@

demo: setup  ## run the main job; options in ARGS, e.g. ARGS=--quick
	@$(BIN)/grid-fed-rl demo $(ARGS)

test: setup  ## run the tests, with branch coverage
	@$(BIN)/python -m pytest --numprocesses=$(PYTEST_WORKERS) --dist=loadfile \
		--cov --cov-report=term $(ARGS)

lint: setup  ## check style, types and the floors between packages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

docs: setup  ## build the documentation into site/, warnings being errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

accuracy: setup  ## compare with OpenDSS and write docs/accuracy.md (minutes; options in ARGS)
	@$(BIN)/python benchmarks/accuracy.py $(ARGS)

benchmarks: setup  ## run baselines and the oracle, and write docs/benchmarks.md (long; options in ARGS)
	@$(BIN)/python benchmarks/baselines.py $(ARGS)

format: setup  ## put the code in the one format, and mend what ruff can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: setup  ## write constraints.txt from what .venv holds
	@{ sed -n '/^#/p' constraints.txt; \
		$(BIN)/python -m pip freeze --all --exclude-editable \
		| sed -e '/^pip==/d' -e 's/+[a-z0-9]*$$//'; } > $(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt constraints.txt

clean:  ## remove the environment, caches and the built documents; runs/ stays
	rm -rf $(VENV) site dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
