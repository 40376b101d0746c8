# The front door: everything a person or CI does starts here. `make help` lists it.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
PY := .venv/bin/python
NATIVE := $(PY) -m twotop_native
CODE := libs services deploy tests bench

.PHONY: help up down logs operate test test-fast lint format bench bench-quick lock openapi dashboards web screenshots clean runtime dev

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  TWOTOP_START=native|docker|auto chooses how \`make up\` starts; TWOTOP_TEST_BACKENDS=native|docker|external|auto what tests use."

up: runtime ## start everything and print a table's guest URL with its QR code
	@$(NATIVE) start $(ARGS)

down: runtime ## stop what `make up` started
	@$(NATIVE) finish $(ARGS)

logs: runtime ## follow what all parts say
	@$(NATIVE) logs $(ARGS)

operate: runtime ## run `twotop` against what `make up` started: make operate ARGS="flags list"
	@$(NATIVE) operate $(ARGS)

test: dev ## every test: web, unit, integration, whole system with a browser
	@deploy/test.sh all

test-fast: dev ## unit tests only, no servers
	@deploy/test.sh unit

lint: dev ## style, types, architecture, generated documents, words that must not be here
	@deploy/lint.sh

format: dev ## format the code
	@.venv/bin/ruff check --quiet --fix $(CODE) || true
	@.venv/bin/ruff format --quiet $(CODE)
	@cd web && npm run --silent format

bench: dev ## measure every line of the speed table and append it to bench/results (a few minutes)
	@$(PY) -m bench $(ARGS)

bench-quick: dev ## the same in under a minute, ratios only
	@$(PY) -m bench --quick $(ARGS)

lock: dev ## resolve dependencies anew into the lock files
	@deploy/lock.sh $(ARGS)

openapi: dev ## write the generated API documents and the web app's types anew
	@deploy/api_documents.sh write

dashboards: dev ## write the Grafana dashboards anew from deploy/observability/dashboards.py
	@$(PY) deploy/observability/dashboards.py write

web: runtime ## build the web app into web/dist
	@$(NATIVE) build-web

screenshots: dev ## take the pictures in docs/screenshots anew (two minutes)
	@$(NATIVE) ensure-browser
	@$(NATIVE) build-web
	@PYTHONPATH=tests/e2e/support $(PY) -m twotop_e2e.screenshots

clean: ## stop everything and delete what was generated: data, builds, the environment
	@if [ -x $(PY) ]; then $(NATIVE) finish --remove-data || true; fi
	@rm -rf .venv .twotop web/node_modules web/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* htmlcov

runtime:
	@deploy/environment.sh runtime

dev:
	@deploy/environment.sh dev
