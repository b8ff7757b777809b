# What people and CI call. On a fresh machine `make demo` or `make test` is enough: each makes .venv first.
PYTHON ?= python3.11
KILLS ?= 300
STREAMS ?= 20000
FAULTS ?= 200
TEMPLATES ?= 10000
GROUPS ?= 1000000
KAFKA ?= 4.1.0
KAFKA_BEFORE ?= 3.9.1
SOME := orders_test or graceful_restart or ask_for_is_done or (crash and before-commit)
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test lint unit contract integration acceptance kafka oracle fuzz-templates chaos chaos-kafka bench-kafka bench-embedded bench-state prefect-proof bench-prefect pins clean

demo: $(VENV)/.base
	$(BIN)/python demo/run.py $(if $(KEEP),--keep)

test: $(VENV)/.dev $(VENV)-prefect/.ready .kafka/$(KAFKA)/complete .kafka/$(KAFKA_BEFORE)/complete
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -q -n 2 --dist loadfile
	KAFKA_VERSION=$(KAFKA_BEFORE) $(BIN)/python -m pytest -q tests/kafka -k "$(SOME)"
	$(BIN)/python demo/run.py
	$(BIN)/python benchmarks/embedded.py --short
	$(MAKE) --no-print-directory chaos KILLS=20
	$(MAKE) --no-print-directory chaos-kafka FAULTS=15
	$(MAKE) --no-print-directory prefect-proof SHORT=1

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

kafka: $(VENV)/.dev .kafka/$(KAFKA)/complete
	KAFKA_VERSION=$(KAFKA) $(BIN)/python -m pytest -q tests/kafka

unit contract integration acceptance: $(VENV)/.dev
	$(BIN)/python -m pytest -q tests/$@

oracle: $(VENV)/.dev
	ORACLE_STREAMS=$(STREAMS) $(BIN)/python -m pytest -q tests/oracle

fuzz-templates: $(VENV)/.dev
	FUZZ_TEMPLATES=$(TEMPLATES) $(BIN)/python -m pytest -q tests/fuzz

chaos: $(VENV)/.base
	$(BIN)/python benchmarks/chaos.py --kills $(KILLS)

chaos-kafka: $(VENV)/.dev .kafka/$(KAFKA)/complete
	$(BIN)/python benchmarks/kafka_chaos.py --faults $(FAULTS)

bench-kafka: $(VENV)/.dev .kafka/$(KAFKA)/complete
	$(BIN)/python benchmarks/kafka_bench.py $(if $(SHORT),--short)

bench-embedded: $(VENV)/.base
	$(BIN)/python benchmarks/embedded.py

prefect-proof: $(VENV)/.base $(VENV)-prefect/.ready
	$(BIN)/python benchmarks/prefect_proof.py $(if $(SHORT),--events 100 --kills 3 --restarts 1 --seconds 20)

bench-prefect: $(VENV)/.base $(VENV)-prefect/.ready
	$(BIN)/python benchmarks/prefect_runs.py

bench-state: $(VENV)/.base
	$(BIN)/python benchmarks/state.py --groups $(GROUPS)

# Pins: names, versions and hashes only, so that any index that carries the packages serves.
COMPILE := pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

pins: $(VENV)/.dev
	$(BIN)/python -m pip install -q pip-tools
	$(BIN)/$(COMPILE) --upgrade -o requirements/base.txt pyproject.toml requirements/base.in
	$(BIN)/$(COMPILE) --upgrade -o requirements/dev.txt requirements/dev.in
	$(BIN)/$(COMPILE) --upgrade -o requirements/prefect.txt requirements/prefect.in
	$(BIN)/$(COMPILE) --upgrade -o requirements/kafka.txt requirements/kafka.in

$(VENV)/.base: requirements/base.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing; on Debian: apt-get install python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "the venv module of $(PYTHON) is missing; on Debian: apt-get install python3.11-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements/base.txt
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

# A Prefect server's pins and ours do not mix.
$(VENV)-prefect/.ready: requirements/prefect.txt $(VENV)/.base
	$(PYTHON) -m venv --without-pip $(VENV)-prefect
	$(BIN)/python -m pip --python $(VENV)-prefect/bin/python install -q --require-hashes -r requirements/prefect.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.txt requirements/kafka.txt
	$(BIN)/python -m pip install -q --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install -q --require-hashes -r requirements/kafka.txt
	@touch $@

# A broker for the tests, as jars.
.kafka/%/complete: tests/kafka/pom.xml
	@command -v java >/dev/null && command -v mvn >/dev/null || { echo "java or mvn is missing; on Debian: apt-get install openjdk-17-jre-headless maven" >&2; exit 1; }
	mvn -q -f tests/kafka/pom.xml dependency:copy-dependencies -Dkafka.version=$* -DoutputDirectory=$(CURDIR)/$(@D)/libs
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-prefect .kafka build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
