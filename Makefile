# `make demo` and `make test` each do all their own set-up: Python >= 3.11, make and pip are enough.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# Tests start many processes, and three of them collect: modules are compiled once, not by each.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test suite test-wheel test-lowest test-newest lint coverage sample benchmark docs fuzz licences clean
.DEFAULT_GOAL := help

help:           ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

# Two stamps: the demo needs the package alone, the tests need the developers' tools beside it.
$(VENV)/.demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all]'
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(VENV)/.demo  ## read, compare and cluster the bundled sample corpus; prints where the report is
	$(BIN)/tablesim demo --out demo

lint: $(VENV)/.dev  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: $(VENV)/.dev  ## style, types and every test
	@$(MAKE) --no-print-directory --jobs 2 lint suite

# Three processes for two cores: tests that wait for a browser or a process leave theirs to another.
suite: $(VENV)/.dev  ## every test
	$(BIN)/python -m pytest -n 3 --dist worksteal

test-wheel:     ## the built wheel in a clean environment without extras: demo, read, what each extra says
	PYTHON=$(PYTHON) release/try_wheel.sh core

test-lowest:    ## the lowest versions that pyproject.toml allows, all extras, a part of the suite (6 GB while it runs)
	PYTHON=$(PYTHON) release/try_wheel.sh lowest

test-newest:    ## the newest versions there are, all extras, a part of the suite (6 GB while it runs)
	PYTHON=$(PYTHON) release/try_wheel.sh newest

docs: $(VENV)/.dev  ## the documentation into site/: its examples run, its links followed
	$(BIN)/python docs/examples.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	$(BIN)/python docs/check_site.py site

coverage: $(VENV)/.dev  ## every test, and which lines of both packages they run
	$(BIN)/python -m pytest -n 3 --dist worksteal --cov=tablesim --cov=bilrp --cov-report=term:skip-covered

sample: $(VENV)/.dev  ## make data/sample again from its seed
	$(BIN)/tablesim synthesize --sample --out data/sample --force

benchmark: $(VENV)/.dev  ## reading speed, stage by stage
	$(BIN)/python benchmarks/reading.py

fuzz: $(VENV)/.dev  ## ten minutes of mutated files for each parser; findings in fuzz-findings/
	$(BIN)/python benchmarks/fuzz.py

licences: $(VENV)/.dev  ## list what tablesim stands on, with versions and licences, in docs/licences.md
	$(BIN)/python docs/list_licences.py

clean:          ## remove the environment and what the demo wrote
	rm -rf $(VENV) demo site
