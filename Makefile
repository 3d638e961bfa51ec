# make quickstart   the main job, from an empty environment to printed answers
# make test         every gate that CI runs
# make acceptance   the figures on real data; needs the folder named by ZOO_SHARED
# make gpu          what only a GPU shows, and the figures of one; needs one
# make faults       what a run survives: every row of docs/explanation/reliability.md, ten minutes
# make faults-peers the same for the peers
# make bench        the figures of docs/explanation/performance.md; takes about an hour
# make resume-matrix  every architecture, optimizer, schedule and option stopped and resumed, half an hour
# make teams        several processes against one, and two network namespaces as two machines; needs root
# make compatibility  trains, exports and compares every network of timm and torchvision, for hours; can be stopped
# make conformance  the conformance kit over every entry but the architectures of the bridges, half an hour
# make optimizers  every optimizer descends and resumes; can be stopped
# make docs         the documentation, into site/
# make fuzz         every reader of foreign bytes for MINUTES=10 in all; TARGET=table for one alone

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(sort $(wildcard plugins/*))
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SOURCES := pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)

# Thousands of processes are started; each would have to compile Zoo for itself.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: quickstart test lint types pytest acceptance gpu bench faults faults-peers fuzz resume-matrix teams compatibility conformance optimizers docs format clean

quickstart: $(VENV)/.installed
	rm -rf runs/quickstart
	$(BIN)/zoo list
	$(BIN)/zoo train convnet --data digits --run runs/quickstart
	$(BIN)/zoo export runs/quickstart
	$(BIN)/zoo verify runs/quickstart/model.onnx
	$(BIN)/zoo predict runs/quickstart/model.onnx examples/digits

test: lint types pytest

lint: $(VENV)/.tested
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports

types: $(VENV)/.tested
	$(BIN)/mypy

# Two workers share two cores: more threads in each would only wait for one another.
pytest: $(VENV)/.tested
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

acceptance: $(VENV)/.tested
	$(BIN)/python -m pytest --override-ini testpaths=acceptance -m "acceptance and not gpu" acceptance

gpu: $(VENV)/.tested
	$(BIN)/python -m pytest --override-ini testpaths=acceptance/gpu -m gpu acceptance/gpu
	$(BIN)/python -m benchmarks.resume_matrix --slice --device cuda
	$(BIN)/python -m benchmarks.resnet50 --loops bare,zoo,float32

faults: $(VENV)/.tested
	$(BIN)/python -m benchmarks.faults
	$(BIN)/python -m benchmarks.faults.page

faults-peers: .venv-peers/.installed
	.venv-peers/bin/python -m benchmarks.faults.peers
	.venv-peers/bin/python -m benchmarks.faults.page

MINUTES ?= 10

# Without atheris for this Python, mutants run alone.
fuzz: $(VENV)/.tested
	$(INSTALL) --editable '.[train,dev,fuzz]'
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzzing --minutes $(MINUTES) $(if $(TARGET),--target $(TARGET))

# The peers have an environment of their own: Zoo is developed without them.
bench: .venv-peers/.installed
	.venv-peers/bin/python -m benchmarks.loops
	.venv-peers/bin/python -m benchmarks.allocation
	.venv-peers/bin/python -m benchmarks.compiled
	.venv-peers/bin/python -m benchmarks.precision
	.venv-peers/bin/python -m benchmarks.exactness
	.venv-peers/bin/python -m benchmarks.first_step
	.venv-peers/bin/python -m benchmarks.startup
	.venv-peers/bin/python -m benchmarks.resize
	.venv-peers/bin/python -m benchmarks.tokenising

resume-matrix: $(VENV)/.tested
	$(BIN)/python -m benchmarks.resume_matrix

compatibility: $(VENV)/.tested
	$(BIN)/python -m benchmarks.compatibility --families --all
	$(BIN)/python -m benchmarks.facts timm --conformance
	$(BIN)/python -m benchmarks.facts torchvision --conformance
	$(BIN)/python -m benchmarks.compatibility_page

teams: $(VENV)/.tested
	$(BIN)/python -m benchmarks.teams
	$(BIN)/python -m benchmarks.machines

conformance: $(VENV)/.tested
	$(BIN)/python -m benchmarks.conformance

optimizers: $(VENV)/.tested
	$(BIN)/python -m benchmarks.optimizers
	$(BIN)/python -m benchmarks.optimizers_page

docs: $(VENV)/.tested
	$(BIN)/mkdocs build --strict

format: $(VENV)/.tested
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) .venv-peers site runs

$(VENV)/.installed: $(SOURCES)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[train]' $(addprefix --editable ./,$(PLUGINS))
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(INSTALL) --editable '.[train,dev]'
	touch $@

.venv-peers/.installed: $(SOURCES) benchmarks/peers.txt
	$(PYTHON) -m venv .venv-peers
	$(subst $(BIN),.venv-peers/bin,$(INSTALL)) --editable '.[train]' $(addprefix --editable ./,$(PLUGINS)) \
		--requirement benchmarks/peers.txt
	touch $@
