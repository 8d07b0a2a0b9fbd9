# Each target sets up what it needs from nothing, in .venv of this checkout. Python 3.11, no root.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --constraint constraints.txt
HOST ?= 127.0.0.1
PORT ?= 8000
# Extras beside the core for `make serve`, for example EXTRAS=openvino on Intel processors.
EXTRAS ?=
# Where `make scan` keeps its records; the same one goes on where it was stopped.
OUT ?= runs/scan

.PHONY: serve test lint format train scan bench e2e clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core$(EXTRAS): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.$(if $(EXTRAS),[$(EXTRAS)])'
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[train,openvino,client,s3,scan,ray,postgres,privacy,dev]'
	touch $@

serve: $(VENV)/.core$(EXTRAS)  ## Install the core and serve the shipped model on http://127.0.0.1:8000
	$(BIN)/patrol serve --host $(HOST) --port $(PORT)

test: $(VENV)/.dev  ## Install everything and run every test that can run here
	$(BIN)/python -m pytest

e2e: $(VENV)/.dev  ## Only the tests with real servers
	$(BIN)/python -m pytest tests/e2e

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

train: $(VENV)/.dev  ## Fine-tune on ../shared/data as configs/train.yaml says; goes on where it was cut off
	$(BIN)/patrol train

scan: $(VENV)/.core$(EXTRAS)  ## make scan SOURCE=folder [OUT=records] [ARGS='--export csv']; goes on where it was stopped
	$(if $(SOURCE),,$(error Say what to scan: make scan SOURCE=folder-or-archive [OUT=folder-of-records]))
	$(BIN)/patrol scan $(SOURCE) --out $(OUT) $(ARGS)

bench: $(VENV)/.dev  ## make bench PHOTO=some.jpg
	$(BIN)/python -m benchmarks.encodings $(PHOTO)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
