"""For authors of cells: does a class really stand where torch.nn.LSTM stands?

    from rnnswap.testing import check_drop_in

    report = check_drop_in(MyCell)
    assert report.passed, str(report)

Needs torch and nothing else; `level="full"` uses onnx, onnxscript and onnxruntime where they are
installed.
"""

from __future__ import annotations

from rnnswap.testing._drop_in import check_drop_in as check_drop_in
from rnnswap.testing._report import CheckResult as CheckResult
from rnnswap.testing._report import Report as Report

__all__ = ["CheckResult", "Report", "check_drop_in"]
