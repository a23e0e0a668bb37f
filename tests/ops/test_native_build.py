"""Installing builds the C library where there is a compiler, and succeeds where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rnnswap.ops import _native

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc on this machine")
def test_the_library_was_built_and_loads():
    library = _native.load()
    assert not isinstance(library, str), library
    assert _native.level() in (0, 1, 2)


def test_without_a_compiler_it_is_built_all_the_same_and_pytorch_serves(tmp_path):
    shutil.copytree(ROOT / "rnnswap", tmp_path / "rnnswap", ignore=shutil.ignore_patterns("*.so"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    build = "import setuptools; setuptools.setup()"
    built = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", build, "build", "--build-lib", "built"],
        cwd=tmp_path,
        env={**os.environ, "CC": "no-compiler"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert "no-compiler" in built.stderr + built.stdout
    assert not list((tmp_path / "built").rglob("*.so"))
    code = """
import torch
from rnnswap import JANET
from rnnswap.ops import _native
from rnnswap.ops.janet import janet_scan
from rnnswap.ops._dispatch import recorded_calls
layer = JANET(3, 4)
with recorded_calls() as calls:
    layer(torch.randn(5, 2, 3))[0].sum().backward()
print(calls[0].implementation.name, layer.weight_hh_l0.grad.isfinite().all().item(), _native.load())
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "built",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "built")},
        capture_output=True,
        text=True,
    )
    assert ran.stdout == (
        "manual True the C library was not built when rnnswap was installed (no C compiler)\n"
    ), ran.stderr
