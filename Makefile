# Every target is a line or two; `make help` lists them. Nothing but Python 3.11+, pip, git and make is needed.
PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python -m livekit_deploy
# tests of the real servers at a time: they bear no machine that has more to do than it can
AT_ONCE ?= 2

# what the edit loop leaves out: it starts processes, or tries every key with every spelling
NOT_FAST := config/test_config_input package/test_release cli/test_streams package/test_wheel

.PHONY: help setup demo test test-fast check cover kill soak real real-kill faults bench acceptance schema clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: .venv/ready  ## make the virtual environment and install everything into it

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: setup  ## build the whole dev environment against the sandbox and show where LiveKit answers
	$(RUN) up --env dev --sandbox --yes

.venv/emulator: pyproject.toml
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$@/bin/pip install --quiet --disable-pip-version-check --group emulator
	@touch $@

test: setup .venv/emulator  ## run the tests (about eight minutes on two cores)
	$(BIN)/python -m pytest -n 4 --dist worksteal -m 'not slow'

test-fast: setup  ## the edit loop: unit tests, and the life of one of each kind of AWS object
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow' $(NOT_FAST:%=--ignore tests/unit/%.py) tests/unit \
	  tests/contract/test_described.py tests/contract/test_resource.py::test_the_life_of_a_resource

check: setup  ## formatting, lint, types, layers, dependencies, generated files up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry livekit_deploy
	$(BIN)/python -m pytest -m 'not slow' -k 'up_to_date' tests/unit

cover: setup .venv/emulator  ## no line and no branch of engine and state that the unit and contract tests leave out
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow' tests/unit tests/contract --cov

kill: setup  ## die before and after every call of up, of up with a change and of down, and print the table
	$(BIN)/python -m pytest -n 2 --dist worksteal -m kill --every 1 tests/kill tests/k8s

soak: setup .venv/emulator  ## run the proofs that take long: a hundred processes killed at random moments, a hundred disturbed, and all the others
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'slow and not kill' --rounds 100

real: setup .venv/real  ## build the real servers (etcd, Kubernetes, LiveKit; needs go) and run the product against them
	$(BIN)/python -m tests.real.build
	$(BIN)/python -m pytest -n $(AT_ONCE) --dist loadfile -m 'not slow' -rfEs tests/real

real-kill: setup .venv/real  ## against the real servers, die at every boundary of the Kubernetes part, and print the table
	$(BIN)/python -m tests.real.build
	$(BIN)/python -m pytest -m kill --every 1 -rfEs tests/real

.venv/real: pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,real]'
	@touch $@

faults: setup  ## print the table of every fault against every kind
	$(BIN)/python -m tests.faults

bench: setup  ## measure what the product promises, as ratios and counts
	$(BIN)/python -m tests.bench

acceptance: setup  ## in an account of your own: a new environment like ENV=…, changed, taken down, reported (YES=1: do not ask)
	$(BIN)/python -m tests.acceptance --env $(ENV) $(if $(YES),--yes) $(ARGS)

schema: setup  ## write the generated files: the state's schema, the configuration reference
	$(BIN)/python -m tests.generate

clean:  ## remove what the targets above made
	-$(RUN) sandbox stop
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis state/local
