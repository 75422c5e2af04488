# make run    a one-board cluster with a workload, on this machine
# make stop   end it; make clean also removes every container, network, route and file it made
# make check  the fast tests; make test  all of them; make bench  the figures
# make test-shelf  boards that boot: cards, Ansible, packages; what is asked of Podman, asked of Debian 13's (minutes)
# make binary  the self-contained program, in dist/; make binary-arm64  the same for a Pi; make deb  the Debian package
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
.PHONY: run stop clean check test test-shelf bench prepare venv format binary binary-arm64 deb

# an installed pikube has its bytecode: without it each start compiles 400 files
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
PY := $(VENV)/bin/python
PODMAN_5 := $(CURDIR)/$(VENV)/podman-trixie

run: prepare
	@scripts/demo run

stop:
	@scripts/demo stop

clean:
	@scripts/demo clean

prepare:
	@scripts/prepare

venv:
	@scripts/prepare venv

format: venv
	@$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

check: venv
	@$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(PY) -m pytest -m "not e2e" -n $$((2 * $$(nproc))) --hypothesis-profile quick  # some wait: two for each core

test: prepare
	@$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(PY) -m pytest -m "not e2e" -n auto
	$(PY) -m pytest -m "e2e and not shelf"

test-shelf:
	@scripts/prepare shelf
	[ -x $(PODMAN_5)/bin/podman ] || scripts/other-podman trixie $(PODMAN_5)
	PIKUBE_E2E_PODMAN=$(PODMAN_5) $(PY) -m pytest -m e2e tests/e2e/test_runtime_contract.py tests/e2e/test_node_runtime.py
	timeout 7200 $(PY) -m pytest -m shelf --durations=10 tests/shelf

bench: prepare
	@$(PY) -m benchmarks

binary:
	@packaging/build dist

deb: binary
	@packaging/deb dist

binary-arm64:
	@packaging/arm64 dist
