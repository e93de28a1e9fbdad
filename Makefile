# Every target makes the virtual environment it needs. Try `make help`.
#   PYTHON  the interpreter that makes it, Python 3.11 or newer    make test PYTHON=python3.12 VENV=.venvs/3.12
#   VENV    where it lies
#   ARGS    passed on to the command                              make demo ARGS="--fault doubled"
#   WORKERS how many processes share the tests, 4 at most         make test WORKERS=0 ARGS="tests/wire -x"

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
WORKERS ?= logical

BIN = $(VENV)/bin
# pytest with workers (pytest-xdist), one for each core; 0 runs the tests in one process. A file's tests stay together, because
# they share what it starts. What pytest makes of the tests is kept, whatever the shell says: each worker needs 8 s to make it.
SHARED_OUT = env -u PYTHONDONTWRITEBYTECODE $(1) -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile
READY = $(VENV)/ready
PIP = PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip

# LiteLLM's proxy can't be installed with what constraints.txt pins, so it has an environment of its own.
LITELLM_VENV = .venv-litellm
LITELLM_READY = $(LITELLM_VENV)/ready
LITELLM = $(shell sed -n 's/^litellm==//p' constraints.txt)

# Rooms that are pure, and need next to nothing installed.
PURE = $(wildcard $(addprefix tests/,wire stream dialects detect stage lineage diagnosis))
PURE_READY = $(VENV)/ready-pure

# The lowest versions that pyproject.toml allows, and what is tried with them.
LOWEST_VENV = .venvs/lowest
LOWEST_READY = $(LOWEST_VENV)/ready
LOWEST_TESTS = $(PURE) $(wildcard $(addprefix tests/,telemetry recording hops iterators integrations guards cli \
  demo/test_gateway.py demo/test_pipeline.py demo/test_pipeline_gateway.py))

.PHONY: help demo test fuzz check docs outputs litellm pure lowest grafana bench bench-detection collector jaeger tools clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## Run the demo.
	@$(BIN)/otel-sse demo $(ARGS)

test: $(READY) ## Run the tests.
	@$(call SHARED_OUT,$(BIN)/python) $(ARGS)

litellm: $(LITELLM_READY) ## Run the tests that need LiteLLM's proxy, in an environment of their own.
	@$(LITELLM_VENV)/bin/python -m pytest -p tests.no_skips -p no:cacheprovider -o faulthandler_timeout=300 \
	  tests/integrations/test_litellm.py tests/dialects/test_items.py $(ARGS)

pure: $(PURE_READY) ## Run the tests of the pure rooms alone, in an environment with little else.
	@$(BIN)/python -m pytest -p no:cacheprovider $(PURE) $(ARGS)

lowest: $(LOWEST_READY) ## Run tests with the lowest versions that pyproject.toml allows; TESTS says which.
	@$(call SHARED_OUT,$(LOWEST_VENV)/bin/python) -p no:cacheprovider $(or $(TESTS),$(LOWEST_TESTS)) $(ARGS)

check: $(READY) ## Check format, lint, types, layers and docs.
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@report=$$($(BIN)/lint-imports --no-logo 2>&1) || { printf '%s\n' "$$report"; exit 1; }
	@$(BIN)/python -m docs.check
	@$(BIN)/python docs/reference.py --check
	@$(BIN)/python docs/option_types.py --check
	@$(BIN)/python -m docs.api --check
	@$(BIN)/python -m grafana.generate --check
	@$(BIN)/python deploy/kubernetes/generate.py --check
	@echo 'make check: format, lint, types, layers, docs and generated files are in order'

docs: $(READY) ## Regenerate the reference pages, and the types of the options, from the code.
	@$(BIN)/python docs/reference.py $(ARGS)
	@$(BIN)/python docs/option_types.py
	@$(BIN)/python -m docs.api

outputs: $(READY) ## Write what commands print now into the pages that show it, where it differs.
	@$(BIN)/python -m pytest -q --rewrite tests/docs tests/demo/test_pipeline_faults.py $(ARGS)

grafana: $(READY) ## Regenerate dashboards, data sources and alerts, those of Kubernetes too.
	@$(BIN)/python -m grafana.generate $(ARGS)
	@$(BIN)/python deploy/kubernetes/generate.py $(ARGS)

fuzz: $(READY) ## Send random requests through the bare and the instrumented application, for a minute.
	@$(BIN)/python -m tests.fuzz $(ARGS)

bench: $(READY) ## Measure what instrumentation costs.
	@$(BIN)/python -m bench $(ARGS)

bench-detection: $(READY) ## Measure how well faults are found in recorded streams.
	@$(BIN)/python -m bench.detection $(ARGS)

jaeger: ## Build Jaeger for the tests that ask it, once; needs Go.
	@.ci/jaeger $(ARGS)

collector: ## Build the Collector of deploy/ with Go; once, then it is kept.
	@deploy/tools.sh collector

tools: collector ## Build all that the tests of deploy/ need.
	@deploy/tools.sh kustomize compose

clean: ## Remove the virtual environment, caches and builds.
	@rm -rf "$(VENV)" "$(LITELLM_VENV)" .venvs/docs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The checks run on any python3, however old, so that it can say in words what it lacks.
define MAKE_VENV
@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
  echo 'PYTHON must be a command, got "$(PYTHON)". Install Python 3.11 or newer, or name one: make PYTHON=python3.12 ...' >&2; exit 1; }
@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  echo "PYTHON must be Python 3.11 or newer, got $$("$(PYTHON)" --version 2>&1). Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
  echo 'PYTHON must have the modules venv and ensurepip, got none. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
@"$(BIN)/python" -c 'import pip' 2>/dev/null || { echo 'Making $(VENV), once; this takes a minute ...' >&2; "$(PYTHON)" -m venv --clear "$(VENV)"; }
endef

$(READY): pyproject.toml constraints.txt
	$(MAKE_VENV)
	@$(PIP) install -q -c constraints.txt -e '.[demo,test,dev]'
	@touch $@

$(PURE_READY): pyproject.toml constraints.txt
	$(MAKE_VENV)
	@$(PIP) install -q -c constraints.txt -e '.[sdk]' anthropic hypothesis openai pytest pytest-asyncio pytest-rerunfailures
	@touch $@

$(LOWEST_READY): pyproject.toml constraints.txt tests/lowest.py $(READY)
	@$(BIN)/python -m venv --clear "$(LOWEST_VENV)"
	@$(BIN)/python -m tests.lowest > "$(LOWEST_VENV)/constraints.txt"
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(LOWEST_VENV)/bin/python -m pip install -q -c "$(LOWEST_VENV)/constraints.txt" -e '.[demo,test]'
	@touch $@

$(LITELLM_READY): pyproject.toml constraints.txt $(READY)
	@$(BIN)/python -m venv --clear "$(LITELLM_VENV)"
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(LITELLM_VENV)/bin/python -m pip install -q -e '.[litellm,sdk]' \
	  'litellm[proxy]==$(LITELLM)' pytest pytest-asyncio hypothesis hypercorn h2 anthropic
	@touch $@
