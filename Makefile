# Commands to run, test and measure the package. `make help` lists the targets.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# number of processes that run tests
WORKERS ?= 2
# `make test` has tests that wait for servers and processes: one process more keeps the cores busy
TEST_WORKERS ?= $(shell expr $(WORKERS) + 1)
# Tests run in several processes: threads of the linear algebra in each would only wait for each other.
ONE_THREAD = OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
# without the plugin for notebooks, whose import takes each process more than a second
PYTEST  = $(ONE_THREAD) $(BIN)/python -m pytest -p no:nbval -n $(WORKERS) --dist worksteal
NOTEBOOKS = $(ONE_THREAD) $(BIN)/python -m pytest -W default --nbval-lax --nbval-current-env --nbval-cell-timeout=240 \
  --nbval-sanitize-with tests/nbval_sanitize.cfg
CHECK = $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy -p scoring && $(BIN)/lint-imports
# where `make run` keeps its database and results
DB     ?= data/market.db
USERS  ?= 10000
JOBS   ?= 100000
# checked before `$(DB)` is created: USERS and JOBS do not change an existing market
EXISTS := $(wildcard $(DB))
REPORT := import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); \
  users, jobs = (db.execute("SELECT count(*) FROM " + name).fetchone()[0] for name in ("users", "jobs")); \
  print(f"{sys.argv[1]} exists and is used: {users:,} users, {jobs:,} jobs. For other sizes, remove it or set DB=another.db.")

# with this variable, every command that a test starts would compile all modules again
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-unit test-long proof coverage check notebooks workbench lab panel benchmark benchmarks docs audit clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -e .
	@touch $@

$(VENV)/.workbench: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[workbench]'
	@touch $@ $(VENV)/.run

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[test]'
	@touch $@ $(VENV)/.run $(VENV)/.workbench

$(DB): | $(VENV)/.run
	$(BIN)/scoring init --db $(DB) --users $(USERS) --jobs $(JOBS)

run: $(VENV)/.run $(DB) ## create a market and rank all jobs for each user (a second run uses the existing market)
	@$(if $(EXISTS),$(BIN)/python -c '$(REPORT)' '$(DB)' 2>/dev/null || true)
	$(BIN)/scoring run --db $(DB)

check: $(VENV)/.test ## style, types and layers
	$(CHECK)

notebooks: $(VENV)/.test ## run every notebook and compare the marked outputs
	$(NOTEBOOKS) -n $(WORKERS) --dist loadfile notebooks

# One process runs the notebooks and then the checks while the tests run. Each waits for other processes, so that the
# cores stay busy.
test: $(VENV)/.test ## all checks: style, types, layers, tests, notebooks
	@mkdir -p build
	@{ $(NOTEBOOKS) notebooks; notebooks=$$?; $(CHECK) && exit $$notebooks; } \
	  >build/notebooks.log 2>&1 & checks=$$!; \
	trap 'kill $$checks 2>/dev/null' INT TERM; \
	$(PYTEST) -n $(TEST_WORKERS) -m 'not long' --durations=10 --counts build/counts/test.json tests; tests=$$?; \
	wait $$checks; checks=$$?; cat build/notebooks.log; \
	[ $$tests = 0 ] && [ $$checks = 0 ]

test-unit: $(VENV)/.test ## the unit tests: about a minute
	$(PYTEST) -m unit tests

test-long: $(VENV)/.test ## the random tests with their full counts
	$(PYTEST) -m long --counts build/counts/test-long.json tests

proof: $(VENV)/.test ## write docs/proof.md from the counts of the last `make test` and `make test-long`
	$(BIN)/python -m tests.support.proof_page

coverage: $(VENV)/.test ## branch coverage of the package: at least 95 % (kernels also as plain Python; half an hour)
	rm -f .coverage*
	NUMBA_CACHE_DIR=build/compiled $(BIN)/coverage run -m pytest -n $(WORKERS) --dist worksteal -m 'not long' tests \
	  --deselect tests/cli/commands/test_run.py::test_full_disk_is_reported_in_one_line  # the data files of coverage would exceed its disk limit
	NUMBA_DISABLE_JIT=1 $(BIN)/coverage run -m pytest -n $(WORKERS) --dist worksteal -m 'not long' -W ignore::RuntimeWarning \
	  tests/backends/numba tests/tuning/test_weight_sweep.py tests/tuning/test_sweep_metrics.py
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

$(VENV)/.docs: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[docs]'
	@touch $@ $(VENV)/.run

docs: $(VENV)/.docs ## the documentation as pages: build/docs/index.html (a minute; warnings and dead links are errors)
	$(BIN)/python -m sphinx -c docs -d build/doctrees -j $(WORKERS) -W --keep-going --quiet . build/docs
	$(BIN)/python docs/_ext/site_links.py build/docs

workbench: $(VENV)/.workbench ## install JupyterLab, the tuning panel and the profilers

lab: $(VENV)/.workbench ## JupyterLab on the notebooks (localhost, with a token)
	$(BIN)/scoring lab

panel: $(VENV)/.workbench $(DB) ## the tuning panel as a page (localhost, with a token)
	$(BIN)/scoring panel --db $(DB)

benchmark: $(VENV)/.run ## time real scoring against the target of 180 ms per user
	$(BIN)/python scripts/performance_benchmark.py --users $(USERS) --jobs $(JOBS)

$(VENV)/.benchmarks: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[benchmarks]'
	@touch $@ $(VENV)/.run

benchmarks: $(VENV)/.benchmarks ## all benchmarks with their targets, compared with other packages (half an hour)
	$(BIN)/python -m benchmarks

# in a separate environment, so that the tool's own requirements are not audited
$(VENV)/audit/bin/pip-audit: | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.7'

audit: $(VENV)/.run $(VENV)/audit/bin/pip-audit ## known vulnerabilities of the installed packages (needs the network)
	$(BIN)/python scripts/vulnerability_audit.py $(VENV)/audit/bin/pip-audit

clean: ## remove the environment, build files, and created data
	rm -rf $(VENV) *.egg-info build data/*.db data/*.db-* data/*runs data/refused .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
