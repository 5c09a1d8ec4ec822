# The two commands of a fresh clone: `make demo` and `make test`. Both need only Python 3.11+, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_ENV := PYTHONDONTWRITEBYTECODE=
# The demo needs the package alone; tests need the `test` extra. Each has a stamp, remade when pyproject.toml changes.
BASE := $(VENV)/.installed-base
DEV := $(VENV)/.installed-test

.PHONY: help demo test check format unit chaos bench clean

help:  ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("bulkops needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make PYTHON=/path/to/python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(BASE): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@ $(BASE)

demo: $(BASE)  ## run the main job against the embedded sandbox: killed half-way, resumed, counted, reported
	@$(BIN)/python -m bulkops.cli.demo

test: check  ## everything that CI runs: format, lint, types, import directions, all tests
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(DEV)  ## format, lint, types and import directions, in seconds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV)  ## rewrite the files as `make check` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

unit: $(DEV)  ## the quick tests alone
	$(BIN)/python -m pytest tests/unit tests/contract

chaos: $(DEV)  ## kill the real command N times (N=200 SEED=1 VENDOR=anypoint OPERATION=invite JOBS=2): nothing lost, nothing doubled
	$(BIN)/python -m tests.chaos $(or $(N),200) $(if $(SEED),--seed $(SEED)) $(if $(VENDOR),--vendor $(VENDOR)) $(if $(OPERATION),--operation $(OPERATION)) \
		$(if $(JOBS),--jobs $(JOBS)) $(if $(KILLS),--kills-a-round $(KILLS))

bench: $(DEV)  ## measure everything, most of an hour; asserts nothing
	$(BIN)/python -m benchmarks

clean:  ## remove what make and the demo made
	rm -rf $(VENV) .bulkops demo-run .pytest_cache .mypy_cache .ruff_cache .import_linter_cache benchmarks/.peers
