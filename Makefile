.PHONY: check fix test test-plugins sanitize docs speed

check:  ## lint, format check, types
	ruff check .
	ruff format --check .
	mypy

fix:  ## mend what can be mended mechanically
	ruff check --fix .
	ruff format .

test:  ## the whole suite, against the installed package
	pytest

test-plugins:  ## those of plugins/, which must be installed: pip install ./plugins/*
	set -e; for plugin in plugins/*/; do (cd "$$plugin" && pytest); done

sanitize:  ## the C library's tests with every memory access checked, two minutes (gcc)
	tests/sanitize.sh

docs:  ## the README's figures: accuracy of the digits example, three seeds a cell
	python docs/accuracy.py

speed:  ## the README's Speed section: most of an hour on a machine that does nothing else
	python docs/speed.py
