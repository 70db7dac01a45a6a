# Needs GNU make and Python 3.11 or newer; everything else is installed into .venv on first use.
.DEFAULT_GOAL := help
.PHONY: help test test-all check demo bench format clean

ARGS ?=
WORKERS ?= 3

# The first of these that runs and is new enough; PYTHON=... overrides.
CANDIDATES := python3 python3.13 python3.12 python3.11
FIND := import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys.executable)
PYTHON ?= $(firstword $(foreach candidate,$(CANDIDATES),$(shell $(candidate) -c '$(FIND)' 2>/dev/null)))

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help:
	@echo "make demo       a private server, a sample database, its first backup and restore; then the application"
	@echo "                (ARGS=--headless: without the application)"
	@echo "make test       format, lint, types, layers, and every test that is not slow"
	@echo "make test-all   the same with the slow tests"
	@echo "make check      format, lint, types and layers only"
	@echo "make bench      the benchmarks, beside PostgreSQL's own tools"
	@echo "make format     rewrite the sources as the style wants them"
	@echo "make clean      remove .venv and everything that was built"

test: check
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not slow" $(ARGS)

test-all: check
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: .venv/ready-to-develop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

demo: .venv/ready-to-run
	$(BIN)/pantry-tui demo $(ARGS)

bench: .venv/ready-to-run
	$(BIN)/python -m benchmarks.backup $(ARGS)
	$(BIN)/python -m benchmarks.restore $(ARGS)
	$(BIN)/python -m benchmarks.formats $(ARGS)
	$(BIN)/python -m benchmarks.incremental $(ARGS)
	$(BIN)/python -m benchmarks.recovery $(ARGS)
	$(BIN)/python -m benchmarks.monitoring $(ARGS)
	$(BIN)/python -m benchmarks.metrics

format: .venv/ready-to-develop
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis snapshot_report.html
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Set up again only when the dependencies may have changed.
.venv/ready-to-run: pyproject.toml | .venv/bin/pip
	@echo "Installing Pantry TUI into .venv"
	@$(PIP) --editable .
	@touch $@

.venv/ready-to-develop: pyproject.toml | .venv/bin/pip
	@echo "Installing Pantry TUI and its development tools into .venv"
	@$(PIP) --editable '.[dev]'
	@touch .venv/ready-to-run $@

# Debian's python3 may lack ensurepip (package python3-venv): its own pip fills the environment then.
.venv/bin/pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none of $(CANDIDATES) is. Install it, or: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Creating .venv with $(PYTHON)"
	@$(PYTHON) -m venv --clear .venv >/dev/null 2>&1 \
		|| { $(PYTHON) -m venv --clear --without-pip .venv && $(PYTHON) -m pip --quiet --python .venv/bin/python install pip; } \
		|| { rm -rf .venv; echo "$(PYTHON) can make no virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
