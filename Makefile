# Shoken. `make demo` shows the program at work, `make test` checks it; both install what is missing.

DEMO_OUT ?= demo-out
VENV := .venv
ORACLES := tests/oracles/requirements.txt

.PHONY: demo test proof clean-demo
.DEFAULT_GOAL := demo

## A synthetic campaign in pathology, endoscopy and radiology from import to release; then the window on it.
demo:
	@.ci/with-tools window cargo build --locked
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then headless=; else headless=--headless; fi; \
	 .ci/with-tools window cargo run --quiet --locked -- demo --out $(DEMO_OUT) $$headless

## All tests of both feature sets, with reduced seeded counts.
test: $(VENV)/ready
	@.ci/with-tools test .ci/test --no-default-features
	@.ci/with-tools test .ci/test

## The same tests with the counts that the issues name; prints counts and seeds.
proof: $(VENV)/ready
	@SHOKEN_PROOF=1 .ci/with-tools test .ci/test --no-default-features
	@SHOKEN_PROOF=1 .ci/with-tools test .ci/test

# Independent readers (pydicom, OpenSlide, Pillow ...) in pinned versions, against which ours are compared.
$(VENV)/ready: $(ORACLES)
	@.ci/with-tools test python3 -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(ORACLES)
	@touch $@

clean-demo:
	rm -rf -- $(DEMO_OUT)
