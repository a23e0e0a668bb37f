"""Triton's kernels under test: on a CUDA device if there is one, else interpreted on the CPU."""

import importlib.util
import os

import torch

#: Where kernels run.
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
#: Why they cannot, if they cannot.
MISSING = None if importlib.util.find_spec("triton") else "triton is not installed"


def interpret():
    """Import triton and our kernels so that they are interpreted; other kernels are not.

    The variable must be set when triton is first imported, and is taken back so that nothing else
    in this process, nor one that it starts, takes notice.
    """
    if MISSING or DEVICE == "cuda":
        return
    os.environ["TRITON_INTERPRET"] = "1"
    try:
        import triton.experimental.gluon  # noqa: F401  (else imported, and refused, at the first launch)
        from triton.runtime.interpreter import InterpretedFunction

        import rnnswap.ops.indrnn.gpu as indrnn
        import rnnswap.ops.janet.gpu as janet

        indrnn._GROUP = 2  # interpreted, each step takes a millisecond, those past the end too
        janet._LARGEST_LOOP |= {8: 64}
    finally:
        del os.environ["TRITON_INTERPRET"]
    plain = InterpretedFunction.__call__

    def call(self, *args, **kwargs):
        # Triton's own prepares triton.language anew for each call of a helper, which takes most of
        # the time; within a kernel that has been done.
        if self.fn.__module__.startswith("rnnswap."):
            return self.rewrite()(*args, **kwargs)
        return plain(self, *args, **kwargs)

    InterpretedFunction.__call__ = call


def there_and_back(run):
    """The function on tensors of the CPU, which travel to the device and back."""
    if DEVICE == "cpu":
        return run

    def runs(*args):
        moved = (a.to(DEVICE) if isinstance(a, torch.Tensor) else a for a in args)
        return tuple(result.cpu() for result in run(*moved))

    return runs
