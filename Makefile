# Boatyard's commands for people and for CI. Everything is installed into .venv; state goes to .boatyard.
.PHONY: demo test clients torture fuzz unit lint types lock bench clean
.DELETE_ON_ERROR:

PYTHON_BIN := .venv/bin
LOCAL := $(CURDIR)/.boatyard
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Tests have homes and data directories of their own, but share the container environments, which take minutes to
# build, with everything else of this user: this is the default of the setting.
export BOATYARD_ENVIRONMENTS_DIRECTORY ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/boatyard/environments
TEST_OPTIONS ?=

.venv/installed: pyproject.toml requirements.lock tools/create-venv.sh tools/install.sh
	tools/create-venv.sh
	tools/install.sh
	@touch $@

.venv/developed: pyproject.toml requirements-development.lock tools/create-venv.sh tools/install.sh
	tools/create-venv.sh
	tools/install.sh development
	@touch $@ .venv/installed

demo: .venv/installed   ## Set everything up and carry the algorithm from commit to production.
	boatyard demo

test: .venv/developed   ## Set everything up and pass all tests.
	boatyard setup
	$(PYTHON_BIN)/python -m tests.clients.environments
	$(PYTHON_BIN)/python -m tests.clients.programs
	@mkdir -p $(LOCAL)
	$(PYTHON_BIN)/python -m pytest --basetemp=$(LOCAL)/tests $(TEST_OPTIONS)

# Everything that is tried of the clients, and the table of it.
clients: .venv/developed   ## Drive the server with the clients of others, and write docs/reference/clients.md.
	boatyard setup
	$(PYTHON_BIN)/python -m tests.clients.environments --all
	$(PYTHON_BIN)/python -m tests.clients.programs --all
	@mkdir -p $(LOCAL)
	CLIENTS_TABLE=docs/reference/clients.md $(PYTHON_BIN)/python -m pytest --basetemp=$(LOCAL)/clients --timeout 3600 \
		--override-ini "python_files=test_*.py long_*.py" tests/clients $(TEST_OPTIONS)

# TORTURE_ROUNDS kills at every boundary that the blueprint's life crosses; TORTURE_SEED repeats a run.
torture: .venv/developed   ## Kill the server 200 times, at every boundary and at random moments.
	boatyard setup
	@mkdir -p $(LOCAL)
	TORTURE_ROUNDS=$${TORTURE_ROUNDS:-200} $(PYTHON_BIN)/python -m pytest --basetemp=$(LOCAL)/torture --timeout 36000 -s \
		tests/torture/torture_kills.py $(TEST_OPTIONS)

# FUZZ_REQUESTS requests from FUZZ_SEED, FUZZ_THREADS at a time; FUZZ_ONLY=NUMBER sends one of them again.
fuzz: .venv/developed   ## Send the server what nobody would mean to, built from the service models.
	@mkdir -p $(LOCAL)
	FUZZ_REQUESTS=$${FUZZ_REQUESTS:-200000} FUZZ_THREADS=$${FUZZ_THREADS:-6} $(PYTHON_BIN)/python -m pytest \
		--basetemp=$(LOCAL)/fuzz --timeout 36000 -s tests/fuzz $(TEST_OPTIONS)

unit: .venv/developed   ## The tests that need no container engine.
	@mkdir -p $(LOCAL)
	$(PYTHON_BIN)/python -m pytest --basetemp=$(LOCAL)/unit tests/unit $(TEST_OPTIONS)

lint: .venv/developed
	$(PYTHON_BIN)/ruff check .
	$(PYTHON_BIN)/ruff format --check .

types: .venv/developed
	$(PYTHON_BIN)/mypy

lock: .venv/developed   ## Write the lock files anew from pyproject.toml.
	$(PYTHON_BIN)/uv pip compile --quiet --universal --no-header --no-emit-index-url pyproject.toml --output-file requirements.lock
	$(PYTHON_BIN)/uv pip compile --quiet --universal --no-header --no-emit-index-url --extra development pyproject.toml --output-file requirements-development.lock
	cd tests/clients/requirements && for name in *.in; do $(CURDIR)/$(PYTHON_BIN)/uv pip compile --quiet --universal --no-header \
		--no-annotate --python-version 3.11 $$name --output-file $${name%.in}.txt || exit 1; done
	cd bench/requirements && $(CURDIR)/$(PYTHON_BIN)/uv pip compile --quiet --universal --no-header --no-annotate \
		--python-version 3.11 peers.in --output-file peers.txt
	$(PYTHON_BIN)/python -m tests.clients.programs lock

# BENCH=full takes longer; BENCH_SECTIONS="s3 endpoint" measures only those.
bench: .venv/developed   ## Measure, beside others, within ten minutes; write bench/results/ and docs/performance.md.
	$(PYTHON_BIN)/python -m bench $(BENCH_SECTIONS)

clean:   ## Remove what the commands above have made here (asks).
	@if [ -x $(PYTHON_BIN)/boatyard ]; then $(PYTHON_BIN)/boatyard reset; fi
	rm -rf .venv
