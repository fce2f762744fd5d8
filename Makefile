# The few verbs of the project; CI uses the same ones.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where the tests keep the assembled speech model; the product keeps its own in the data folder.
WEIGHTS := .balto/whisper-base

.PHONY: help demo test check setup lint types walls clean

help: ## Say what each verb does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/runtime.stamp ## Stream a recorded counter through a server of its own and show what comes of it
	@$(BIN)/balto demo

test: $(VENV)/dev.stamp ## Run the whole suite
	@$(BIN)/python -m actors.stt.weights "$(WEIGHTS)"
	@MALLOC_ARENA_MAX=2 $(BIN)/python -m pytest -n 2 --dist loadfile -q # models loaded by many threads leave less behind

check: $(VENV)/dev.stamp lint types walls test ## Everything that must be green before a change lands

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	@$(BIN)/mypy

walls: $(VENV)/dev.stamp
	@$(BIN)/lint-imports

setup: $(VENV)/dev.stamp ## Prepare .venv with everything, the speech model included
	@$(BIN)/python -m actors.stt.weights "$(WEIGHTS)"

# One stamp a lock file: what is installed already is not installed again. The development lock holds the whole of the
# runtime lock, so once it is installed the demo needs nothing more.
$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@PYTHON=$(BIN)/python sh requirements/install.sh requirements/dev.txt
	@touch $(VENV)/runtime.stamp $@

$(VENV)/runtime.stamp: requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	@PYTHON=$(BIN)/python sh requirements/install.sh requirements/runtime.txt
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null || \
		{ echo "Balto needs Python 3.12 or later; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | tail -n 1). Try: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python's venv module is missing; on Debian: apt install python3-venv" >&2; exit 1; }

clean: ## Remove what setup made
	rm -rf $(VENV) .balto .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
