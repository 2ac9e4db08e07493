# Everything a developer or CI runs. `make run` needs Python 3.11 and nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# The installed project and the installed tools are facts on disk: made once, made again when pyproject.toml changes.
APP    := $(VENV)/app-installed
DEV    := $(VENV)/dev-installed
# Else each test process, and each gateway that tests start, would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
# They wait for sockets and processes more than they compute.
SIDE_BY_SIDE := -n 4 --dist loadscope

.PHONY: run gateway check test style fast spec slow containers format reference bench faults faults-kills faults-failovers clean

run: $(APP)  ## a gateway with its own store, and the client in #lobby
	$(BIN)/python -m client.demo

gateway: $(APP)  ## only the gateway, on 127.0.0.1:6667
	$(BIN)/chat-gateway

# `make check test` runs the fast tests once.
check: style fast  ## format, lint, types, contracts, fast tests

test: fast spec slow containers  ## all tests; those that need a container engine too

style: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fast: $(DEV)
	$(BIN)/python -m pytest -q -m "not containers and not slow" --ignore=tests/spec $(SIDE_BY_SIDE)

spec: $(DEV)  ## what each specification says, over one gateway and over two
	$(BIN)/python -X dev -m pytest -q tests/spec $(SIDE_BY_SIDE)

slow: $(DEV)
	$(BIN)/python -X dev -m pytest -m "slow and not containers" --ignore=tests/spec $(SIDE_BY_SIDE)

containers: $(DEV)
	$(BIN)/python -X dev -m pytest -m "containers"

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

reference: $(DEV)  ## docs/reference.md from the code's own tables
	$(BIN)/python -m tests.docs.reference

bench: $(DEV)
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.fanout

# SEED=n draws the same faults and words again. Each writes its section of docs/faults.md.
LAB = $(BIN)/python -m tests.faults $(if $(SEED),--seed $(SEED)) --write docs/faults.md

faults: $(DEV)  ## the fault lab: ten minutes of every fault, one or two at a time
	$(LAB) mix

faults-kills: $(DEV)  ## a gateway killed 100 times under load
	$(LAB) kills

faults-failovers: $(DEV)  ## ten failovers that lose the last second
	$(LAB) failovers

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(APP): $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(DEV): $(APP)
	$(BIN)/python -m pip install --quiet --group dev
	touch $@
