"""IndRNN's recurrence (arXiv:1803.04831)."""

import functools

from rnnswap.ops._dispatch import (
    Implementation,
    Operation,
    no_reasons,
    reasons_against_custom_autograd,
)
from rnnswap.ops._scan import scan_steps
from rnnswap.ops._script import reasons_against_script
from rnnswap.ops.indrnn.cpu import indrnn_scan_cpu, reasons_against_cpu
from rnnswap.ops.indrnn.library import indrnn_scan_library
from rnnswap.ops.indrnn.loops import indrnn_scan_gpu, reasons_against_gpu
from rnnswap.ops.indrnn.manual import indrnn_scan_manual
from rnnswap.ops.indrnn.naive import indrnn_scan_naive
from rnnswap.ops.indrnn.scripted import indrnn_scan_scripted

indrnn_scan = Operation(
    "indrnn_scan",
    (
        Implementation("cpu", indrnn_scan_cpu, reasons_against_cpu),
        Implementation("gpu", indrnn_scan_gpu, reasons_against_gpu),
        Implementation("manual", indrnn_scan_manual, reasons_against_custom_autograd),
        Implementation("scripted", indrnn_scan_scripted, reasons_against_script),
        Implementation("naive", indrnn_scan_naive, no_reasons),
    ),
    indrnn_scan_library,
    functools.partial(indrnn_scan_naive, run=scan_steps),
)
