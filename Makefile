# make run     start pi-stream from this checkout; settings: make run ARGS="--set camera.path=film.mp4"
# make test    run all checks: style, types, and tests in Python, Node.js and a browser
# make test-appliance   tests in Debian 13 containers with systemd and the real picamera2 (as root)
# make test-machine     tests on machines with their own kernel, in QEMU: webcam, limits, power cuts (as root; 30 minutes)
# make test-boot        make a card, boot it on a Raspberry Pi 3 in QEMU, and open its page (as root; 15 to 40 minutes)
# make test-lowest      the tests that use libraries, with the oldest supported versions (those of Debian 13)
# make fuzz    coverage-guided fuzzing of all parsers (atheris): make fuzz ARGS="--seconds 600 frame"
# make soak    half an hour of random clients and faults: make soak ARGS="--minutes 5 --seed 7"
# make bench   measure CPU, memory and the age of pictures on this machine; make bench ARGS=--quick for a first look
# make audit   check the libraries for known vulnerabilities; asks PyPI
# make deb     build dist/pi-stream_VERSION_all.deb with Debian's tools; docs/install.md describes how to install it
# make clean   remove the virtual environments and the caches

PYTHON ?= python3
PIP = .venv/bin/python -m pip --disable-pip-version-check --quiet

.PHONY: run test test-lowest test-appliance test-machine test-boot fuzz audit bench soak deb clean

run: .venv/runs
	@.venv/bin/pi-stream serve $(ARGS)

test: .venv/tests
	@tests/run

test-appliance: .venv/tests
	@tests/appliance/provide
	@.venv/bin/python -m pytest tests/appliance $(or $(ARGS),--numprocesses 3 --dist loadfile)

test-lowest:
	@PYTHON=$(PYTHON) tests/lowest $(ARGS)

audit: .venv-audit/bin/pip-audit
	@.venv-audit/bin/pip-audit --strict --disable-pip --no-deps --requirement tests/constraints.txt

test-boot: .venv/tests
	@.venv/bin/python -m tests.boot $(ARGS)

test-machine: .venv/tests
	@tests/appliance/provide
	@.venv/bin/python -m pytest --capture=no tests/machine $(ARGS)

fuzz: .venv/tests
	@$(PIP) install 'atheris>=2.3'
	@.venv/bin/python -m tests.fuzz $(ARGS)

bench: .venv/tests
	@.venv/bin/python -m tests.bench $(ARGS)

soak: .venv/tests
	@.venv/bin/python -m tests.soak $(ARGS)

deb:
	@deploy/build-deb

clean:
	rm -rf --one-file-system .venv .venv-lowest .venv-audit .appliance .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.fuzz .schemathesis

.venv-audit/bin/pip-audit:
	@PYTHON=$(PYTHON) deploy/make-venv .venv-audit
	@.venv-audit/bin/python -m pip --disable-pip-version-check --quiet install pip-audit

.venv/bin/python:
	@PYTHON=$(PYTHON) deploy/make-venv .venv

.venv/runs: pyproject.toml | .venv/bin/python
	@echo "installing pi-stream into .venv"
	@$(PIP) install --editable .
	@touch $@

.venv/tests: pyproject.toml tests/constraints.txt tests/provide | .venv/bin/python
	@echo "installing pi-stream and its test tools into .venv"
	@$(PIP) install --constraint tests/constraints.txt --editable '.[test]'
	@tests/provide
	@touch $@ .venv/runs
