# Two commands on a fresh machine: `make demo`, `make test`. Nothing else by hand.
SHELL := /bin/bash
BIN := .venv/bin
WITH := . .setup/env && exec

# Weights and footage kept beside the checkout serve before anything is fetched.
ifneq ($(wildcard ../shared),)
export SIGHTLINE_ASSETS ?= $(abspath ../shared)
endif

# Their own targets: they take long.
LONG := $(addprefix benchmarks/,soak.py kill.py market_noise.py association_sensitivity.py ladder.py history_growth.py kill_upkeep.py bench_peers.py detector_rates.py)

.DEFAULT_GOAL := help
.PHONY: help setup setup-gui setup-test demo gui test lint bench bench-speed bench-peers bench-history soak kills clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  ARGS=... is passed on: make demo ARGS='--out DIR', make test ARGS='-k gallery'"

setup: ## the virtual environment and all it needs to run, in .venv
	@.ci/setup run

setup-gui:
	@.ci/setup gui

setup-test:
	@.ci/setup test

demo: setup ## people followed over three cameras made of one real clip; says where the page is
	@$(WITH) $(BIN)/sightline demo $(ARGS)

gui: setup-gui ## the window: make gui ARGS='A.mp4 B.mp4'
	@$(WITH) $(BIN)/sightline gui $(ARGS)

# A file's tests stay together. JOBS=0: one after the other, in one process. A process that dies ends the tests:
# one begun in its place waits for ever. Workers have their windows offscreen; real keys need a display.
JOBS ?= 2
test: setup-test ## the tests
	@$(WITH) $(BIN)/pytest -n $(JOBS) --dist loadfile --max-worker-restart 0 $(ARGS)
	@$(if $(ARGS),:,$(WITH) $(BIN)/pytest -n 0 -k real_keys tests/test_app_gui_corrections.py)

lint: setup-test ## style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(WITH) $(BIN)/pytest tests/test_rules.py

bench: setup-test ## the figures of docs/benchmarks.md, measured here
	@. .setup/env && for file in $(filter-out $(LONG),$(wildcard benchmarks/*.py)); do echo "== $$file"; $(BIN)/python $$file $(ARGS) || exit 1; done

bench-speed: setup-test ## has something become slower or worse? ratios beside the recorded ones (5 minutes); ARGS=--record
	@$(WITH) $(BIN)/python benchmarks/regression.py $(ARGS)

bench-peers: setup-test ## whole lines beside ultralytics and BoxMOT, in CPU seconds (half an hour); ARGS='--films quiet'
	@$(WITH) $(BIN)/python benchmarks/bench_peers.py $(ARGS)

bench-history: setup-test ## what a history costs when it has grown: ARGS='--sightings 10000000 --portraits 1 --jpeg 0'
	@$(WITH) $(BIN)/python benchmarks/history_growth.py $(ARGS)

fuzz: setup-test ## damaged films, pictures, settings, truths, archives and networks: used or refused, never a fault (minutes)
	@$(WITH) $(BIN)/python tests/fuzz.py $(ARGS)

soak: setup-test ## many live cameras with faults at random, for an hour or ARGS='--minutes N --upkeep --disk DIR': does anything grow?
	@$(WITH) $(BIN)/python benchmarks/soak.py $(ARGS)

kills: setup-test ## killed a hundred times, live and whatever changes a history: is it sound and whole? (15 minutes)
	@. .setup/env && $(BIN)/python benchmarks/kill.py --kills 20 $(ARGS) && $(BIN)/python benchmarks/kill_upkeep.py $(ARGS)

clean: ## removes caches and builds
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## and the virtual environment
	rm -rf .venv .setup *.egg-info
