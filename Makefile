# The commands of this repository. Everything runs in .venv, which the first command makes (Python 3.11 or newer).
# Written for any make (GNU, BSD) and any POSIX shell.

PROMPT = gothic rosette, twelve petals, 110 mm
OUT = out/demo
PYTEST_ARGS =
TEST_PROCESSES = 3
BIN = .venv/bin

.PHONY: help demo test lint format schemas bench compose-env compose-test clean

help:
	@echo "make demo          design, judge, approve and toolpath one rosette; files in $(OUT)"
	@echo "make test          every test, with real servers on loopback"
	@echo "make lint          ruff, mypy, import directions"
	@echo "make format        let ruff put the code in shape"
	@echo "make schemas       write JSON Schemas, AsyncAPI and docs/messages.md from the code"
	@echo "make bench         measurements"
	@echo "make compose-env   write .env with fresh secrets; add to one that is there what is missing"
	@echo "make compose-test  build the images, start the containers, run the demo against them, remove them"
	@echo "make clean         remove what was generated here; .rmos (your data) stays"

demo:
	@.ci/install all
	@$(BIN)/rmos demo "$(PROMPT)" --out "$(OUT)"

test:
	@.ci/install dev
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint:
	@.ci/install dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format:
	@.ci/install dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

schemas:
	@.ci/install dev
	@$(BIN)/python -m contracts.schema write

bench:
	@.ci/install dev
	@for file in benchmarks/*.py; do name=$$(basename "$$file" .py); echo "== $$name"; $(BIN)/python -m "benchmarks.$$name" || exit 1; done

compose-env:
	@deploy/compose/make-env .env

compose-test:
	@.ci/install all
	@deploy/compose/test

clean:
	rm -rf .venv out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
