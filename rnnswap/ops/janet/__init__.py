"""JANET's recurrence (arXiv:1804.04849)."""

from rnnswap.ops._dispatch import (
    Implementation,
    Operation,
    no_reasons,
    reasons_against_custom_autograd,
)
from rnnswap.ops.janet.manual import janet_scan_manual
from rnnswap.ops.janet.naive import janet_scan_naive

janet_scan = Operation(
    "janet_scan",
    (
        Implementation("manual", janet_scan_manual, reasons_against_custom_autograd),
        Implementation("naive", janet_scan_naive, no_reasons),
    ),
)
