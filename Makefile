# R-series router firmware. `make` prints what there is to do.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
PYTHON := $(VENV)/bin/python
PYTEST := $(PYTHON) -m pytest
CATALOGUES := $(wildcard firmware/model/translations/*/LC_MESSAGES/*.po webui/translations/*/LC_MESSAGES/*.po bizlite/web/translations/*/LC_MESSAGES/*.po)
PACKAGES := firmware fastpath webui bizlite tests buildroot
SITE ?= run
PAGE_PORT ?= 8443
FUZZ_S ?= 20
BOARD ?= x86_64
BUILDROOT ?=
OUT ?= build/image-dev
KERNEL ?=
ARCH ?=
# Without what was said to this make: U-Boot and others would take BOARD= for theirs.
CLEAN_MAKE = env -u MAKEFLAGS -u MAKELEVEL -u BOARD -u BUILDROOT $(MAKE)
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
test: build ## Run everything: checks, all tests, the C tests, the full kernel, the browser, the image, a short fuzz
	@$(MAKE) check
	@$(MAKE) -j$$(nproc) -C fastpath test PYTHON=$(abspath $(PYTHON))
	@# Three at once, each told when it ends: the full kernel computes, the others often wait for what they started.
	@# With four, what is waited for in tests was late now and then.
	@$(MAKE) -j3 -k -Otarget suite-vm suite-kernel suite-rest suite-browser suite-image
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

suite-vm suite-kernel: suite-%:
	@$(PYTEST) tests/$*

# These give way: the emulated machine needs a processor of its own.
suite-browser:
	@nice $(PYTEST) -m 'not long' tests/browser

suite-rest:
	@nice $(PYTEST) -m 'not long' tests $(foreach other,vm kernel browser image cross,--ignore tests/$(other))

# The short form of test-image: it boots, keeps its budgets, its root is checked, and who dies in it comes back.
suite-image:
	@.ci/install-packages image-packages
	@nice $(PYTHON) -m buildroot.dev.build build/image-dev
	@RS_IMAGE=$(abspath build/image-dev)/images/disk.img nice $(PYTEST) -m image \
	  -k 'not power_cut and not altered' tests/image/test_reference_image.py

test-vm: build ## Run the kernel suite on the full kernel in QEMU
	@$(PYTEST) tests/vm

test-business: build ## Run all of the business, with what make test has no time for
	@$(PYTEST) tests/bizlite $(wildcard tests/browser/test_business*.py) tests/browser/test_job_card.py

test-browser: build ## Run the browser suite in Chromium
	@$(PYTEST) tests/browser

fuzz: build ## Replay the kept crashes, then fuzz every parser, FUZZ_S seconds in all (20)
	@$(MAKE) -j$$(nproc) -C fastpath fuzz SECONDS=$(FUZZ_S)

bench: build ## Run the benchmarks, one JSON line per figure; T=NAME for one
	@for file in tests/bench/$(or $(T),*).py; do \
	  [ "$${file##*/}" = __init__.py ] || $(PYTHON) -m tests.bench.$$(basename $$file .py) || exit 1; done

image: buildroot-path catalogues ## Build the image of a board: make image BOARD=x86_64 BUILDROOT=path (boards: buildroot/README.md)
	@test -e buildroot/configs/rs_$(BOARD)_defconfig || { echo "There is no board $(BOARD); there are:" \
	  $(patsubst buildroot/configs/rs_%_defconfig,%,$(wildcard buildroot/configs/*)); exit 1; }
	@$(CLEAN_MAKE) -C $(BUILDROOT) O=$(abspath build/image-$(BOARD)) BR2_EXTERNAL=$(abspath buildroot) rs_$(BOARD)_defconfig
	@$(CLEAN_MAKE) -C build/image-$(BOARD)
	@ls -l build/image-$(BOARD)/images

image-dev: build ## Build the reference image from Debian's packages, that boots in QEMU: OUT=build/image-dev KERNEL=build/kernel
	@.ci/install-packages image-packages
	@nice $(PYTHON) -m buildroot.dev.build $(OUT) $(if $(KERNEL),--kernel $(KERNEL))

kernel: venv ## Build the board's own kernel, which leaves the product 128 MB: build/kernel, half an hour
	@.ci/install-packages kernel-packages
	@nice $(PYTHON) -m buildroot.dev.board_kernel build/kernel

bundle: ## Make a signed update of the image below OUT: rs-VERSION-BOARD.swu
	@$(PYTHON) -m buildroot.dev.bundle $(OUT)

image-installer: image-dev rsflash ## Build a USB disk that installs the reference image, and what rsflash batch serves
	@nice $(PYTHON) -m buildroot.dev.installer $(OUT)

rsflash: venv ## Build build/rsflash.pyz: writes the image to disks, prints label and protocol
	@$(PYTHON) -m buildroot.dev.pyz build/rsflash.pyz

publish: ## Sign the list of the bundles in a folder, for boxes to look at: FOLDER=path FIRST="SERIAL ..." OTHERS_AFTER=DAYS
	@test -d '$(FOLDER)' || { echo 'FOLDER=path must name the folder that the bundles rs-….swu lie in.'; exit 1; }
	@$(PYTHON) -m buildroot.dev.publish '$(FOLDER)' $(addprefix --first ,$(FIRST)) $(if $(OTHERS_AFTER),--others-after $(OTHERS_AFTER)) \
	  $(foreach language,en zh,$(if $(wildcard $(FOLDER)/notes.$(language).txt),--notes-$(language) '$(FOLDER)/notes.$(language).txt'))

test-image-page: image-dev ## Boot the reference image, set it up and update it by the page in Chromium
	@RS_IMAGE=$(abspath $(OUT))/images/disk.img $(PYTEST) -m image -s tests/image/test_page.py

test-image: image-installer ## Boot the reference image in QEMU and hold it to its budgets, with every fault; make test has a part of it
	@RS_IMAGE=$(abspath $(OUT))/images/disk.img $(PYTEST) -m image -s tests/image

test-cross: build ## Build the C code for other processors and run its tests by qemu-user: ARCH=aarch64|armhf|mipsel|mips
	@.ci/install-packages cross-packages
	@RS_ARCH='$(ARCH)' $(PYTEST) -m cross tests/cross/test_c.py

test-cross-boot: build ## Boot Debian's kernels for other processors in QEMU: packets are queued, recognised and marked
	@.ci/install-packages cross-packages
	@RS_ARCH='$(ARCH)' $(PYTEST) -m cross tests/cross/test_boot.py

check-buildroot: buildroot-path ## Hold buildroot/ against a real Buildroot without building: BUILDROOT=path
	@env -u MAKEFLAGS -u MAKELEVEL -u BUILDROOT buildroot/check $(BUILDROOT)

buildroot-path:
	@test -e '$(BUILDROOT)/support/scripts/br2-external' || { echo 'BUILDROOT=path must name a Buildroot of 2026.02 or' \
	  'newer, from https://buildroot.org/download.html or git clone https://gitlab.com/buildroot.org/buildroot.'; exit 1; }

clean: ## Remove what was built; the Python environment stays
	@$(MAKE) -C fastpath clean
	@rm -rf build $(CATALOGUES:.po=.mo) .pytest_cache .mypy_cache .ruff_cache

.PHONY: help build packages suite-vm suite-kernel suite-rest suite-browser suite-image venv fastpath catalogues run test check fix golden test-vm test-business test-browser fuzz bench image image-dev kernel image-installer rsflash bundle publish test-image-page test-image test-cross test-cross-boot check-buildroot buildroot-path clean
