# `make demo` and `make test` do everything from a fresh clone on Debian or Ubuntu.
# They need Python 3.11 or newer; what else is missing is installed if you are root.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE := node_modules/.package-lock.json
export DEMO_STARTED_S := $(shell date +%s)

.PHONY: help demo test outages lint audit bench image lock clean packages browsers screenshots

help: ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: packages $(VENV)/installed $(NODE) ## a real PBX, the recorder and calling phones; CHECK=1 verifies them and ends
	$(BIN)/python -m lab.demo $(if $(CHECK),--check)

test: packages browsers $(VENV)/installed $(NODE) ## format, lint, types, dependencies and every test, on real parts
	$(MAKE) --no-print-directory --jobs 2 lint audit
	$(BIN)/python -m lab.tree
	scripts/test $(ARGS)

screenshots: packages $(VENV)/installed ## every page of My Pages, pictured into docs/screenshots/
	@scripts/packages pngquant
	$(BIN)/python -m lab.screenshots $(ARGS)

lint: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

audit: $(VENV)/installed ## known vulnerabilities of the locked dependencies; asks the package index
	$(BIN)/python scripts/audit

outages: packages $(VENV)/installed ## the outage table (docs/reference/outages.md) alone, in about four minutes
	$(BIN)/python -m lab.tree
	$(BIN)/pytest -m outages -p no:cacheprovider $(ARGS)

bench: packages $(VENV)/installed ## measure, each beside its peer in the same run; writes bench/results/
	$(BIN)/python -m bench

image: packages $(VENV)/installed ## the recorder's image, without a Docker engine, and a call recorded by it
	@scripts/packages buildah debootstrap
	scripts/image
	$(BIN)/python -m lab.tree
	$(BIN)/pytest -m image tests/docker
	mkdir -p dist && rm -f dist/ari_recorder.tar
	scripts/buildah push --quiet ari_recorder:recorder docker-archive:dist/ari_recorder.tar:ari_recorder:latest
	@echo "dist/ari_recorder.tar is for: docker load --input dist/ari_recorder.tar"

packages:
	@scripts/packages

BROWSERS := firefox-esr webkit2gtk-driver xvfb gstreamer1.0-plugins-base gstreamer1.0-plugins-good

browsers: # not every distribution has them; the tests that want them say when they are not there
	@scripts/packages $(BROWSERS) || echo "Without these browsers their tests are skipped." >&2
	@scripts/packages chromium-headless-shell || echo "Without it the tests take longer, with Chromium itself." >&2

# The lock has all of it. What is imported is compiled then: to compile everything takes longer.
$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# What the demo's softphone is made of; npm checks the hashes of the lock file.
$(NODE): package-lock.json .npmrc
	npm ci --ignore-scripts --silent
	@touch $@

LOCK := uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --upgrade

lock: ## renew requirements.lock and the image's parts of it (needs uv)
	$(LOCK) pyproject.toml --group dev --all-extras --output-file requirements.lock
	$(LOCK) pyproject.toml --extra postgresql --extra s3 --constraint requirements.lock --output-file docker/requirements.lock
	$(LOCK) --group build --constraint requirements.lock --output-file docker/build.lock

clean: ## remove what was made here (not the Asterisk in the cache folder)
	rm -rf $(VENV) node_modules .lab .mypy_cache .pytest_cache .ruff_cache .hypothesis
