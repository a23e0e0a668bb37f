"""One seed for every test, and no result that owes anything to uninitialised memory."""

import os
import signal

import hypothesis
import pytest
import torch
import triton_here

# Before anything else imports triton.
triton_here.interpret()
# Without it, products on a CUDA device are refused in deterministic mode.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

# The machines that run this are shared and slow at times: a deadline would test them, not us.
hypothesis.settings.register_profile("rnnswap", deadline=None, max_examples=40, print_blob=True)
hypothesis.settings.load_profile("rnnswap")


def pytest_addoption(parser):
    text = "write today's outcome into the before/after cases, to be judged in git diff"
    parser.addoption("--regen", action="store_true", help=text)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def nan_in_uninitialised_memory():
    """Deterministic mode fills torch.empty with NaN: output that was never written cannot pass."""
    torch.use_deterministic_algorithms(True)
    assert torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def interruptible():
    """Started by a shell in the background, pytest ignores these, and so would its children."""
    ignored = (signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)
    before = [signal.signal(number, handler) for number, handler in ignored]
    yield
    for (number, _), handler in zip(ignored, before, strict=True):
        signal.signal(number, handler)
