"""Fixtures for tests that run a script inside this process."""

import sys

import pytest


@pytest.fixture
def process_state(monkeypatch):
    """Give argv, sys.path and `__main__` back: a script run here keeps them otherwise."""
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
