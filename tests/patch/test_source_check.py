"""The check that guards users' files must notice whatever an editor could get wrong."""

import pytest

from rnnswap.errors import RewriteError
from rnnswap.patch.source import check, codes
from rnnswap.patch.source.result import Keywords, Result

OLD = "import os\nfrom torch.nn import LSTM\n\nrnn = LSTM(8, 16)  # note\n"
NEW = "import os\nfrom rnnswap import JANET\n\nrnn = JANET(8, 16)  # note\n"


def result(text, **changes):
    stated = {
        "expressions": {(4, 6, 4, 10): "JANET"},
        "removed": {(2, 0, "LSTM")},
        "added": [("rnnswap", "JANET", "JANET")],
    }
    return Result(text, **(stated | changes))


def run(old, outcome):
    check.check_equivalent(check.parse(old, "m.py"), old, outcome, "m.py")


def test_the_stated_edits_pass():
    run(OLD, result(NEW))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (NEW.replace("8, 16", "8, 17"), "differ outside the edits"),
        (NEW + "x = 1\n", "differ outside the edits"),
        (NEW.replace("rnn = ", "cell = "), "differ outside the edits"),
        (NEW.replace("import os\n", ""), "differ outside the edits"),
        (NEW.replace("import os", "import os as o"), "differ outside the edits"),
        (OLD, "differ outside the edits"),
        (NEW.replace("# note", "# other"), "a comment would change"),
        (NEW.replace("  # note", ""), "a comment would change"),
        (NEW.replace("from rnnswap import JANET\n", ""), "not be added exactly once"),
        (NEW.replace("import os\n", "import os\nfrom rnnswap import JANET\n"), "exactly once"),
        (NEW.replace("(8", "((8"), "the result would not parse"),
    ],
)
def test_anything_else_is_refused(text, reason):
    with pytest.raises(RewriteError, match=reason) as caught:
        run(OLD, result(text))
    assert caught.value.code == codes.NOT_EQUIVALENT


@pytest.mark.parametrize(
    "changes",
    [
        {"expressions": {(4, 6, 4, 10): "JANET", (4, 0, 4, 2): "x"}},
        {"removed": {(2, 0, "LSTM"), (1, 0, "os")}},
        {"keywords": {(4, 0, 4, 10): Keywords(frozenset(), {"t_max": "3"})}},
    ],
)
def test_an_edit_that_is_nowhere_is_refused(changes):
    with pytest.raises(RewriteError, match="an edit is not where it was meant to be"):
        run(OLD, result(NEW, **changes))


def test_keywords_are_compared():
    keywords = {(4, 6, 4, 10): Keywords(frozenset(), {"t_max": "3"})}
    run(OLD, result(NEW.replace("16)", "16, t_max=3)"), keywords=keywords))
    with pytest.raises(RewriteError, match="differ outside the edits"):
        run(OLD, result(NEW.replace("16)", "16, t_max=4)"), keywords=keywords))


def test_columns_are_counted_in_characters():
    old = "from torch import nn\nü = 'äöü'; x = nn.LSTM(1)\n"
    new = "from torch import nn\nfrom rnnswap import JANET\nü = 'äöü'; x = JANET(1)\n"
    run(old, result(new, expressions={(2, 15, 2, 22): "JANET"}, removed=set()))


def test_a_syntax_error_says_where():
    with pytest.raises(
        RewriteError, match=r"m\.py:2:5: cannot be parsed as Python 3\.\d+: "
    ) as caught:
        check.parse("x = 1\nx = = 2\n", "m.py")
    assert caught.value.code == codes.UNPARSABLE


@pytest.mark.parametrize(
    ("text", "place"),
    [("x = 1\ny = '\x00'", "2:6"), ("y = '\ud800'", "1:6")],
)
def test_a_character_that_python_does_not_take_is_named_with_its_place(text, place):
    with pytest.raises(RewriteError, match=rf"m\.py:{place}: cannot be parsed as Python 3\.\d+: "):
        check.parse(text, "m.py")


@pytest.mark.parametrize("text", ["x = 1\x00", "(" * 100_000])
def test_what_no_parser_takes_is_one_sentence(text):
    with pytest.raises(RewriteError, match=r"m\.py.*cannot be parsed as Python 3\.\d+: "):
        check.parse(text, "m.py")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = " + "1" * 5000, "a number is longer than Python's own limit of [0-9]+ digits"),
        (
            "x = 1" + " + 1" * 30_000,
            "an expression is longer or nested deeper than Python's own limit",
        ),
    ],
)
def test_a_limit_of_python_is_named(text, reason):
    with pytest.raises(RewriteError, match=rf"cannot be parsed as Python 3\.\d+: {reason}$"):
        check.parse(text, "m.py")


def test_doubtful_escapes_do_not_warn():
    assert check.parse('pattern = "\\d"\n', "m.py").body
