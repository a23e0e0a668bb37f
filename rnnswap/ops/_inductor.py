"""Mends Inductor's while_loop, into which it turns torch's scan operator.

The body of such a loop writes its results into the buffers with which the loop began. Inductor
(torch 2.13) takes these for free once the loop has ended, and what is computed next is written over
the results: of a recurrent layer whose input is as wide as its state, the gradient of weight_hh.
Zeros with which two loops begin, as of two such layers, are one buffer, too: the second begins with
the first one's results. Nothing is said, the numbers are wrong. Here each loop begins with buffers
of its own, which are kept.
"""

from __future__ import annotations

import functools
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
        from torch._inductor.ir import ShapeAsConstantBuffer, WhileLoop
        from torch._inductor.virtualized import V
    except ImportError:
        return False
    if not hasattr(WhileLoop, "_clone_aliased_inputs"):
        return False
    begin = WhileLoop.__init__

    @functools.wraps(begin)
    def begin_and_keep(self: Any, *args: Any, **named: Any) -> None:
        begin(self, *args, **named)
        for buffer in self.carried_inputs:
            if isinstance(name := buffer.maybe_get_name(), str):  # else a number
                V.graph.never_reuse_buffers.add(name)

    def copies(carried: Any) -> list[Any]:
        return [
            b if isinstance(b, ShapeAsConstantBuffer) else WhileLoop.copy_input(b) for b in carried
        ]

    WhileLoop.__init__ = begin_and_keep  # type: ignore[method-assign]
    WhileLoop._clone_aliased_inputs = staticmethod(copies)  # type: ignore[method-assign,assignment]
    return True
