"""Where there is a C compiler, installing rnnswap has built the C library."""

import shutil

import pytest

from rnnswap.ops import _native


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc on this machine")
def test_the_library_was_built_and_loads():
    library = _native.load()
    assert not isinstance(library, str), library
    assert _native.level() in (0, 1, 2)
