# Everything starts here. Packages that a target needs are installed when missing.
PYTHON  := /usr/bin/python3
INSTALL := packaging/install-packages
NINJA    = ninja --quiet -C build/$(1) $(2)

.DEFAULT_GOAL := help
.PHONY: run build test test-quick test-full bench fuzz deb format clean help

help:        ## what there is
	@sed -n 's/^\([a-z-]*\):  *## /  make \1\t/p' Makefile | expand -t 20

run:         ## the gateway with its demo configuration in front of a demo upstream
run: build
	@packaging/run-demo

build:       ## build/release/sluice
	@$(INSTALL) build
	@cmake --preset release --log-level=WARNING > /dev/null
	@$(call NINJA,release,sluice)

test:        ## everything: unit, flow, end to end; release, ASan+UBSan, TSan
	@$(INSTALL) build test
	@$(PYTHON) tests/run.py

test-quick:  ## the release part of it
	@$(INSTALL) build test
	@$(PYTHON) tests/run.py --only release

test-full:   ## the same at whole length: 100 MiB at 1 MB/s, 1,000 reloads, ...; an hour
	@$(INSTALL) build test
	@SLUICE_FULL=1 $(PYTHON) tests/run.py --only release

bench:       ## against nginx and HAProxy; BENCH="--quick"
bench: build
	@$(INSTALL) bench
	@$(PYTHON) tests/bench/bench.py $(BENCH)

fuzz:        ## each fuzz target for 60 seconds (FUZZ_SECONDS)
	@$(INSTALL) build fuzz
	@$(PYTHON) tests/fuzz/run.py --seconds $(or $(FUZZ_SECONDS),60)

deb:         ## build/sluice_VERSION_ARCHITECTURE.deb
deb: build
	@$(INSTALL) deb
	@packaging/build-deb build/release

format:      ## clang-format over all sources
	@$(INSTALL) format
	@find src tests plugins -name '*.h' -o -name '*.cc' | xargs clang-format -i

clean:       ## forget all builds
	@rm -rf build
