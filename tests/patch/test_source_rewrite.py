"""`rewrite_source` as a library: what it takes, what it refuses, and that its output runs."""

import subprocess
import sys

import pytest
import torch

import rnnswap
from rnnswap import rewrite_source
from rnnswap.errors import OptionError, RewriteError, UnknownNameError
from rnnswap.patch.source import codes

MODEL = """
import torch
from torch import nn
import torch.nn as n
from torch.nn import LSTM, Linear


class Model(nn.Module):
    def __init__(self, layer=nn.LSTM):
        super().__init__()
        self.a = torch.nn.LSTM(8, 16, batch_first=True)
        self.b = n.LSTM(16, hidden_size=16, num_layers=2, bidirectional=True, batch_first=True)
        self.c = LSTM(input_size=32, hidden_size=16, batch_first=True)
        self.d = layer(16, 16, batch_first=True)
        self.head = Linear(16, 2)

    def forward(self, x):
        for rnn in (self.a, self.b, self.c, self.d):
            x, (h, c) = rnn(x)
        return self.head(x[:, -1])
"""


@pytest.mark.parametrize("cell", ["janet", "indrnn", "indrnn-v2"])
@pytest.mark.parametrize("attention", [None, "soft"])
def test_the_forms_of_the_articles_run_after_rewriting(cell, attention):
    text, findings = rewrite_source(MODEL, cell, attention=attention)
    assert len(findings) == 4
    names = {}
    exec(compile(text, "model.py", "exec"), names)
    model = names["Model"]()
    assert not [m for m in model.modules() if isinstance(m, torch.nn.LSTM)]
    target = rnnswap.get_cell(cell)
    found = [m for m in model.modules() if isinstance(m, target)]
    assert len(found) == 4
    assert model(torch.randn(3, 5, 8)).shape == (3, 2)


def test_options_reach_the_constructor():
    text, _ = rewrite_source("from torch.nn import LSTM\nrnn = LSTM(8, 16)\n", options={"t_max": 9})
    assert text.endswith("rnn = JANET(8, 16, t_max=9)\n")
    names = {}
    exec(compile(text, "model.py", "exec"), names)
    assert isinstance(names["rnn"], rnnswap.JANET)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"cell": "jannet"}, UnknownNameError, "unknown cell 'jannet'.*did you mean 'janet'"),
        ({"source": "x"}, UnknownNameError, "unknown cell 'x'"),
        ({"attention": "x"}, UnknownNameError, "unknown attention mechanism 'x'"),
        ({"options": {"x": 1}}, OptionError, "'janet' has no option 'x'"),
        ({"options": {"t_max": object()}}, OptionError, "cannot be written as a literal"),
        ({"options": {"beta": float("inf")}}, OptionError, "inf cannot be written as a literal"),
        ({"source": "janet"}, OptionError, "cell and source are both 'janet'"),
    ],
)
def test_misuse_is_refused_whatever_the_text(arguments, error, message):
    with pytest.raises(error, match=message):
        rewrite_source("", **arguments)


@pytest.mark.parametrize("text", ["", "\n", "x = 1", "def f(:", "print 'old'"])
def test_a_text_that_cannot_match_comes_back_unread(text):
    assert rewrite_source(text) == (text, [])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("from torch.nn import LSTM\ndef f(:\n", "here.py:2:7"),
        ("LSTM = 1\nprint 'old'\n", "here.py:2:1"),
        ("try:\n    LSTM = 1\nexcept IOError, e:\n    raise\n", "here.py:3:8"),
        ("exec 'LSTM = 1' in names\n", "here.py:1:1"),
        ("if x:\n\tLSTM = 1\n        y = 1\n", "here.py:3"),
    ],
)
def test_a_text_that_does_not_parse_is_refused_with_its_place(text, place):
    with pytest.raises(RewriteError, match=f"{place}.*cannot be parsed as Python 3") as caught:
        rewrite_source(text, path="here.py")
    assert caught.value.code == codes.UNPARSABLE


def test_line_endings_that_cannot_be_reproduced_are_refused():
    with pytest.raises(RewriteError, match=":2:18: a line ending or control character") as caught:
        rewrite_source("from torch.nn import LSTM\rrnn = LSTM(8, 16)\r")
    assert caught.value.code == codes.NOT_EQUIVALENT


def test_deep_nesting_is_refused_in_one_sentence():
    text = f"from torch.nn import LSTM\nx = {'-' * 900}1\ny = {'+'.join(['LSTM'] * 3000)}\n"
    with pytest.raises(RewriteError, match="cannot be parsed|nested too deeply"):
        rewrite_source(text)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_last_comment_that_ends_in_a_backslash_survives(end):
    text = f"from torch.nn import LSTM\nx = LSTM(1, 2)  # \\{end}"
    after = f"from rnnswap import JANET\nx = JANET(1, 2)  # \\{end}"
    assert rewrite_source(text)[0] == after


def test_mixed_line_endings_form_feeds_and_tabs_survive():
    before = "\f\nimport os\r\nimport torch.nn as nn\n\f\nclass A:\r\n\tx = nn.LSTM(1, 2)\t\n\r\n"
    after = (
        "\f\nimport os\r\nimport torch.nn as nn\nfrom rnnswap import JANET\n"
        "\f\nclass A:\r\n\tx = JANET(1, 2)\t\n\r\n"
    )
    assert rewrite_source(before)[0] == after


def test_the_new_line_ends_as_the_import_before_it():
    before = "import os\nfrom torch import nn\r\n\nx = nn.LSTM(1, 2)\n"
    after = "import os\nfrom torch import nn\r\nfrom rnnswap import JANET\r\n\nx = JANET(1, 2)\n"
    assert rewrite_source(before)[0] == after


def run_python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_patcher_imports_neither_torch_nor_libcst():
    loaded = "[m for m in ('torch', 'libcst', 'rich') if m in sys.modules]"
    assert run_python(f"import sys, rnnswap.patch.source; print({loaded})") == "[]\n"


@pytest.mark.parametrize(
    ("text", "loaded"),
    [
        ("import torch\nx = torch.nn.Linear(1, 2)  # IndRNN\n", "[]"),
        ("import keras\nx = keras.layers.GRU(1)\n", "[]"),
        ("def f(:", "[]"),
        ("from torch import nn\nx = nn.LSTM(1, 2)\n", "['libcst']"),
    ],
)
def test_libcst_is_imported_only_for_a_text_that_names_the_class(text, loaded):
    code = (
        f"import sys, rnnswap; rnnswap.rewrite_source({text!r}); "
        "print([m for m in ('torch', 'libcst', 'libcst.codemod') if m in sys.modules])"
    )
    assert run_python(code) == f"{loaded}\n"
