# Every target does its own set-up in .venv, from Python 3.11 or newer and git; a second call finds it done.
# Another Python: make test PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install -qq
EDITABLE := $(INSTALL) --no-deps --no-build-isolation -e .

# Whatever stands here is handed on: make run SERVE_ARGS="--port 9000", make test PYTEST_ARGS=tests/webhooks
SERVE_ARGS ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=
DISPATCH_ARGS ?=
# --upgrade moves every pin; without it only what pyproject.toml asks for anew is resolved.
LOCK_ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint types bench lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

run: $(VENV)/.run ## serve Turntwice on this machine
	@$(BIN)/turntwice serve $(SERVE_ARGS)

test: $(VENV)/.dev ## all tests but the long ones that kill and fill disks
	@$(BIN)/python -m pytest -m "not faults" -n logical --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(VENV)/.dev ## ruff: rules and layout
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

bench: $(VENV)/.dev ## requests a second beside a bare Flask view, messages that go out, growth
	@$(BIN)/python tests/benchmarks/run.py $(BENCH_ARGS)
	@$(BIN)/python tests/benchmarks/dispatch.py $(DISPATCH_ARGS)
	@$(BIN)/python tests/benchmarks/growth.py

clean: ## remove .venv and everything else that was made here
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis .pytest_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The pip script is the last thing that venv makes: where it stands, the environment is whole.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Turntwice needs Python 3.11 or newer, and '$(PYTHON)' is not. Name one: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt requirements/build.txt pyproject.toml | $(BIN)/pip
	@echo "Setting up $(VENV) from requirements/run.txt (once)"
	@$(INSTALL) --require-hashes -r requirements/run.txt -r requirements/build.txt
	@$(EDITABLE)
	@touch $@

# dev.txt holds everything that run.txt and build.txt hold (tests/test_packaging.py), so it settles both.
$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/pip
	@echo "Setting up $(VENV) from requirements/dev.txt (once)"
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@$(EDITABLE)
	@touch $(VENV)/.run $@

# dev.txt comes first and the others take its versions: what people run is what was tested.
COMPILE = $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links $(LOCK_ARGS)
AS_TESTED = $(COMPILE) --constraints requirements/dev.txt

lock: | $(BIN)/pip ## resolve requirements/*.txt anew, with uv in an environment of its own
	@$(BIN)/python -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip --disable-pip-version-check install -qq uv
	@$(COMPILE) pyproject.toml --all-extras --group build --group dev --output-file requirements/dev.txt
	@$(AS_TESTED) pyproject.toml --all-extras --output-file requirements/full.txt
	@$(AS_TESTED) pyproject.toml --output-file requirements/run.txt
	@$(AS_TESTED) --group build --output-file requirements/build.txt
	@rm -rf $(VENV)/lock
