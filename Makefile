# `make reanalyse` and `make test` do all set-up themselves: a check of the interpreter, a
# virtual environment in .venv, and the locked, hashed packages. make.py does the same without make.
#
#   make reanalyse                          all sources, both outcomes: page, tables, figures
#   make reanalyse OPEN_DATA=folder         … with the DfE files in that folder
#   make reanalyse FULL=1                   … with all variants, event studies and refits (far longer)
#   make placebo                            is the model right about real authorities? (resumes)
#   make replicate                          the report's tables on simulated children
#   make posterior                          the posterior models on simulated children
#   make calibrate                          are all posteriors computed right? (hours; resumes)
#   make recover                            what the published design could have detected
#   make notebooks                          the chapters, executed, as notebooks and pages
#   make test                               all checks, and the tests but for long ones (a quarter of an hour)
#   make test-all                           … and those marked long, with coverage (an hour)
#   make fuzz TIMES=10                      so many times what the tests try of damaged files, kills
#   make docs                               the documentation as a site, with the chapters' results
#   make bundle                             project and packages in one file for a secure setting
#   make … WHEELHOUSE=folder                install from that folder, with no network

PYTHON ?= python3
OPEN_DATA ?= $(SOFS_BAYES_OPEN_DATA)
OUT ?= results/reanalysis
WORKERS ?= 2
REPLICATES ?=
WHEELHOUSE ?=
FULL ?=
# Finished folders that the page shows beside the fits.
BESIDE ?= $(dir $(wildcard results/placebo/*/manifest.json))

VENV := .venv
BIN := $(VENV)/bin
OFFLINE := $(if $(WHEELHOUSE),--wheelhouse "$(WHEELHOUSE)")
# Tests of one file, and files that share compiled graphs, stay in one process (tests/order.py).
ON_TWO := --numprocesses 2 --dist loadscope --no-loadscope-reorder
export SOFS_BAYES_OPEN_DATA := $(OPEN_DATA)

.PHONY: help reanalyse placebo replicate posterior test test-all benchmark benchmark-posteriors \
  benchmark-calibration benchmark-peers benchmark-print calibrate fuzz recover notebooks docs bundle \
  lock clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -17

reanalyse: $(VENV)/.package
	$(BIN)/sofs-bayes reanalyse $(if $(OPEN_DATA),--open-data "$(OPEN_DATA)") \
	  $(if $(FULL),--full) $(if $(BESIDE),--beside $(BESIDE)) -o "$(OUT)" --replace

# Authorities that were no pilots, taken for pilots: both outcomes.
placebo: $(VENV)/.package
	for analysis in icpc-open-data cla-open-data; do \
	  $(BIN)/sofs-bayes placebo $$analysis --workers $(WORKERS) \
	    -o results/placebo/$$analysis || exit 1; \
	done

# From referrals to the published tables, on children made up for it.
replicate: $(VENV)/.package
	for outcome in icpc cla; do \
	  $(BIN)/sofs-bayes simulate $$outcome -o results/$$outcome-synthetic --replace && \
	  $(BIN)/sofs-bayes match $$outcome-children results/$$outcome-synthetic \
	    -o results/$$outcome-matched --replace && \
	  $(BIN)/sofs-bayes replicate $$outcome-children results/$$outcome-matched \
	    -o results/$$outcome-replicated --replace || exit 1; \
	done

# The main posterior models of both outcomes, their effects and pictures, and every column's
# posterior beside its estimate.
posterior: $(VENV)/.package
	for pair in icpc:icpc-linear cla:cla-logistic; do \
	  outcome=$${pair%%:*} analysis=$${pair##*:}; \
	  $(BIN)/sofs-bayes simulate $$outcome -o results/$$outcome-synthetic --replace && \
	  $(BIN)/sofs-bayes match $$outcome-children results/$$outcome-synthetic \
	    -o results/$$outcome-matched --replace && \
	  $(BIN)/sofs-bayes fit $$analysis results/$$outcome-matched \
	    -o results/$$analysis-synthetic --replace && \
	  $(BIN)/sofs-bayes diagnose results/$$analysis-synthetic && \
	  $(BIN)/sofs-bayes effects results/$$analysis-synthetic && \
	  $(BIN)/sofs-bayes figure results/$$analysis-synthetic \
	    -o results/$$analysis-figures --replace && \
	  $(BIN)/sofs-bayes replicate $$outcome-children results/$$outcome-matched --posterior \
	    -o results/$$outcome-replicated --replace || exit 1; \
	done

# Long tests are second cases, Monte Carlo and whole posteriors: those marked so.
test: CHOSEN := -m "not long"
test-all: CHOSEN := --cov --cov-report=term
test test-all: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest $(CHOSEN) $(ON_TWO)

# So many times what the tests try of damaged files and of kills; ends with the counts.
TIMES ?= 10
fuzz: $(VENV)/.test
	OPENBLAS_NUM_THREADS=1 SOFS_BAYES_FUZZ=$(TIMES) $(BIN)/python -m pytest tests/fuzz \
	  tests/pipeline/test_kills.py -n 2 --dist load

# The long version of what the tests do in small, for all bundled analyses; with OPEN_DATA newer
# counts than those of the package.
calibrate: $(VENV)/.package
	$(BIN)/sofs-bayes calibrate all $(if $(OPEN_DATA),"$(OPEN_DATA)") \
	  $(if $(REPLICATES),--replicates $(REPLICATES)) --workers $(WORKERS) \
	  -o results/calibration$(if $(OPEN_DATA),-of-given-counts)

recover: $(VENV)/.package
	$(BIN)/sofs-bayes recover icpc-linear --workers $(WORKERS) -o results/recovery-icpc-linear

# Some minutes; the chapter on open data has results with OPEN_DATA.
notebooks: $(VENV)/.test
	$(BIN)/python notebooks/publish.py -o results/notebooks

# The chapters' results and figures are those of results/notebooks, which is made where it is not.
docs: $(VENV)/.test
	test -e results/notebooks/index.html || \
	  $(BIN)/python notebooks/publish.py -o results/notebooks
	$(BIN)/python docs/publish.py --chapters results/notebooks -o results/site

benchmark: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks

# The posterior models of children beside bambi, which gets an environment of its own (an hour).
benchmark-posteriors: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.posteriors --peer

# The counts of real authorities beside bambi, pyfixest, diff-diff and, in one more, CausalPy.
benchmark-peers: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.panel

# The posterior from print beside real standard errors that it was not told (a minute).
benchmark-print: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.print

# Calibration beside simuk, which gets an environment of its own (half an hour).
benchmark-calibration: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.calibration --peer

# What make.py finds missing or stale it makes.
$(VENV)/.package: requirements.lock pyproject.toml
	$(PYTHON) make.py environment $(OFFLINE)

$(VENV)/.test: requirements.lock requirements-test.lock pyproject.toml
	$(PYTHON) make.py environment --tests $(OFFLINE)

# For a machine without network: dist/….zip, which says itself what to do with it.
bundle:
	$(PYTHON) make.py bundle $(OFFLINE)

# New versions on purpose: needs uv.
lock:
	rm -f requirements.lock requirements-test.lock
	uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
	  --no-header --no-strip-extras --extra cluster --group build pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
	  --no-header --no-strip-extras --extra cluster --group build --group test -c requirements.lock pyproject.toml -o requirements-test.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
