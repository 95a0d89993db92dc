PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := PYTHONWARNINGS=ignore $(BIN)/python -m pip --quiet --disable-pip-version-check
DEV    := $(VENV)/.dev
RUN    := $(VENV)/.run
LOAD   := $(VENV)/.loadtest
PEERS  := $(VENV)-peers
WANTED := benchmarks/end_to_end/peers/requirements
NODE   := $(PEERS)/standardwebhooks/.ready

.DEFAULT_GOAL := help
.PHONY: help up test check lint types audit floors fmt lock image chaos bench bench-worker bench-waiting bench-batches bench-webhooks bench-compositor bench-e2e loadtest alerts docs-pictures clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(RUN) ## set up, then run the whole service in this terminal (PORT=9000, ARGS="--workers 4")
	@$(BIN)/superimpose up $(if $(PORT),--port '$(PORT)') $(ARGS)

test: $(DEV) $(NODE) ## set up, then run the tests of the service (ARGS="-k golden")
	$(BIN)/python -m pytest $(ARGS)

check: $(DEV) $(NODE) ## test the pages and their pictures, the load test and the benchmarks
	$(BIN)/python -m pytest tests/build_products $(ARGS)

lint: $(DEV) ## style and security rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV) ## mypy, strict
	$(BIN)/mypy

audit: $(DEV) ## known vulnerabilities of the packages in requirements.lock
	.ci/audit

floors: $(DEV) ## render a picture with the oldest versions that pyproject.toml allows
	.ci/floors

fmt: $(DEV) ## rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

chaos: $(DEV) ## 1,000 requests through 100 random faults, five minutes (SEED=7 repeats a run)
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: $(DEV) ## measure the service against a bare loop on this machine
	$(BIN)/python -m benchmarks end-to-end --parts drained

bench-worker: $(DEV) ## measure the overhead of a job, its cost in Redis, and the recovery from killed workers
	$(BIN)/python -m benchmarks worker
	$(BIN)/python -m benchmarks recovery
	$(BIN)/python -m benchmarks redis

bench-waiting: $(DEV) ## measure how soon a waiting client learns that its request is finished, five minutes
	$(BIN)/python -m benchmarks waiting

bench-batches: $(DEV) ## measure a batch of 5,000 against 5,000 submits, five minutes
	$(BIN)/python -m benchmarks batches

bench-webhooks: $(DEV) ## measure how fast events are sent, also beside dead receivers, five minutes
	$(BIN)/python -m benchmarks webhooks

bench-compositor: $(DEV) ## measure the compositor against Pillow, libvips, OpenCV and sharp
	$(PIP) install -c requirements.lock -r benchmarks/requirements.txt
	@npm install --silent --no-audit --no-fund --prefix $(PEERS)/sharp sharp@0.35.5 || echo 'sharp cannot be installed here and will be left out'
	$(BIN)/python -m benchmarks compositor

loadtest: $(LOAD) ## load test of two minutes with a report (HOST=http://... KEY=... for a running service)
	@$(BIN)/python -m benchmarks loadtest $(if $(HOST),--host '$(HOST)') $(if $(CLIENTS),--clients '$(CLIENTS)') \
	  $(if $(SECONDS),--seconds '$(SECONDS)') $(if $(PICTURES),--pictures '$(PICTURES)') \
	  $(if $(OUT),--out '$(OUT)') $(if $(DOCS),--docs)

alerts: $(DEV) ## cause the fault of each alert and show when it fires (ARGS=--picture draws the dashboard)
	$(BIN)/python -m tests.observability $(ARGS)

bench-e2e: $(DEV) $(foreach peer,arq celery dramatiq thumbor,$(PEERS)/$(peer)/.ready) ## compare with other job queues, 25 minutes (ARGS="--rounds 2 --parts drained")
	$(BIN)/python -m benchmarks end-to-end $(ARGS)

docs-pictures: $(DEV) ## redraw the pictures of docs/parameters.md and docs/command-line.md
	$(BIN)/python -m docs.pictures.parameters
	$(BIN)/python -m docs.pictures.terminal

lock: ## pin today's versions into requirements.lock
	rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --upgrade pip
	$(VENV)-lock/bin/python -m pip install --quiet -e . --group dev
	$(VENV)-lock/bin/python -m pip freeze --exclude-editable > requirements.lock
	rm -rf $(VENV)-lock

image: ## build the container image
	docker build -t superimpose .

clean: ## remove what the other verbs created (not the data directory)
	rm -rf $(VENV) $(PEERS) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "superimpose needs Python 3.11 or newer, not %d.%d: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	@echo 'making a virtual environment in $(VENV) ...'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade -c requirements.lock pip

$(RUN): $(VENV) pyproject.toml requirements.lock
	@echo 'installing requirements.lock into $(VENV), which takes a minute ...'
	@$(PIP) install -c requirements.lock -e .
	@touch $@

$(LOAD): $(RUN)
	$(PIP) install -c requirements.lock -e '.[loadtest]'
	@touch $@

$(DEV): $(RUN)
	$(PIP) install -c requirements.lock -e . --group dev
	@touch $@

# The library with which webhook receivers verify signatures in Node.
$(NODE):
	@npm install --silent --no-audit --no-fund --prefix $(@D) standardwebhooks@1.1.1 \
	  && touch $@ || echo 'standardwebhooks cannot be installed for Node here: its tests will be skipped'

# One environment per peer, as they need different versions of redis-py; shared packages have our versions.
$(PEERS)/%/.ready: $(WANTED)/%.txt $(WANTED)/common.txt requirements.lock
	@$(PYTHON) -m venv $(@D)
	@grep -E '^(fastapi|fpng|hiredis|httptools|httpx|kornia_rs|numpy|pillow|pydantic|pydantic_core|simplejpeg|uvicorn|uvloop)==' requirements.lock > $(PEERS)/same.txt
	@PYTHONWARNINGS=ignore $(@D)/bin/python -m pip --quiet --disable-pip-version-check install -r $< \
	  && touch $@ || echo "$* cannot be installed here and will be left out"
