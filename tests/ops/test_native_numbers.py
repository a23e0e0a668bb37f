"""The C library against the definition: odd sizes, both directions, ragged rows, NaN and inf."""

import contextlib

import pytest
import torch
from cases import SCANS
from running import implementation, in_double, results_and_gradients
from tolerances import assert_draws_as_close_as_eager, relative_error

from rnnswap.ops import _native

pytestmark = pytest.mark.skipif(
    isinstance(_native.load(), str), reason=f"no C library: {_native.load()}"
)

#: Around the widths of vectors and of the panels that are made of them.
HIDDEN = [1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130]
#: T, B, I, threads, whether rows end early, whether the last step comes first. The last two have
#: more rows than the gradients of the weights are summed over at once.
CALLS = [
    (1, 1, 3, 2, False, False),
    (2, 1, 1, 5, False, True),
    (7, 5, 4, 3, True, False),
    (9, 3, 5, 5, True, True),
    (33, 9, 33, 2, False, True),
    (43, 13, 17, 1, True, False),
]
#: With few units vectors hold rows: less than a vector of them, several groups, ends of groups; the
#: input is narrower and wider than what is taken at once.
MANY_ROWS = [
    (1, 19, 3, 1, False, False),
    (6, 33, 1, 2, True, False),
    (5, 34, 40, 1, True, True),
    (4, 150, 2, 2, False, True),
    (3, 271, 1, 2, True, True),
]


@contextlib.contextmanager
def threads_are(count):
    """Set torch's number of threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


def with_settings(scan, H):
    _, arguments, settings = implementation(scan, "naive")
    if "P" in settings:
        settings = {"P": max(1, 2 * H // 3)}
    return arguments, settings


def lengths_of(T, B):
    return torch.tensor([1 + (5 * b + T - 1) % T for b in range(B)])


@pytest.mark.parametrize(
    ("scan", "H"), [(s, H) for s in SCANS for H in (HIDDEN if "nobias" not in s else (7, 33))]
)
def test_every_instruction_set_gives_what_the_definition_gives(scan, H, monkeypatch):
    assert_as_defined(scan, H, CALLS + CALLS[:4] * (4 if H < 4 else 0), monkeypatch)


@pytest.mark.parametrize("scan", ["janet", "janet-nobias"])
@pytest.mark.parametrize("H", [1, 2, 3, 4, 7, 8])
def test_few_units_of_many_rows_are_what_the_definition_gives(scan, H, monkeypatch):
    assert_as_defined(scan, H, MANY_ROWS * (4 if H < 4 else 1), monkeypatch)


def assert_as_defined(scan, H, calls, monkeypatch):
    """Outputs and gradients of the library at each instruction set are near the definition's."""
    naive, native = (implementation(scan, name)[0] for name in ("naive", "cpu"))
    arguments, settings = with_settings(scan, H)
    levels = range(_native.level() + 1)
    draws = {level: [] for level in levels}
    for T, B, I, threads, ragged, reverse in calls:
        lengths = lengths_of(T, B) if ragged else None
        given = {**settings, "lengths": lengths, "reverse": reverse}
        single = arguments(T, B, I, H, **given, dtype=torch.float32)
        double = in_double(single)
        eager, truth = (results_and_gradients(naive, args) for args in (single, double))
        for level in levels:
            monkeypatch.setattr(_native, "level", lambda level=level: level)
            with threads_are(threads):
                exact, found = (results_and_gradients(native, args) for args in (double, single))
            for number, right in zip(exact, truth, strict=True):
                assert number.shape == right.shape
                assert relative_error(number, right) <= 1e-10
            draws[level].append(list(zip(found, eager, truth, strict=True)))
    for level in levels:
        for result in zip(*draws[level], strict=True):
            assert_draws_as_close_as_eager(result)


def spoiled(tensor, value):
    """A leaf like the tensor, but one number in its midst."""
    other = tensor.detach().clone()
    other.view(-1)[other.numel() // 2] = value
    return other.requires_grad_()


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("scan", ["janet", "janet-proj", "indrnn-relu", "indrnn-tanh"])
@pytest.mark.parametrize(("B", "H"), [(3, 19), (35, 1)], ids=["units", "rows"])
def test_what_is_not_finite_shows_where_it_does_in_the_definition(
    scan, dtype, value, B, H, monkeypatch
):
    naive, native = (implementation(scan, name)[0] for name in ("naive", "cpu"))
    arguments, settings = with_settings(scan, H)
    clean = arguments(4, B, 2, H, **settings, dtype=dtype)
    floating = [k for k, a in enumerate(clean) if isinstance(a, torch.Tensor)]
    grads = [torch.randn_like(o) for o in naive(*clean)]

    def results(run, args, grads):
        outputs = run(*args)
        return [*outputs, *torch.autograd.grad(outputs, [args[k] for k in floating], grads)]

    calls = []
    for k in floating:
        args = list(clean)
        args[k] = spoiled(args[k], value)
        calls.append((args, grads))
    for k in range(len(grads)):
        bad = list(grads)
        bad[k] = spoiled(bad[k], value).detach()
        calls.append((clean, bad))
    for args, given in calls:
        expected = results(naive, args, given)
        for level in range(_native.level() + 1):
            monkeypatch.setattr(_native, "level", lambda level=level: level)
            for found, right in zip(results(native, args, given), expected, strict=True):
                assert torch.equal(found.isfinite(), right.isfinite())
                if value != value:
                    assert torch.equal(found.isnan(), right.isnan())
