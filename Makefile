# The whole vocabulary: setup, demo, test, lint, bench. Each installs what it needs by itself.
SHELL := /bin/bash
.DEFAULT_GOAL := help
UV_VERSION := 0.13.8
UV := .venv/bin/uv sync --quiet --frozen --inexact
PYTHON := .venv/bin/python

.PHONY: help setup demo test lint bench clean

help:
	@echo "make setup   install the sluice command into .venv"
	@echo "make demo    run the main job on a local AWS (no account, no Docker)"
	@echo "make test    all tests"
	@echo "make lint    style, types, template"
	@echo "make bench   measure, in ratios"

.venv/bin/uv:
	@if command -v python3.13 >/dev/null && python3.13 -c '' 2>/dev/null; then python3.13 -m venv .venv; \
	elif command -v uv >/dev/null && uv venv --quiet --seed --python 3.13 .venv; then :; \
	else echo "Sluice needs Python 3.13: install it (python.org, pyenv, or your package manager) so that python3.13 is found." >&2; exit 1; fi
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

setup: .venv/bin/uv
	@$(UV)

demo: .venv/bin/uv
	@$(UV) --group local
	@java -version >/dev/null 2>&1 && $(UV) --group local --group spark || true # no part without Java
	@$(PYTHON) -m local.demo

test: .venv/bin/uv
	@$(UV) --group local --group test --group spark
	@.venv/bin/uv sync --quiet --frozen --project tests/sam --python $(PYTHON)
	@$(PYTHON) -m pytest

lint: .venv/bin/uv
	@$(UV) --group local --group test --group spark --group lint
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

bench: .venv/bin/uv
	@$(UV) --group local --group test --group spark --group bench
	@$(PYTHON) -m bench

clean:
	rm -rf .venv tests/sam/.venv .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis
