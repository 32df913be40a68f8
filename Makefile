# setup, demo, test, lint, bench, and further ones. Each target installs what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
UV_VERSION := 0.13.8
UV := .venv/bin/uv sync --quiet --frozen --inexact
PYTHON := .venv/bin/python

.PHONY: help setup demo demo-stream test browser lint bench bench-large chaos permissions fuzz audit clean

help:
	@echo "make setup   install the sluice command into .venv"
	@echo "make demo    upload real files to a local AWS and query them (no account, no Docker)"
	@echo "make test    all tests"
	@echo "make lint    style, types, template"
	@echo "make bench   benchmarks, in ratios (an hour; needs Java 17; make bench-large: 20 million rows)"
	@echo "also: make demo-stream, make browser (the pages in Chromium), make chaos (injected faults; half an hour), make permissions, make fuzz, make audit (docs/security.md)"

.venv/bin/uv:
	@if command -v python3.13 >/dev/null && python3.13 -c '' 2>/dev/null; then python3.13 -m venv .venv; \
	elif command -v uv >/dev/null && uv venv --quiet --seed --python 3.13 .venv; then :; \
	else echo "Sluice needs Python 3.13: install it (python.org, pyenv, or your package manager) so that python3.13 is found." >&2; exit 1; fi
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

setup: .venv/bin/uv
	@$(UV) --group local --group test

demo: .venv/bin/uv
	@$(UV) --group local
	@java -version >/dev/null 2>&1 && $(UV) --group local --group spark || true # the Spark part needs Java
	@$(PYTHON) -m demo

demo-stream: .venv/bin/uv
	@$(UV) --group local
	@$(PYTHON) -m demo.stream

test: .venv/bin/uv
	@$(UV) --group local --group test --group spark
	@.venv/bin/uv sync --quiet --frozen --project tests/sam --python $(PYTHON)
	@$(PYTHON) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

browser: .venv/bin/uv
	@$(UV) --group local --group test
	@.venv/bin/uv sync --quiet --frozen --project tests/browser --python $(PYTHON)
	@cd tests/browser && .venv/bin/python -m pytest

lint: .venv/bin/uv
	@$(UV) --group local --group test --group spark --group lint
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@PYTHONPATH=functions:. .venv/bin/lint-imports
	@.venv/bin/cfn-lint --regions us-east-1 eu-west-1 ap-southeast-2 eu-central-1 -t template.yaml
	@.venv/bin/uv sync --quiet --frozen --project tests/checkov --python $(PYTHON)
	@tests/checkov/.venv/bin/checkov -f template.yaml --config-file tests/checkov/checkov.yaml
	@PYTHONPATH=. tests/checkov/.venv/bin/python tests/checkov/actions.py

chaos: .venv/bin/uv
	@$(UV) --group local --group test --group spark
	@PYTHONPATH=.:functions $(PYTHON) -m tests.property.protocol
	@$(PYTHON) -m tests.chaos

permissions: .venv/bin/uv
	@$(UV) --group local --group test --group spark
	@$(PYTHON) -m tests.permissions

fuzz: .venv/bin/uv
	@$(UV) --group local --group test
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-20000} $(PYTHON) -m pytest tests/property/test_hostile_input.py --timeout 3600
	@PYTHONPATH=.:functions .venv/bin/uv run --quiet --frozen --no-sync --with atheris==3.1.0 \
	python -m tests.property.coverage_guided -max_total_time=$${FUZZ_SECONDS:-300} -max_len=2048 -artifact_prefix=.hypothesis/

audit: .venv/bin/uv
	@.venv/bin/uv export --quiet --frozen --all-groups --no-emit-project --output-file .venv/locked.txt
	@.venv/bin/uv tool run --quiet --python $(PYTHON) pip-audit==2.10.1 --requirement .venv/locked.txt --disable-pip

bench: .venv/bin/uv
	@$(UV) --group local --group test --group spark --group bench
	@$(PYTHON) -m tests.bench

bench-large: .venv/bin/uv
	@$(UV) --group local --group test --group spark --group bench
	@$(PYTHON) -m tests.bench --large

clean:
	rm -rf .venv tests/sam/.venv tests/checkov/.venv tests/browser/.venv .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis
