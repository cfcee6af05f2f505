# What people and CI do here. Needs git, make and Python 3.11 or newer; everything else is
# installed into .venv from hash-locked requirements, once.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# The newest Python of this machine beside the one of .venv, for the tests on a second Python; pyenv's are looked at, too.
OTHER_PYTHON ?= $(shell used=$$($(BIN)/python -c 'import sys; print(*sys.version_info[:2])' 2>/dev/null); \
	for p in python3.14 python3.13 python3.12 python3.11 \
		$$(ls -d $$HOME/.pyenv/versions/3.14*/bin/python3 $$HOME/.pyenv/versions/3.1[321]*/bin/python3 2>/dev/null | sort -rV); do \
	found=$$($$p -c 'import sys; print(*sys.version_info[:2])' 2>/dev/null) && [ "$$found" != "$$used" ] && echo $$p && break; done)

BIN := .venv/bin
UV := $(BIN)/uv
COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --quiet $(if $(UPGRADE),--upgrade)
# A lock of what airfleet.lock has not: both are installed.
BESIDE = -c requirements/airfleet.lock \
	$$(sed -nE 's/^([a-z0-9][a-z0-9._-]*)(\[[^]]*\])?==.*/--no-emit-package \1/p' requirements/airfleet.lock | sort -u)
# What depends on Airflow's own interfaces, for the run against the next Airflow; the language does not reach it.
AIRFLOW_34_TESTS := tests/unit/pipelines/airflow tests/unit/pipelines/across tests/unit/pipelines/local \
	tests/conformance/test_pipeline_tables.py \
	tests/conformance/airflow_contract/airflow_34.py tests/conformance/airflow_contract/airflow_34_yaml.py \
	tests/integration/pipelines/test_importer.py tests/integration/pipelines/test_discovery.py \
	tests/integration/pipelines/test_airflow_cli.py tests/integration/pipelines/test_local_run.py
# Dags in Python are read by the importer of Airflow 3.3.
PYTHON_DAGS := tests/unit/pipelines/airflow/conversion
# Airflow 3.4 walks through folders itself, and a line of .airflowignore that is no pattern ends its walk.
WALKS_ITSELF := tests/integration/pipelines/test_discovery.py::test_links_wrong_bytes_and_files_that_are_no_pipelines_are_in_nobodys_way
# What mostly computes, in two parts; what mostly waits for servers, in two; and what breaks things, which waits, too.
# Three run at a time, so that the two cores of CI have something to do while others wait. What looks at the seconds until
# all is well again has the machine for itself. A test says when a folder is in none.
UNIT_TESTS := tests/unit
RUN_TESTS := tests/integration/pipelines tests/integration/releases tests/semantics tests/conformance
# The tests of the UI ask the fleet that those of fleets have started.
FLEET_TESTS := tests/integration/brokers tests/integration/deploy tests/integration/fleet tests/browser/test_ui.py
TASK_TESTS := tests/integration/proxy tests/integration/runtime tests/browser/test_behind_nginx.py
FAULT_TESTS := tests/faults
TIMED_TESTS := tests/faults/test_matrix.py tests/faults/test_consuming_nothing.py
# Each run of pytest adds the tests that it left out, because a program of the system is missing.
LEFT_OUT := build/left_out.jsonl
test: export AIRFLEET_LEFT_OUT := $(abspath $(LEFT_OUT))
# One long test runs each time, another one for each commit; those that need the machine for themselves by `test-long` alone.
LONG_TURN := $(shell git rev-list --count HEAD 2>/dev/null || echo 0)
LONG_GROUP := $(if $(filter 0,$(shell echo $$(($(LONG_TURN) % 3)))),$(RUN_TESTS) $(FLEET_TESTS),$(FAULT_TESTS)) \
	$(TIMED_TESTS:%=--ignore=%)
# The tests against the next Airflow, and those on another Python, take turns from commit to commit.
NEIGHBOUR := $(if $(filter 0,$(shell echo $$(($(LONG_TURN) % 2)))),test-34,test-python)
# What depends on Python itself: its syntax tree, annotations, forks; and one fleet, on a small machine, too.
PYTHON_TESTS := tests/conformance/airflow_contract tests/unit/pipelines/analysis tests/unit/pipelines/airflow \
	tests/unit/pipelines/language tests/unit/pipelines/upgrade tests/unit/support tests/unit/zygote \
	tests/integration/pipelines/test_importer.py tests/integration/fleet/test_end_to_end.py \
	tests/integration/fleet/test_small_box.py
# Every Python and machine that airfleet can be installed on: the locked wheels exist for it.
PYTHONS := 3.11 3.12 3.13 3.14
MACHINES := x86_64-manylinux_2_28 aarch64-manylinux_2_28

.PHONY: help demo stop test system-packages lint types imports prose docs docs-check test-34 test-python platforms test-unit test-runs test-fleet test-tasks test-faults test-times test-long test-long-turn test-lightning test-buckets mutants bench commits compare soak drill faults format lock install install-dev clean
.DEFAULT_GOAL := help

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: install ## Start the fleet of examples/air_quality and run two of its pipelines
	@$(BIN)/python scripts/demo.py start

stop: ## End what `make demo` started
	@if [ -x $(BIN)/python ]; then $(BIN)/python scripts/demo.py stop; else echo "nothing is running"; fi

test: system-packages install-dev ## Everything that CI runs; what the tests need of the system is installed, or named and left out
	@mkdir -p build && rm -f $(LEFT_OUT)
	@$(MAKE) --no-print-directory -j3 --output-sync=target lint test-unit test-fleet test-tasks test-runs test-faults \
		$(NEIGHBOUR) test-lightning test-buckets test-long-turn docs-check platforms
	@$(MAKE) --no-print-directory test-times
	@$(PYTHON) scripts/system_packages.py summary $(LEFT_OUT)

system-packages: # nginx, Chromium, RabbitMQ and the like: before anything else, for python3-venv is among them
	@[ -z "$(PYTHON)" ] || $(PYTHON) scripts/system_packages.py install

test-unit: install-dev
	$(BIN)/python -m pytest -p tests.no_skips $(UNIT_TESTS) $(PYTEST_ARGS)

test-runs: install-dev
	$(BIN)/python -m pytest -p tests.no_skips $(RUN_TESTS) $(PYTEST_ARGS)

test-fleet: install-dev
	$(BIN)/python -m pytest -p tests.no_skips $(FLEET_TESTS) $(PYTEST_ARGS)

test-tasks: install-dev
	$(BIN)/python -m pytest -p tests.no_skips $(TASK_TESTS) $(PYTEST_ARGS)

test-faults: install-dev
	$(BIN)/python -m pytest -p tests.no_skips $(FAULT_TESTS) $(TIMED_TESTS:%=--ignore=%) $(PYTEST_ARGS)

test-times: install-dev
	$(BIN)/python -m pytest -p tests.no_skips $(TIMED_TESTS) $(PYTEST_ARGS)

test-long: install-dev .venv-fab/.installed .venv-lightning/.installed .venv-emulators/.installed .venv-buckets/.installed ## The tests that are too long for CI
	@export LONG_RESULTS=benchmarks/results/long_tests.json; ran=; status=0; long() { "$$@"; case $$? in 0) ran=yes;; 5) ;; *) status=1;; esac; }; \
	for tests in "$(UNIT_TESTS)" "$(RUN_TESTS)" "$(FLEET_TESTS)" "$(TASK_TESTS)" "$(FAULT_TESTS)"; do \
		long $(BIN)/python -m pytest -p tests.no_skips -p tests.long_tests -m long $$tests $(PYTEST_ARGS); \
	done; \
	long .venv-fab/bin/python -m pytest -p tests.no_skips -p tests.long_tests -m long tests/fab $(PYTEST_ARGS); \
	long .venv-buckets/bin/python -m pytest -p tests.no_skips --import-mode=prepend -p tests.long_tests -m long tests/buckets $(PYTEST_ARGS); \
	long env PYTHONDONTWRITEBYTECODE= .venv-lightning/bin/python -m pytest -p tests.no_skips --import-mode=prepend -p tests.long_tests -m long tests/lightning $(PYTEST_ARGS); \
	[ "$$ran" ] || { echo "there is no such test" >&2; exit 5; }; exit $$status

test-long-turn: install-dev
	LONG_TURN=$(LONG_TURN) $(BIN)/python -m pytest -p tests.no_skips -p tests.long_tests -m long $(LONG_GROUP) $(PYTEST_ARGS)

test-lightning: .venv-lightning/.installed .venv-emulators/.installed ## The tests of examples/lightning, on its own clouds, and of pods and containers
	PYTHONDONTWRITEBYTECODE= .venv-lightning/bin/python -m pytest --import-mode=prepend -p tests.no_skips tests/lightning $(PYTEST_ARGS)

test-buckets: .venv-buckets/.installed ## The tests of releases in buckets, with the clients of three clouds
	.venv-buckets/bin/python -m pytest --import-mode=prepend -p tests.no_skips tests/buckets $(PYTEST_ARGS)

test-34: .venv-34/.installed
	PYTHONPATH=src .venv-34/bin/python -m pytest -p tests.no_skips $(AIRFLOW_34_TESTS) \
		--ignore $(PYTHON_DAGS) --deselect $(WALKS_ITSELF) $(PYTEST_ARGS)

test-python: install-dev ## The tests that depend on Python, on the newest other one of this machine
ifneq ($(OTHER_PYTHON),)
	@$(MAKE) --no-print-directory .venv-python/.installed .venv-users/.installed
	.venv-python/bin/python -m pytest -p tests.no_skips $(PYTHON_TESTS) $(PYTEST_ARGS)
else
	@echo "There is no second Python here (looked for 3.11 to 3.14): the tests have run on one only."
endif

platforms: install-dev ## Resolve the locked wheels for every Python and machine that airfleet names
	@for python in $(PYTHONS); do for machine in $(MACHINES); do \
		$(UV) pip install --quiet --dry-run --only-binary :all: --no-deps --require-hashes -r requirements/airfleet.lock \
			--python-version $$python --python-platform $$machine --target .venv-nowhere || exit 1; \
		echo "Python $$python, $$machine: every locked wheel exists"; \
	done; done

lint: install-dev types imports prose ## Style, types, the direction of imports, prose and links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev
	$(BIN)/mypy

imports: install-dev
	$(BIN)/lint-imports

prose: install-dev
	$(BIN)/python scripts/prose.py
	$(BIN)/python scripts/links.py

format: install-dev ## Put the style right where a machine can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install-dev ## Write the reference pages, the JSON Schemas and the README's figures again
	$(BIN)/python scripts/database_columns.py write
	$(BIN)/python scripts/docs.py write

docs-check: install-dev
	$(BIN)/python scripts/docs.py check

bench: .venv-core/.installed .venv-peers/.installed .venv-dag-factory/.installed .venv-git-bundles/.installed ## Measure, beside others (BENCH=task_path SYSTEMS="airfleet stock" WORKLOADS=chain40 SLOTS=2 REPEATS=1 SCALE=1 TURNS=1 ROUNDS=5; QUICK=1; FULL=1)
	PYTHONPATH=tests .venv-core/bin/python benchmarks/run.py $(BENCH) -- $(if $(SYSTEMS),--systems "$(SYSTEMS)") \
		$(if $(WORKLOADS),--workloads "$(WORKLOADS)") $(if $(SLOTS),--slots $(SLOTS)) $(if $(REPEATS),--repeats $(REPEATS)) \
		$(if $(SCALE),--scale $(SCALE)) $(if $(BUDGET),--budget $(BUDGET)) $(if $(TURNS),--turns) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick) $(if $(FULL),--full)

commits: .venv-core/.installed ## Measure two commits of airfleet in turn (COMMITS="4e2fc1f --rounds 3")
	PYTHONPATH=tests .venv-core/bin/python benchmarks/commits.py $(COMMITS)

compare: install-dev ## Run some hundred tasks on stock Airflow and on a fleet, and say where they differ (COMPARE="--only mapping")
	PYTHONPATH=tests $(BIN)/python -m semantics.compare $(COMPARE)

soak: .venv-core/.installed ## An hour of steady load on a database with history (SOAK="--minutes 5 --finished 1000")
	PYTHONPATH=tests .venv-core/bin/python benchmarks/soak.py $(SOAK)

mutants: install-dev .venv-mutants/.installed ## Mutation tests of the rules that guard data (MUTANTS="leases orphans --most 20")
	$(BIN)/python scripts/mutants.py $(MUTANTS)

drill: .venv-core/.installed ## The fault matrix but F21, F32 and F32a, on Valkey (FAULTS="--only F1,F5 --runs 5 --stock --broker rabbitmq")
	PYTHONPATH=tests .venv-core/bin/python benchmarks/fault_matrix.py $(FAULTS)

faults: drill

lock: $(UV) ## Lock the requirements again (UPGRADE=1: to the newest that fit)
	$(COMPILE) pyproject.toml --extra local --extra editor --extra examples --extra dynamo --extra classics --group dev -o requirements/dev.lock
	$(COMPILE) pyproject.toml --extra local -c requirements/dev.lock -o requirements/airfleet.lock
	sed -nE 's/^([a-z0-9][a-z0-9._-]*)(\[[^]]*\])?(==.*[^ \])( \\)?$$/\1\3/p' requirements/airfleet.lock > requirements/constraints.txt
	$(COMPILE) pyproject.toml --extra local --extra examples -c requirements/dev.lock -o requirements/examples.lock
	$(COMPILE) pyproject.toml --extra local --extra lightning --group lightning-dev -o requirements/lightning.lock
	$(COMPILE) pyproject.toml --extra local requirements/fab.in -o requirements/fab.lock
	$(COMPILE) pyproject.toml --extra local requirements/buckets.in $(BESIDE) -o requirements/buckets.lock
	$(COMPILE) requirements/emulators.in -o requirements/emulators.lock
	$(COMPILE) requirements/bootstrap.in -c requirements/dev.lock -o requirements/bootstrap.lock
	$(COMPILE) requirements/airflow34.in -o requirements/airflow34.lock
	$(COMPILE) requirements/mutants.in -o requirements/mutants.lock
	$(COMPILE) requirements/peers.in -o requirements/peers.lock
	$(COMPILE) requirements/dag_factory.in $(BESIDE) -o requirements/dag_factory.lock
	$(COMPILE) requirements/git_bundles.in $(BESIDE) -o requirements/git_bundles.lock
	sed -i '/^# The following packages were excluded/,$$d' $(addprefix requirements/,buckets.lock dag_factory.lock git_bundles.lock)

clean: stop ## Remove the environments
	rm -rf .venv .venv-*

install: .venv/.examples
install-dev: .venv/.dev

# Bytecode is compiled once here: where Python may not write it (PYTHONDONTWRITEBYTECODE), every start of
# Airflow would compile 2,600 modules anew.
# pip brings uv; uv is quick, and reads hash locks with extras, which older pips refuse.
$(UV): requirements/bootstrap.lock
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; fi
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/bootstrap.lock
	@touch $@

# The build tools are in the environment already, so building airfleet downloads nothing.
.venv/.examples: $(UV) requirements/examples.lock pyproject.toml
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/examples.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src
	@touch $@

.venv/.dev: $(UV) requirements/dev.lock pyproject.toml
	$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/bootstrap.lock requirements/dev.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src
	@touch .venv/.examples $@

# What is measured is what people install: airfleet and the embedded servers, without the tools of development.
.venv-core/.installed: $(UV) requirements/airfleet.lock pyproject.toml
	$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv-core
	$(UV) pip sync --quiet --compile-bytecode --python .venv-core/bin/python --require-hashes \
		requirements/bootstrap.lock requirements/airfleet.lock
	$(UV) pip install --quiet --python .venv-core/bin/python --no-deps --no-build-isolation -e .
	.venv-core/bin/python -m compileall -q src
	@touch $@

.venv-34/.installed: $(UV) requirements/airflow34.lock
	$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv-34
	$(UV) pip sync --quiet --compile-bytecode --python .venv-34/bin/python --require-hashes requirements/airflow34.lock
	@touch $@

.venv-python/.installed: $(UV) requirements/dev.lock pyproject.toml
	$(UV) venv --quiet --clear --python $(OTHER_PYTHON) .venv-python
	$(UV) pip sync --quiet --compile-bytecode --python .venv-python/bin/python --require-hashes requirements/bootstrap.lock requirements/dev.lock
	$(UV) pip install --quiet --python .venv-python/bin/python --no-deps --no-build-isolation -e .
	@touch $@

# What a person installs to run the first example. Of tools of development, a fleet would load some, which take memory.
.venv-users/.installed: $(UV) requirements/examples.lock pyproject.toml
	$(UV) venv --quiet --clear --python $(OTHER_PYTHON) .venv-users
	$(UV) pip sync --quiet --compile-bytecode --python .venv-users/bin/python --require-hashes requirements/bootstrap.lock requirements/examples.lock
	$(UV) pip install --quiet --python .venv-users/bin/python --no-deps --no-build-isolation -e .
	@touch $@

# What FAB brings, as an auth manager: Flask and its kin.
.venv-fab/.installed: $(UV) requirements/fab.lock pyproject.toml
	$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv-fab
	$(UV) pip sync --quiet --compile-bytecode --python .venv-fab/bin/python --require-hashes requirements/fab.lock
	$(UV) pip install --quiet --python .venv-fab/bin/python --no-deps --no-build-isolation -e .
	@touch $@

# Clients of three clouds, which pin boto3, and emulators of two.
.venv-buckets/.installed: $(UV) requirements/airfleet.lock requirements/buckets.lock pyproject.toml
	$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv-buckets
	$(UV) pip sync --quiet --compile-bytecode --python .venv-buckets/bin/python --require-hashes \
		requirements/airfleet.lock requirements/bootstrap.lock requirements/buckets.lock
	$(UV) pip install --quiet --python .venv-buckets/bin/python --no-deps --no-build-isolation -e .
	@touch $@

# examples/lightning: its providers want other versions of some things than the rest, and its clouds yet others.
# The providers of Kubernetes and Docker are here, too: beside Google's, their 70 MB are little.
# Bytecode is left to those who run it: of the tens of thousands of modules that come with Google's provider, few are ever imported.
.venv-lightning/.installed: $(UV) requirements/lightning.lock pyproject.toml
	$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv-lightning
	$(UV) pip sync --quiet --python .venv-lightning/bin/python --require-hashes requirements/lightning.lock
	$(UV) pip install --quiet --python .venv-lightning/bin/python --no-deps --no-build-isolation -e .
	.venv-lightning/bin/python -m compileall -q src
	@touch $@

.venv-emulators/.installed: $(UV) requirements/emulators.lock
	$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv-emulators
	$(UV) pip sync --quiet --python .venv-emulators/bin/python --require-hashes requirements/emulators.lock
	@touch $@

.venv-mutants/.installed: $(UV) requirements/mutants.lock
	$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv-mutants
	$(UV) pip sync --quiet --compile-bytecode --python .venv-mutants/bin/python --require-hashes requirements/mutants.lock
	@touch $@

# What airfleet is compared with, beside Airflow alone.
.venv-peers/.installed: $(UV) requirements/peers.lock
	$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv-peers
	$(UV) pip sync --quiet --compile-bytecode --python .venv-peers/bin/python --require-hashes requirements/peers.lock
	@touch $@

# Only what airfleet.lock has not: it is put beside the packages of .venv-core.
.venv-git-bundles/.installed: $(UV) requirements/git_bundles.lock
	$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv-git-bundles
	$(UV) pip sync --quiet --compile-bytecode --python .venv-git-bundles/bin/python --require-hashes requirements/git_bundles.lock
	@touch $@

.venv-dag-factory/.installed: $(UV) requirements/airfleet.lock requirements/dag_factory.lock
	$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv-dag-factory
	$(UV) pip sync --quiet --compile-bytecode --python .venv-dag-factory/bin/python --require-hashes requirements/airfleet.lock requirements/dag_factory.lock
	@touch $@
