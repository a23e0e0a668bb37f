"""Mends what Inductor makes of torch's scan operator: a while_loop.

The body of such a loop writes its results into the buffers with which the loop began. Inductor
(torch 2.13) takes these for free once the loop has ended, and what is computed next is written over
the results: of a recurrent layer whose input is as wide as its state, the gradient of weight_hh.
Zeros with which two loops begin, as of two such layers, are one buffer, too: the second begins with
the first one's results. Nothing is said, the numbers are wrong. Here each loop begins with buffers
of its own, which are kept.

The body of the loop also reads the number of the step as a number. Inductor writes that itself, and
refuses it wherever the user does not allow such reading: always but with fullgraph=True. Dynamo has
traced the user's code by then, so what is allowed while the loop is written changes nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator
from typing import Any


def loops_are_right() -> bool:
    """Return whether Inductor's loops are mended, which is done at the first call.

    To be called while a loop is traced: what is compiled later is right. False where Inductor is
    not as it is known here.
    """
    return _mend()


# As torch.compiler.assume_constant_result marks it, which would import Dynamo, and Triton, here.
loops_are_right._dynamo_marked_constant = True  # type: ignore[attr-defined]


@functools.cache
def _mend() -> bool:
    try:
        with warnings.catch_warnings():
            # torch uses its own deprecated torch.jit there.
            warnings.simplefilter("ignore", DeprecationWarning)
            from torch._inductor.fx_passes import post_grad
        from torch._inductor.ir import ShapeAsConstantBuffer, WhileLoop
    except ImportError:
        return False
    known = (WhileLoop, "_clone_aliased_inputs"), (post_grad, "decompose_scan_to_while_loop")
    if not all(hasattr(owner, name) for owner, name in known):
        return False
    _keep_buffers(WhileLoop, ShapeAsConstantBuffer)
    write = post_grad.decompose_scan_to_while_loop
    post_grad.decompose_scan_to_while_loop = _numbers_allowed()(write)
    return True


def _keep_buffers(loop: Any, number: type) -> None:
    """Let each loop begin with buffers of its own, which nothing is written over."""
    from torch._inductor.virtualized import V

    begin = loop.__init__

    @functools.wraps(begin)
    def begin_and_keep(self: Any, *args: Any, **named: Any) -> None:
        begin(self, *args, **named)
        for buffer in self.carried_inputs:
            if isinstance(name := buffer.maybe_get_name(), str):  # else a number
                V.graph.never_reuse_buffers.add(name)

    def copies(carried: Any) -> list[Any]:
        return [b if isinstance(b, number) else loop.copy_input(b) for b in carried]

    loop.__init__ = begin_and_keep
    loop._clone_aliased_inputs = staticmethod(copies)


@contextlib.contextmanager
def _numbers_allowed() -> Iterator[None]:
    """Let Inductor write down that a tensor's value is read as a number."""
    from torch._inductor.virtualized import V

    mode = V.fake_mode
    before = mode.allow_scalar_outputs
    mode.allow_scalar_outputs = True
    try:
        yield
    finally:
        mode.allow_scalar_outputs = before
