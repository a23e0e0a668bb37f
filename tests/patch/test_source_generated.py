"""Generated modules around uses of an LSTM: never a crash, always text that parses.

That nothing changes outside the edits is asked by the patcher itself of every file, of its syntax
tree and its comments; here its answer must be yes.
"""

import ast
import textwrap
import warnings

from hypothesis import given, reject
from hypothesis import strategies as st

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes
from rnnswap.patch.source.plan import make_plan
from rnnswap.patch.source.rewrite import find, rewrite

NAMES = ["x", "rnn", "nn", "torch", "LSTM", "JANET", "self", "größe"]
CLASSES = ["nn.LSTM", "torch.nn.LSTM", "LSTM", "nn.LSTMCell", "rnn.LSTM", "JANET", "nn.GRU"]
IMPORTS = [
    "import torch",
    "import torch.nn as nn",
    "from torch import nn",
    "import torch.nn, os",
    "from torch.nn import LSTM",
    "from torch.nn import (\n    GRU,\n    LSTM,  # cell\n)",
    "from torch.nn import LSTM as rnn, LSTMCell",
    "from torch.nn.modules import rnn",
    "from torch.nn import *",
    "from mine import LSTM",
    "from rnnswap import JANET",
    "from rnnswap import JANET as nn",
    "import sys; import torch as nn",
    "try:\n    from torch import nn\nexcept ImportError:\n    nn = None",
    "if x:\n    from torch.nn import LSTM\nelse:\n    LSTM = None",
]
ATOMS = ["1", "'LSTM'", "None", "...", "b'x'", "(1, *x)", "[]", "{'LSTM': 1, **x}", "lambda: 0"]
EXPRESSIONS = [
    "{a}({b}, {c})",
    "{a}({b}, hidden_size={c}, **{a})",
    "{a}(*{b}, proj_size=3,)",
    "{a}(\n    {b},  # note\n    {c},\n)",
    "({a} if {b} else {c})",
    "[{a} for x in {b} if {c}]",
    "{{{a}: {b} for nn in {c}}}",
    "(lambda nn={a}, *LSTM: {b})({c})",
    "isinstance({a}, ({b}, {c}))",
    "isinstance({a}, {b} | {c})",
    "(type(x) is {a} or type(x) == {b})",
    "not type(x) is {a}",
    "type(x) in ({a}, {b})",
    "f'{{{a}!r}} LSTM {{{b}}}'",
    "getattr({a}, 'LSTM')",
    "getattr(nn, x)({b})",
    "({a} and {b} or not {c})",
    "{a}[{b}:{c}]",
    "(x := {a})",
    "{a}.__init__",
    "{a}.forward",
    "({a}\n .bias_ih_l0.data[x : 2 * x])",
    "print({a}, end={b})",
    "{{{a}, {b}}}",
]
STATEMENTS = [
    "x = {a}",
    "x: {a} = {b}",
    "nn = {a}",
    "x, LSTM = {a}, {b}",
    "x += {a}",
    "del x, {n}",
    "global nn",
    "assert {a}, {b}  # LSTM",
    "raise {a} from {b}",
    "{a}; {b}",
    "if {a}: {n} = {b}",
    "# {n} LSTM",
    "'''{n}\nLSTM'''",
    "nn.LSTM.forward = {a}",
    "torch.quantization.quantize_dynamic(x, {{nn.LSTM}})",
    "import torch.nn as LSTM",
    "from rnnswap import JANET",
    "model.load_state_dict({a})",
]
BLOCKS = [
    "if {a}:\n{s}\nelif {b}:\n{t}\nelse:\n{s}",
    "for {n} in {a}:\n{s}\nelse:\n{t}",
    "while {a}:\n{s}",
    "with {a} as {n}, {b}:\n{s}",
    "try:\n{s}\nexcept {a} as {n}:\n{t}\nfinally:\n{s}",
    "def f({n}, x={a}, *y: {b}, **z) -> {c}:\n{s}\n    return {a}",
    "async def f({n}={a}):\n{s}\n    await {b}\n    yield {c}",
    "@{a}\ndef f():\n    '''Doc.'''\n{s}",
    "class {n}({a}):\n{s}",
    "class LSTM({a}, {b}):\n{s}",
    "class A({a}, metaclass={b}):\n    def forward(self, x):\n        return x",
    "match {a}:\n    case nn.LSTM({n}=3):\n{u}\n    case _:\n        pass",
    "match {a}:\n    case [LSTM, *nn] | {{'x': LSTM, **nn}}:\n{u}\n    case rnn.LSTM:\n{u}",
    "def f():\n    import torch.nn as nn\n{s}",
    "def f():\n    global LSTM\n    from torch.nn import LSTM\n{s}",
]

names = st.sampled_from(NAMES)
expressions = st.recursive(
    st.sampled_from([*CLASSES, *CLASSES, *NAMES, *ATOMS]),
    lambda inner: st.builds(
        lambda form, a, b, c: form.format(a=a, b=b, c=c),
        st.sampled_from(EXPRESSIONS),
        inner,
        inner,
        inner,
    ),
    max_leaves=6,
)
simple = st.builds(
    lambda form, a, b, n: form.format(a=a, b=b, n=n),
    st.sampled_from(STATEMENTS),
    expressions,
    expressions,
    names,
)


def _block(form, a, b, c, n, first, second):
    s, t = (textwrap.indent("\n".join([*lines, "pass"]), "    ") for lines in (first, second))
    return form.format(a=a, b=b, c=c, n=n, s=s, t=t, u=textwrap.indent(s, "    "))


statements = st.recursive(
    simple,
    lambda inner: st.builds(
        _block,
        st.sampled_from(BLOCKS),
        expressions,
        expressions,
        expressions,
        names,
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=2),
    ),
    max_leaves=4,
)


def compiled(text):
    with warnings.catch_warnings():
        # `1 is x` and the like are doubtful before they are rewritten.
        warnings.simplefilter("ignore")
        return compile(text, "m.py", "exec", dont_inherit=True)


def _compiles(text):
    try:
        return compiled(text) is not None
    except (SyntaxError, ValueError):
        return False


modules = st.builds(
    lambda head, imports, body, newline, end: ("\n".join([*head, *imports, *body]) + end).replace(
        "\n", newline
    ),
    st.sampled_from([[], ["'''Doc.'''"], ["from __future__ import annotations"], ["#!x", ""]]),
    st.lists(st.sampled_from(IMPORTS), min_size=1, max_size=3),
    st.lists(statements, min_size=1, max_size=3),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n", "  # end"]),
).filter(_compiles)
plans = st.builds(
    make_plan,
    cell=st.sampled_from(["janet", "indrnn-v2"]),
    attention=st.sampled_from([None, None, "soft"]),
    options=st.sampled_from([None, {"zoneout": 0.5}]),
)


def accepted(text, plan):
    """Rewrite, where Python itself could not read a name before it is bound."""
    try:
        return rewrite(text, plan, "m.py")
    except RewriteError as error:
        # An import in one branch, a use in another.
        if error.code != codes.NOT_EQUIVALENT or "before it is imported" not in error.reason:
            raise
        reject()


@given(modules, plans)
def test_generated_modules_are_rewritten_once_and_for_all(text, plan):
    once, findings = accepted(text, plan)
    compiled(once)
    assert find(text, plan, "m.py") == findings
    assert (once != text) == any(finding.code.startswith("RSW1") for finding in findings)
    twice, again = rewrite(once, plan, "m.py")
    assert twice == once
    assert not [finding for finding in again if finding.code.startswith("RSW1")]


@given(modules)
def test_the_way_back_of_generated_modules_is_accepted(text):
    there, _ = accepted(text, make_plan("janet"))
    back = make_plan("lstm")
    once, _ = accepted(there, back)
    assert rewrite(once, back, "m.py")[0] == once
    assert ast.parse(once)
