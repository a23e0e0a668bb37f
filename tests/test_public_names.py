"""What is public: the root's names are real, complete and documented."""

import ast
import inspect
from pathlib import Path

import pytest

import rnnswap

SOURCE = Path(rnnswap.__file__).read_text("utf-8")


@pytest.mark.parametrize("name", rnnswap.__all__)
def test_every_public_name_resolves_and_is_documented(name):
    value = getattr(rnnswap, name)
    assert name in dir(rnnswap)
    if inspect.ismodule(value) or inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)


def test_type_checkers_see_the_same_names():
    block = next(n for n in ast.parse(SOURCE).body if isinstance(n, ast.If))
    seen = {alias.asname for node in block.body for alias in node.names}
    assert seen | {"attention", "clip", "testing"} == set(rnnswap.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'rnnswap' has no attribute 'GRU'"):
        rnnswap.GRU  # noqa: B018


def test_every_exception_derives_from_one_base_and_from_a_builtin():
    errors = [
        value
        for value in vars(rnnswap.errors).values()
        if inspect.isclass(value) and issubclass(value, rnnswap.RnnswapError)
    ]
    assert len(errors) > 8
    for error in errors:
        assert error.__name__ in rnnswap.__all__
        if error is not rnnswap.RnnswapError:
            builtin = [b for b in error.__mro__ if b.__module__ == "builtins"]
            assert builtin[0] is not Exception


def test_version_is_the_distributions():
    import importlib_metadata

    assert rnnswap.__version__ == importlib_metadata.version("rnnswap")
