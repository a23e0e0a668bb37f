"""The report of a check: what it counts and how it reads."""

from rnnswap.testing import CheckResult, Report

RESULTS = (
    CheckResult("shapes", "contract", "passed", "", "Shapes are right"),
    CheckResult("state-is-read", "contract", "failed", "expected 1, got 2", "The state is read"),
    CheckResult("onnx", "beyond", "skipped", "not installed: onnx", "It exports"),
    CheckResult("vmap", "beyond", "cannot", "RuntimeError: no rule", "It maps"),
)
TABLE = """\
acme.Cell in place of nn.LSTM, full checks

contract: what nn.LSTM does
  passed  shapes         Shapes are right
  failed  state-is-read  The state is read
                         -> expected 1, got 2

beyond: what nn.LSTM cannot
  skipped  onnx  It exports
                 -> not installed: onnx
  cannot   vmap  It maps
                 -> RuntimeError: no rule

contract: 1 passed, 1 failed; beyond: 1 skipped, 1 cannot"""


def test_reads_as_a_plain_table():
    assert str(Report("acme.Cell", "nn.LSTM", "full", RESULTS)) == TABLE


def test_of_torchs_own_class_it_says_that_nn_lstm_cannot():
    report = Report("torch.nn.LSTM", "nn.LSTM", "full", RESULTS, is_reference=True)
    assert "  nn.LSTM cannot  vmap  It maps" in str(report)


def test_a_failure_of_the_contract_alone_decides():
    report = Report("acme.Cell", "nn.LSTM", "full", RESULTS)
    assert not report.passed
    assert report.failures == (RESULTS[1],)
    assert Report("acme.Cell", "nn.LSTM", "full", RESULTS[2:]).passed


def test_counts_by_group_and_status():
    counts = Report("acme.Cell", "nn.LSTM", "full", RESULTS).counts
    assert counts == {
        "contract": {"passed": 1, "failed": 1},
        "beyond": {"skipped": 1, "cannot": 1},
    }


def test_a_group_without_results_is_left_out():
    text = str(Report("acme.Cell", "nn.LSTM", "quick", RESULTS[:1]))
    assert "beyond" not in text
