"""JANET's recurrence (arXiv:1804.04849)."""

import functools

from rnnswap.ops._dispatch import (
    Implementation,
    Operation,
    no_reasons,
    reasons_against_custom_autograd,
)
from rnnswap.ops._scan import scan_steps
from rnnswap.ops._script import reasons_against_script
from rnnswap.ops.janet.cpu import janet_scan_cpu, reasons_against_cpu
from rnnswap.ops.janet.library import janet_scan_library
from rnnswap.ops.janet.loops import janet_scan_gpu, reasons_against_gpu
from rnnswap.ops.janet.manual import janet_scan_manual
from rnnswap.ops.janet.naive import janet_scan_naive
from rnnswap.ops.janet.naive import janet_step as janet_step
from rnnswap.ops.janet.scripted import janet_scan_scripted

janet_scan = Operation(
    "janet_scan",
    (
        Implementation("cpu", janet_scan_cpu, reasons_against_cpu),
        Implementation("gpu", janet_scan_gpu, reasons_against_gpu),
        Implementation("manual", janet_scan_manual, reasons_against_custom_autograd),
        Implementation("scripted", janet_scan_scripted, reasons_against_script),
        Implementation("naive", janet_scan_naive, no_reasons),
    ),
    janet_scan_library,
    functools.partial(janet_scan_naive, run=scan_steps),
)
