"""Builds the C library when rnnswap is installed, if there is a compiler. Run by setuptools only.

The library uses neither Python's nor torch's headers, so it bears no Python's tag, and its wheel
serves every Python 3 of a platform. It is linked against no OpenMP runtime: at run time it uses the
one that torch has loaded.

RNNSWAP_CFLAGS adds flags for compiler and linker, such as -fsanitize=address or -DRNNSWAP_PORTABLE
(no vector extensions).
"""

from __future__ import annotations

import os
import platform
import shlex
from typing import Any

from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext


class BuildNative(build_ext):
    """Compiles the extension as a plain shared library, `librnnswap.so`."""

    def get_ext_filename(self, fullname: str) -> str:
        """Return the file's path without the tag of a Python version."""
        return fullname.replace(".", "/") + ".so"

    def build_extension(self, ext: Any) -> None:
        """Compile with flags that every CPU of the architecture can run."""
        ext.extra_compile_args = ["-std=gnu11", "-O3", "-g0", "-fvisibility=hidden"]
        ext.extra_compile_args.append(
            "-Wno-psabi"
        )  # vectors are passed between inlined functions only
        if platform.system() == "Linux":
            ext.extra_compile_args.append("-fopenmp")
        more = shlex.split(os.environ.get("RNNSWAP_CFLAGS", ""))
        ext.extra_compile_args += more
        ext.extra_link_args += more
        super().build_extension(ext)


class PlatformWheel(bdist_wheel):
    """Tags the wheel py3-none-PLATFORM."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tags: any Python 3, no ABI, this platform."""
        return "py3", "none", super().get_tag()[2]
