# Needs make and a python3 (>= 3.10) with venv; everything else goes into $(VENV).
PYTHON ?= python3
PYTHON_OLDEST ?= python3.10
VENV ?= .venv
VENV_OLDEST ?= .venv-oldest
VENV_NIGHTLY ?= .venv-nightly
VENV_AUDIT ?= .venv-audit
PYTEST_ARGS ?=

PY = $(VENV)/bin/python
PY_OLDEST = $(VENV_OLDEST)/bin/python
PY_NIGHTLY = $(VENV_NIGHTLY)/bin/python
PY_AUDIT = $(VENV_AUDIT)/bin/python
PIP_INSTALL = -m pip install --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo interop installed test test-oldest test-nightly doctest lint format audit examples docs \
	docs-fast smoke clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## *(.*)$$/\1|\2/' \
		| awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

# One stamp for each extra, inside the environment: gone with it, and older than
# pyproject.toml when the requirements change.
$(VENV)/.stamp-%: pyproject.toml
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip
	$(PY) $(PIP_INSTALL) --editable '.[$*]'
	@touch $@

$(VENV_OLDEST)/.stamp: pyproject.toml .ci/oldest.txt
	@test -x $(PY_OLDEST) || $(PYTHON_OLDEST) -m venv $(VENV_OLDEST)
	$(PY_OLDEST) $(PIP_INSTALL) --constraint .ci/oldest.txt --editable '.[test]'
	@touch $@

demo: $(VENV)/.stamp-plot  ## install with the plot extra and run the digits demo
	$(PY) examples/digits_demo.py

test: $(VENV)/.stamp-test  ## run the tests (PYTEST_ARGS="-m 'not slow'" for the quick ones)
	$(PY) -m pytest $(PYTEST_ARGS)

interop: $(VENV)/.stamp-interop  ## install the packages that tests of exports, callbacks and clusters compare with

installed: $(foreach extra,test lint doc plot,$(VENV)/.stamp-$(extra))  ## install what the other targets need

test-oldest: $(VENV_OLDEST)/.stamp  ## run the tests on the oldest supported versions (PYTHON_OLDEST)
	$(PY_OLDEST) -m pytest $(PYTEST_ARGS)

# Without a stamp: there is something newer each day.
test-nightly:  ## run the tests on development versions of the dependencies
	@test -x $(PY_NIGHTLY) || $(PYTHON) -m venv $(VENV_NIGHTLY)
	$(PY_NIGHTLY) $(PIP_INSTALL) --editable '.[test]'
	$(PY_NIGHTLY) $(PIP_INSTALL) --upgrade --requirement .ci/nightly.txt
	$(PY_NIGHTLY) -m pytest $(PYTEST_ARGS)

doctest: $(VENV)/.stamp-test  ## run the examples in the docstrings and in the guide
	$(PY) -m pytest --doctest-modules --doctest-glob='*.rst' skdbn doc

lint: $(VENV)/.stamp-lint  ## check style, format, types, and that the oldest versions equal the lower bounds
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	@grep '^[a-z].*==' .ci/oldest.txt | sed 's/==/>=/' | while read -r bound; do \
		grep -qF "\"$$bound\"" pyproject.toml \
			|| { echo ".ci/oldest.txt: pyproject.toml has no bound \"$$bound\""; exit 1; }; \
	done

format: $(VENV)/.stamp-lint  ## rewrite the code in the project's format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# Strict: else pip-audit finds nothing wrong where pypi.org gives no answer. What is known of the lower bounds
# fails nothing: they say what the package works with, not what to run.
AUDIT = $(PY_AUDIT) -m pip_audit --strict --progress-spinner off
audit:  ## look up known vulnerabilities of what the package needs (asks pypi.org)
	@test -x $(PY_AUDIT) || $(PYTHON) -m venv $(VENV_AUDIT)
	$(PY_AUDIT) $(PIP_INSTALL) --upgrade 'pip-audit>=2.7'
	$(AUDIT) .
	grep -E '^(numpy|scipy|scikit-learn|threadpoolctl)==' .ci/oldest.txt > $(VENV_AUDIT)/oldest.txt
	-$(AUDIT) --no-deps --disable-pip --requirement $(VENV_AUDIT)/oldest.txt

# Run in a temporary directory, so that what an example writes does not land in the tree.
examples: $(VENV)/.stamp-plot  ## run every example, stop at the first error
	@python=$$(cd $(VENV)/bin && pwd)/python; root=$$(pwd); \
	out=$$(mktemp -d) && trap 'rm -rf "$$out"' EXIT && \
	for script in "$$root"/examples/*.py; do \
		echo "$$script" | sed "s|^$$root/||"; \
		(cd "$$out" && MPLBACKEND=Agg "$$python" "$$script") || exit 1; \
	done

# Every warning is an error, every name that a page refers to must exist.
SPHINX = $(PY) -m sphinx -n -W --keep-going -b html

docs: $(VENV)/.stamp-doc  ## build the documentation into doc/_build/html, running every example
	MPLBACKEND=Agg $(SPHINX) doc doc/_build/html

docs-fast: $(VENV)/.stamp-doc  ## build the documentation without running the examples
	$(SPHINX) -t fast doc doc/_build/html

smoke: $(VENV)/.stamp-plot  ## run the benchmarks at their smallest size, without data files
	$(PY) benchmarks/mnist.py --smoke
	$(PY) benchmarks/accuracy.py --smoke
	$(PY) benchmarks/density.py --smoke
	$(PY) benchmarks/supervised.py --smoke
	$(PY) benchmarks/trust.py --smoke
	$(PY) benchmarks/report.py --smoke
	$(PY) benchmarks/scale_out.py --smoke --rows mpi-step one-rank killed search parquet
	$(PY) benchmarks/scaling_model.py --smoke
	$(PY) benchmarks/studies/run.py --smoke

clean:  ## remove caches and build products; the environments stay
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf doc/_build doc/auto_examples doc/generated doc/sg_execution_times.rst
	find . -path './.venv*' -prune -o -type d -name __pycache__ -exec rm -rf {} +
