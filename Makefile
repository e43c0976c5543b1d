# One task vocabulary for people, hooks and CI: `make help`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES := contracts features systems registry training serving monitoring tipoff
LOCK_HASH = sha256:$$($(PYTHON) -c 'import hashlib; print(hashlib.sha256(open("requirements.lock", "rb").read()).hexdigest())')

# What tipoff keeps and where MLflow looks for it: the same for every target.
export TIPOFF_HOME ?= $(CURDIR)/.tipoff
export MLFLOW_TRACKING_URI ?= sqlite:///$(TIPOFF_HOME)/mlflow.db
export MLFLOW_EXPERIMENT_NAME ?= tipoff
export MLFLOW_DISABLE_TELEMETRY ?= true

# Bytecode is kept whatever the environment says: else each of the many processes that tests start compiles all of us.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo serve ui test spark test-slow check audit bento bench bench-serving bench-batches soak accuracy leakbench docs format lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## the environment in .venv, nothing else

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tipoff wants Python 3.11 or newer: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: setup ## the whole job on a simulated league: ingest, features, training, promotion, predictions over HTTP
	@$(BIN)/tipoff demo

serve: setup ## the prediction service on port 3000
	$(BIN)/tipoff serve

ui: setup ## the MLflow UI on port 5000
	$(BIN)/tipoff ui

test: setup ## the tests, in minutes
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

spark: setup ## PySpark for `--engine spark`, where there is a Java for it
	@if [ -n "$$JAVA_HOME" ] || command -v java > /dev/null; then \
		$(BIN)/python -c 'import pyspark' 2> /dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[spark]'; \
	else echo "no Java here: what needs Spark is left out"; fi

test-slow: setup spark ## the long ones: kills, Spark, clean environments
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m slow

check: setup audit ## format, lint, types, layers, known vulnerabilities
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	@grep -q "$(LOCK_HASH)" python_env.yaml || { echo 'python_env.yaml names another lock than requirements.lock: make lock'; exit 1; }

audit: setup ## the pinned packages against the known vulnerabilities, where the service that knows them can be reached
	@$(BIN)/python .ci/audit.py requirements.lock

bento: setup ## the service as a Bento, with nothing of this folder needed to run it
	BENTOML_DO_NOT_TRACK=true $(BIN)/bentoml build

bench: setup ## speed, as ratios to a named reference in the same run
	$(BIN)/python -m benchmarks --write

bench-serving: setup ## the service beside `mlflow models serve` and a bare FastAPI endpoint, in the same run
	@$(BIN)/python -m benchmarks.serving

soak: setup ## the service under 70 % of its peak for 15 minutes: errors, latencies, memory
	@$(BIN)/python -m benchmarks.soak

bench-batches: setup ## a full slate from start to done, and a backlog shared by four workers, over the versions of TIPOFF_HOME
	@$(BIN)/python -m benchmarks.batches $(TIPOFF_HOME)

accuracy: setup ## every system on one real season, trained again before each month (hours): docs/accuracy.md
	$(BIN)/python -m benchmarks.accuracy --home $(TIPOFF_HOME)/accuracy --simulated --write

leakbench: setup ## every known leak and error planted, and what catches it: docs/leaks.md
	-@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(VENV)/leak-tools leakprobe timefence
	@PYTHONPATH=$(VENV)/leak-tools $(BIN)/python -m benchmarks.leakbench --write

format: setup ## rewrite the code in the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup ## the pages made from the code: docs/layouts.md, docs/features.md
	$(BIN)/python docs/generate.py

lock: setup ## requirements.lock from pyproject.toml, and its hash in python_env.yaml
	uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --quiet --output-file requirements.lock
	uv pip compile serving/requirements.in --constraint requirements.lock --universal --python-version 3.11 --quiet --no-annotate --output-file serving/requirements.txt
	@sed -i.before -E "s/sha256:[0-9a-f]+/$(LOCK_HASH)/" python_env.yaml && rm python_env.yaml.before
