"""For authors: does a class really stand where torch.nn.LSTM stands, or keep its contract?

    from rnnswap.testing import check_drop_in

    report = check_drop_in(MyCell)
    assert report.passed, str(report)

`check_attention(MyAttention)` and `check_clip_policy("my-policy:1.0")` do so for the other kinds.

Needs torch and nothing else; `level="full"` uses onnx, onnxscript and onnxruntime where they are
installed.
"""

from __future__ import annotations

from rnnswap.testing._drop_in import check_drop_in as check_drop_in
from rnnswap.testing._provided import check_attention as check_attention
from rnnswap.testing._provided import check_clip_policy as check_clip_policy
from rnnswap.testing._report import CheckResult as CheckResult
from rnnswap.testing._report import Report as Report

__all__ = ["CheckResult", "Report", "check_attention", "check_clip_policy", "check_drop_in"]
