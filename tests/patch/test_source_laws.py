"""Laws of the source patcher on generated modules."""

import ast

from hypothesis import given
from hypothesis import strategies as st

from rnnswap import rewrite_source

IMPORTS = {
    "import torch": "torch.nn.",
    "import torch as t": "t.nn.",
    "import torch.nn": "torch.nn.",
    "import torch.nn as nn": "nn.",
    "from torch import nn": "nn.",
    "import torch.nn.modules.rnn as rnn": "rnn.",
    "from torch.nn import LSTM": "",
    "from torch.nn import GRU, LSTM": "",
    "from torch.nn import (\n    LSTM,\n    GRU,\n)": "",
}
MODULES = [bound for bound, prefix in IMPORTS.items() if prefix in ("torch.nn.", "t.nn.", "nn.")]
STATEMENTS = [
    "x = {p}LSTM(8, 16)",
    "x = {p}LSTM(8, hidden_size=16, **options)  # note {p}LSTM",
    "x = [{p}LSTM(i, i)(y)[0] for i in range(3)]",
    "layers = {{'lstm': {p}LSTM, 'text': 'LSTM'}}",
    "if type(x) is {p}LSTM or y.__class__ not in ({p}LSTM, int):\n    pass",
    "def f(a: {p}LSTM = None, b={p}LSTM) -> {p}LSTM:\n    return isinstance(a, ({p}LSTM, int))",
    "class A({p}LSTM):\n    size = 3",
    "class B({p}LSTM):\n    def forward(self, x):\n        return x",
    "if y:\n    z = {p}LSTM(\n        8,\n        16,  # hidden\n    )\nelse:\n    pass",
    "def g(LSTM, nn, torch):\n    return LSTM(1), nn.LSTM(2), torch.nn.LSTM(3)",
    "JANET = 1",
    "größe = '''{p}LSTM\n  text'''; w = {p}LSTM(1, 2)",
    "# only a comment on LSTM",
    "import os",
    "",
]
HEADERS = [
    "",
    '"""Doc on LSTM."""',
    "#!/usr/bin/env python\n# a",
    "from __future__ import annotations",
]


def modules_that_bind(imports):
    """Modules that reach the class through one of these imports."""
    return st.builds(
        lambda header, bound, before, after, end: (
            "\n".join([header, *before, bound, *(s.format(p=IMPORTS[bound]) for s in after)]) + end
        ),
        st.sampled_from(HEADERS),
        st.sampled_from(imports),
        st.lists(st.sampled_from(["import sys", "y = 1", "# first"]), max_size=2).map(
            lambda lines: [line for line in lines if line]
        ),
        st.lists(st.sampled_from(STATEMENTS), max_size=6),
        st.sampled_from(["", "\n", "\n\n"]),
    ).filter(lambda text: _parses(text))


modules = modules_that_bind(sorted(IMPORTS))
cells = st.sampled_from(["janet", "indrnn", "indrnn-v2"])
attentions = st.sampled_from([None, "soft"])
newlines = st.sampled_from(["\n", "\r\n"])


def _parses(text):
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


@given(modules, cells, attentions, newlines)
def test_rewriting_twice_is_rewriting_once(text, cell, attention, newline):
    text = text.replace("\n", newline)
    once, findings = rewrite_source(text, cell, attention=attention)
    twice, _ = rewrite_source(once, cell, attention=attention)
    assert twice == once
    assert (once != text) == any(finding.code.startswith("RSW1") for finding in findings)
    if newline == "\r\n":
        assert once.count("\n") == once.count("\r\n")


@given(modules, cells, attentions)
def test_rewriting_there_and_back_gives_the_same_tree(text, cell, attention):
    there, _ = rewrite_source(text, cell, attention=attention)
    back, _ = rewrite_source(there, "lstm")
    assert _comparable(back) == _comparable(text)


@given(modules_that_bind(MODULES), cells, attentions)
def test_the_way_back_ends_at_the_very_text(text, cell, attention):
    there, _ = rewrite_source(text, cell, attention=attention)
    back, _ = rewrite_source(there, "lstm")
    assert back == text


@given(modules, cells)
def test_findings_point_at_the_class_in_the_text(text, cell):
    _, findings = rewrite_source(text, cell)
    lines = text.split("\n")
    for finding in findings:
        if finding.code.startswith("RSW1"):
            spelled = finding.message.partition(" -> ")[0]
            assert lines[finding.line - 1][finding.column - 1 :].startswith(spelled)


class _Spelling(ast.NodeTransformer):
    """Takes the imports out and spells every chain that ends in LSTM the same way."""

    def visit_Import(self, node):
        return None

    visit_ImportFrom = visit_Import  # noqa: N815  (ast's name)

    def visit_Name(self, node):
        return ast.Name("LSTM") if node.id in ("LSTM", "TorchLSTM") else node

    def visit_Attribute(self, node):
        return ast.Name("LSTM") if node.attr == "LSTM" else self.generic_visit(node)


def _comparable(text):
    return ast.dump(_Spelling().visit(ast.parse(text)))
