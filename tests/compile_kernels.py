"""Compiles every Triton kernel for NVIDIA devices, without one; run as a program with a capability.

Prints for each kernel the bytes of shared memory that a program takes, and the registers that did
not fit into those of a thread, as JSON.
"""

import json
import re
import subprocess
import sys
import tempfile

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from rnnswap.ops.indrnn import gpu as indrnn
from rnnswap.ops.janet.gpu import stepwise, whole

COMMON = {"REVERSE": True, "RAGGED": True, "PACKED": True, "WIDE": tl.float32}
#: Kernel, warps, and what a call of it fixes, as the launches in the package do.
KERNELS = [
    (kernel, warps, {**COMMON, **fixed})
    for kernels, warps, fixed in (
        (
            (indrnn._forward, indrnn._backward),
            1,
            {"TANH": False, "GROUP": 8, "BLOCK_B": 1, "BLOCK_H": 128},
        ),
        (
            (whole._forward_all, whole._backward_all),
            8,
            {"BETA": 1.0, "FACTOR": tl.bfloat16, "BLOCK_B": 16, "BLOCK_H": 128},
        ),
        (
            (stepwise._forward_one, stepwise._backward_one),
            4,
            {"BETA": 1.0, "WRITES_H": True, "ADDS_OUTPUT": True, "BLOCK_B": 4, "BLOCK_H": 128},
        ),
    )
    for kernel in kernels
]
INTEGERS = {"T", "B", "H", "t", "size", "step", "d_step", "d_row"}
TYPES = {"first": "i64", "before": "i64", "starts": "*i64", "lengths": "*i64", "d_u": "*fp32"}
TYPES |= dict.fromkeys(INTEGERS, "i32")


def compiled(kernel, warps, fixed, capability):
    """Compile for bfloat16 tensors whose features lie together, with sizes divisible by 16."""
    names = kernel.arg_names
    fixed = {"d_unit": 1, **fixed}
    constants = {name: fixed[name] for name in names if name in fixed}
    signature = {n: "constexpr" if n in constants else TYPES.get(n, "*bf16") for n in names}
    aligned = [n for n in names if signature[n] == "*bf16" or n in ("H", "step", "d_step", "d_row")]
    attributes = {(names.index(n),): [["tt.divisibility", 16]] for n in aligned}
    source = ASTSource(kernel, signature=signature, constexprs=constants, attrs=attributes)
    options = {"num_warps": warps, "enable_fp_fusion": True}
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)


def used(made):
    """Return bytes of shared memory, and of local memory and stack, of a compiled kernel."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(made.asm["cubin"])
        file.flush()
        tool = triton.knobs.nvidia.cuobjdump.path
        asked = [tool, "--dump-resource-usage", file.name]
        text = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout
    stack, local = (int(re.search(rf"\b{n}:(\d+)", text)[1]) for n in ("STACK", "LOCAL"))
    return {"shared": made.metadata.shared, "spilled": stack + local}


if __name__ == "__main__":
    capability = int(sys.argv[1])
    found = {k.__name__: used(compiled(k, w, f, capability)) for k, w, f in KERNELS}
    print(json.dumps(found))  # noqa: T201
