# R-series router firmware. `make` prints what there is to do.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
PYTHON := $(VENV)/bin/python
PYTEST := $(PYTHON) -m pytest
CATALOGUES := $(wildcard firmware/model/translations/*/LC_MESSAGES/*.po webui/translations/*/LC_MESSAGES/*.po)
PACKAGES := firmware fastpath webui bizlite tests
SITE ?= run
PAGE_PORT ?= 8443
FUZZ_S ?= 20
T ?=

help: ## Print this help
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'
	@echo
	@echo '  T=PATH runs one test (make test T=tests/unit/test_paths.py) or one benchmark (make bench T=commit).'

build: venv fastpath catalogues ## Install what is missing and build everything; .venv/bin/rsctl is then there

packages:
	@.ci/install-packages

venv: packages $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	@test -x $(PYTHON) || python3 -m venv $(VENV)
	@echo 'Installing the Python environment in $(VENV)'
	@$(PYTHON) -m pip install -qq --disable-pip-version-check --editable '.[dev]'
	@touch $@

fastpath: venv
	@$(MAKE) -j$$(nproc) -C fastpath all PYTHON=$(abspath $(PYTHON))

catalogues: $(CATALOGUES:.po=.mo)

%.mo: %.po
	@echo 'MSGFMT $<'
	@msgfmt --check -o $@ $<

run: build ## Start the virtual site with the product and traffic; Ctrl-C ends it
	@$(PYTHON) -m tests.lab run --name $(SITE) --page-port $(PAGE_PORT)

ifeq ($(T),)
test: build ## Run everything: checks, all tests, the C tests, the full kernel, the browser, a short fuzz
	@$(MAKE) check
	@$(MAKE) -j$$(nproc) -C fastpath test PYTHON=$(abspath $(PYTHON))
	@# The machine of the full kernel needs one processor and waits for nobody: it runs beside the rest.
	@mkdir -p build; $(PYTEST) tests/vm >build/vm.log 2>&1 & vm=$$!; \
	  $(PYTEST) tests --ignore tests/vm; rest=$$?; wait $$vm; vm=$$?; cat build/vm.log; [ $$rest$$vm = 00 ]
	@$(MAKE) fuzz
else
test: build
	@$(PYTEST) $(T)
endif

check: build ## Only read: format, lint, types, import arrows, catalogues, C format
	@$(VENV)/bin/ruff check $(PACKAGES)
	@$(VENV)/bin/ruff format --check $(PACKAGES)
	@$(VENV)/bin/mypy
	@$(MAKE) -C fastpath format-check
	@$(PYTEST) -q tests/unit/test_imports.py tests/unit/test_catalogues.py

fix: venv ## Format Python and C, mend what the linter can
	@$(VENV)/bin/ruff check --fix $(PACKAGES)
	@$(VENV)/bin/ruff format $(PACKAGES)
	@$(MAKE) -C fastpath format

golden: build ## Rewrite the expected texts in tests/golden and tests/captures; review the difference
	@GOLDEN_WRITE=1 $(PYTEST) -q tests/golden tests/captures

test-vm: build ## Run the kernel suite on the full kernel in QEMU
	@$(PYTEST) tests/vm

test-browser: build ## Run the browser suite in Chromium
	@$(PYTEST) tests/browser

fuzz: build ## Replay the kept crashes, then fuzz every parser, FUZZ_S seconds in all (20)
	@$(MAKE) -j$$(nproc) -C fastpath fuzz SECONDS=$(FUZZ_S)

bench: build ## Run the benchmarks, one JSON line per figure; T=NAME for one
	@for file in tests/bench/$(or $(T),*).py; do \
	  [ "$${file##*/}" = __init__.py ] || $(PYTHON) -m tests.bench.$$(basename $$file .py) || exit 1; done

clean: ## Remove what was built; the Python environment stays
	@$(MAKE) -C fastpath clean
	@rm -rf build $(CATALOGUES:.po=.mo) .pytest_cache .mypy_cache .ruff_cache

.PHONY: help build packages venv fastpath catalogues run test check fix golden test-vm test-browser fuzz bench clean
