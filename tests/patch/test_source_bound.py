"""What the new text imports must be bound before it is read."""

import ast

import pytest

from rnnswap import rewrite_source
from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes
from rnnswap.patch.source.bound import first_unbound, has_late_future

IMPORT = "from rnnswap import JANET"


@pytest.mark.parametrize(
    "text",
    [
        f"{IMPORT}\nx = JANET(1)",
        f"def f(): return JANET(1)\n{IMPORT}",
        f"def f():\n {IMPORT}\n return JANET(1)",
        f"def f():\n {IMPORT}\n def g(): return JANET(1)\n return g",
        f"if c:\n {IMPORT}\nx = JANET(1)",
        f"if c:\n {IMPORT}\n x = JANET(1)\nelse:\n {IMPORT}\n x = JANET(2)",
        f"try:\n {IMPORT}\nexcept ImportError:\n pass\nelse:\n x = JANET(1)",
        f"try:\n pass\nfinally:\n {IMPORT}\nx = JANET(1)",
        f"for i in y:\n if i: x = JANET(1)\n {IMPORT}",
        f"while y:\n {IMPORT}\nelse:\n x = JANET(1)",
        f"with y:\n {IMPORT}\nx = [JANET(i) for i in y]",
        f"match y:\n case 1:\n  {IMPORT}\n  x = JANET(1)",
        f"class A:\n {IMPORT}\n x = JANET(1)",
        f"def f(a: JANET) -> JANET: pass\n{IMPORT}",
        f"x: JANET = 1\n{IMPORT}",
        "x = 1",
    ],
)
def test_a_name_that_may_be_bound_is_accepted(text):
    assert first_unbound(ast.parse(text), ["JANET"]) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"x = JANET(1)\n{IMPORT}", 1),
        (f"if c:\n x = JANET(1)\n{IMPORT}", 2),
        (f"if c:\n {IMPORT}\nelse:\n x = JANET(1)", 4),
        (f"try:\n x = JANET(1)\nexcept E:\n pass\n{IMPORT}", 2),
        (f"def f(a=JANET): pass\n{IMPORT}", 1),
        (f"@JANET\ndef f(): pass\n{IMPORT}", 1),
        (f"class A(JANET): pass\n{IMPORT}", 1),
        (f"{IMPORT}\ndef f():\n x = JANET(1)\n {IMPORT}", 3),
        (f"{IMPORT}\ndel JANET\nx = JANET(1)", 3),
        (f"match y:\n case 1:\n  {IMPORT}\n case _:\n  x = JANET(1)", 5),
        (f"x = [JANET(i) for i in y]\n{IMPORT}", 1),
        (f"for i in JANET:\n pass\n{IMPORT}", 1),
        (f"def f():\n {IMPORT}\nx = JANET(1)", 3),
    ],
)
def test_a_name_that_cannot_be_bound_yet_is_found(text, line):
    assert first_unbound(ast.parse(text), ["JANET"]) == ("JANET", line)


@pytest.mark.parametrize(
    ("text", "late"),
    [
        ("'''Doc.'''\nfrom __future__ import annotations\nfrom __future__ import division", False),
        ("import os", False),
        (f"{IMPORT}\nfrom __future__ import annotations", True),
        (f"'''Doc.'''\n{IMPORT}; from __future__ import annotations", True),
    ],
)
def test_imports_from_the_future_come_first(text, late):
    assert has_late_future(ast.parse(text)) is late


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "from __future__ import annotations; import torch.nn as nn; x = nn.LSTM(1, 2)\n",
            "an import would stand before one from __future__; left as it is",
        ),
        (
            "def f():\n    y = JANET(1, 2)\n    import torch.nn as nn\n    x = nn.LSTM(1, 2)\n"
            "from rnnswap import JANET\n",
            "JANET would be read in line 2 before it is imported; left as it is",
        ),
    ],
)
def test_a_rewriting_that_would_read_too_early_is_refused(text, reason):
    with pytest.raises(RewriteError) as caught:
        rewrite_source(text)
    assert caught.value.reason == reason
    assert caught.value.code == codes.NOT_EQUIVALENT
