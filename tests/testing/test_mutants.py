"""Each broken class fails the checks meant for it, and each check has a class that fails it."""

import pytest
from mutants import CELLS, LAYERS, OnlyOutput, RunsPadding, WrongErrors
from torch import nn

from rnnswap.testing import check_drop_in
from rnnswap.testing._checks import CHECKS
from rnnswap.testing._running import run_check
from rnnswap.testing._subject import Subject, registered

MEANT = [
    (kind, cls, name)
    for kind, table in (("layer", LAYERS), ("cell", CELLS))
    for cls, names in table.items()
    for name in names
]


def run(kind, cls, name):
    (check,) = [c for c in CHECKS if (c.kind, c.name) == (kind, name)]
    spec = registered(nn.LSTMCell) if kind == "cell" else None
    return run_check(check, Subject(cls, {}, frozenset(), spec))


@pytest.mark.parametrize(
    ("kind", "cls", "name"), MEANT, ids=lambda v: v if isinstance(v, str) else v.__name__
)
def test_a_broken_class_fails_the_check_meant_for_it(kind, cls, name):
    result = run(kind, cls, name)
    assert result.status == "failed"
    assert result.detail
    assert "\n" not in result.detail


def test_every_check_of_the_contract_has_a_class_that_fails_it():
    kinds = ("layer", "cell")  # of the others: test_check_provided.py
    contract = {(c.kind, c.name) for c in CHECKS if c.group == "contract" and c.kind in kinds}
    assert {(kind, name) for kind, _, name in MEANT} == contract


@pytest.mark.parametrize("cls", [OnlyOutput, RunsPadding, WrongErrors])
def test_a_broken_class_fails_as_a_whole(cls):
    report = check_drop_in(cls)
    assert not report.passed
    assert set(LAYERS[cls]) <= {r.name for r in report.failures}
