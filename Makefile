# make run     start pi-stream here; make run ARGS="--set camera.path=film.mp4" for settings
# make test    check everything: style, types, tests in Python, in node and in a browser
# make test-appliance   the same on whole machines: Debian 13 in containers, real picamera2 (as root; see tests/appliance)
# make test-machine     and on machines with a kernel of their own, in QEMU: webcam, limits, power cuts (as root; 30 minutes)
# make fuzz    throw bytes at everything that reads some, guided by coverage (atheris); make fuzz ARGS="--seconds 600 frame"
# make test-lowest   the tests that touch libraries, with the oldest versions that may be: Debian 13's
# make audit   whether anything is known to be wrong with the libraries; asks PyPI
# make bench   what it costs and how fresh its pictures are, here; make bench ARGS=--quick for a first look
# make soak    half an hour of everything that goes wrong, at random; make soak ARGS="--minutes 5 --seed 7"
# make deb     build dist/pi-stream_VERSION_all.deb, with Debian's tools; docs/install.md says what to do with it
# make test-boot   make a card, boot it on a Raspberry Pi 3 in QEMU, and look at it with a browser (as root; 15 to 40 minutes)

PYTHON ?= python3
PIP = .venv/bin/python -m pip --disable-pip-version-check --quiet

.PHONY: run test test-lowest test-appliance test-machine test-boot fuzz audit bench soak deb clean

run: .venv/runs
	@.venv/bin/pi-stream serve $(ARGS)

test: .venv/tests
	@tests/run

test-appliance: .venv/tests
	@tests/appliance/provide
	@.venv/bin/python -m pytest tests/appliance $(ARGS)

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
