# `make app` and `make test` set up everything they need in .venv, once.
SHELL := /bin/bash
PORT ?= 8501
HOST ?= localhost
SECONDS_PER_READER ?= 1200
SECONDS ?= 1800
BIN := .venv/bin
# pip compiles modules one after the other, which takes half of its time; here all cores do it.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
COMPILE := @$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
# Modules are compiled once, not by each of the processes that the lab and its tests start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help venv app test lint docs bench gpu-check fuzz soak supply data clean

help:
	@echo "make app    set up and open the dashboard (PORT=8501 HOST=localhost; OPEN=1 lets everybody in)"
	@echo "make test   set up and run every test"
	@echo "make lint   ruff and mypy"
	@echo "make docs   build the documentation into site/, to be opened in a browser"
	@echo "make bench  side by side against the real peers, one JSON line each"
	@echo "make gpu-check  what only a GPU can show, in eight minutes (CHECK='--device cpu --small' tries it)"
	@echo "make fuzz   damaged files for every reader (SECONDS_PER_READER=1200 READERS='json table')"
	@echo "make soak   servers and runs killed at random (SECONDS=1800)"
	@echo "make supply packages pinned with hashes, their licences, known vulnerabilities"
	@echo "make data   make the embedded data again from their sources"

venv: .venv/dev.stamp

app: .venv/app.stamp
	$(BIN)/python -m streamlit run app.py --server.port $(PORT) --server.address $(HOST) $(if $(OPEN),-- --open)

# One torch thread per test process: the processes already share the cores, and the third works
# while others wait for the servers and runs that they started. In the order of their
# names, long browser tests begin early and do not keep one process busy after the other has ended.
test: .venv/dev.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder

lint: .venv/dev.stamp
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: .venv/dev.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo "Open site/index.html in a browser."

bench: .venv/dev.stamp
	@for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

gpu-check: .venv/dev.stamp
	$(BIN)/python benchmarks/gpu/check.py $(CHECK)

fuzz: .venv/dev.stamp
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS_PER_READER) $(if $(READERS),--reader $(READERS))

soak: .venv/dev.stamp
	$(BIN)/python -m tests.soak --seconds $(SECONDS)

supply: .venv/dev.stamp
	.ci/supply

data: .venv/app.stamp
	$(BIN)/python data/recipes/elements.py
	$(BIN)/python data/recipes/structures.py
	$(BIN)/python data/recipes/results.py

clean:
	rm -rf .venv site .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	@python=$$(.ci/find-python $(if $(PYTHON),"$(PYTHON)")) && echo "$$python -m venv .venv" && \
		"$$python" -m venv .venv

.venv/app.stamp: requirements.txt pyproject.toml | .venv/bin/python
	$(if $(LOCKED),$(INSTALL) --no-deps --require-hashes -r requirements.lock)
	$(INSTALL) --editable .
	$(COMPILE)
	@touch $@

.venv/dev.stamp: requirements-dev.txt .venv/app.stamp
	$(INSTALL) -r requirements-dev.txt
	$(COMPILE)
	@touch $@
