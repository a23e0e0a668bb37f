"""Notebooks: the cells are rewritten as one module, and every other byte stays."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes
from rnnswap.patch.source.documents import Module, Place, open_document
from rnnswap.patch.source.notebook import read_notebook
from rnnswap.patch.source.plan import make_plan
from rnnswap.patch.source.rewrite import rewrite

PLAN = make_plan("janet")
WORDS = ("LSTM",)


def code(source, **more):
    outputs = [{"name": "stdout", "output_type": "stream", "text": ["LSTM \x1b[0m é\n"]}]
    return {
        "cell_type": "code",
        "execution_count": 3,
        "metadata": {"tags": ["LSTM"]},
        "outputs": outputs,
        "source": source,
        **more,
    }


def notebook(*cells, **metadata):
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def lines(text):
    return text.splitlines(keepends=True)


def as_jupyter(content):
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def patched(data, path="n.ipynb"):
    document = open_document(data, path, WORDS)
    text, findings = rewrite(document.text, PLAN, path)
    return document.with_text(text) if text != document.text else data, [
        (str(document.place(f.line, f.column)), f.code) for f in findings
    ]


def sources(data):
    return ["".join(cell["source"]) for cell in json.loads(data)["cells"]]


def test_cells_are_one_module_and_places_are_those_of_cells():
    data = as_jupyter(
        notebook(
            {"cell_type": "markdown", "metadata": {}, "source": ["# LSTM"]},
            code(lines("import torch\nfrom torch.nn import LSTM")),
            code(lines("x = 1\nrnn = LSTM(8, 16)  # é\n")),
        )
    )
    result, findings = patched(data)
    assert sources(result)[1:] == [
        "import torch\nfrom rnnswap import JANET",
        "x = 1\nrnn = JANET(8, 16)  # é\n",
    ]
    assert findings == [("cell 3:2:7", codes.CALL)]
    changed = [a for a, b in zip(data.splitlines(), result.splitlines(), strict=True) if a != b]
    assert len(changed) == 2


def test_the_line_of_the_file_is_known_for_annotations():
    data = as_jupyter(notebook(code(lines("import torch.nn as nn\n\nrnn = nn.LSTM(8, 16)"))))
    document = open_document(data, "n.ipynb", WORDS)
    place = document.place(4, 7)
    assert place == Place(3, 7, 1, place.file_line)
    assert "rnn = nn.LSTM" in data.decode().splitlines()[place.file_line - 1]


def test_an_import_added_behind_the_last_line_of_a_cell_is_a_line_of_its_own():
    data = as_jupyter(notebook(code(["from torch import nn"]), code(["rnn = nn.LSTM(8, 16)"])))
    result, _ = patched(data)
    assert b'    "from torch import nn\\n",\n    "from rnnswap import JANET"\n   ]' in result
    assert (
        result.replace(b'nn\\n",\n    "from rnnswap import JANET"', b'nn"').replace(
            b"JANET", b"nn.LSTM"
        )
        == data
    )


def test_a_source_that_is_one_string_stays_one():
    source = "from torch.nn import LSTM\nname = '\\u00e9'\nrnn = LSTM(8, 16)\n"
    data = json.dumps(notebook(code(source))).encode()
    result, _ = patched(data)
    assert result == data.replace(b"torch.nn import LSTM", b"rnnswap import JANET").replace(
        b"rnn = LSTM", b"rnn = JANET"
    )


MAGICS = [
    "%matplotlib inline",
    "!pip install torch",
    "!!ls",
    "?print",
    "print?",
    "x = torch.nn.functional.relu??",
    "files = !ls *.py",
    "a, b = %who_ls",
    "d['k'] = !ls",
    "!ls \\\n  -l",
    "for i in range(2):\n    !echo {i}\n    %time i",
    "/print 1",
    ",print 1 2",
    ";print a b",
    "%cd ..  # what?",
]


@pytest.mark.parametrize("magic", MAGICS)
def test_magics_stay_and_what_is_around_them_is_rewritten(magic):
    source = f"import torch\n{magic}\nrnn = torch.nn.LSTM(\n  8, 16)\n"
    result, findings = patched(as_jupyter(notebook(code(lines(source)))))
    expected = source.replace("torch.nn.LSTM", "JANET").replace(
        "import torch\n", "import torch\nfrom rnnswap import JANET\n"
    )
    assert sources(result) == [expected]
    assert findings == [(f"cell 1:{3 + magic.count(chr(10))}:7", codes.CALL)]


@pytest.mark.parametrize(
    "source",
    [
        "x = 7\nx = (x\n% 2)\n",
        "s = '''\n% LSTM\n!ls\nwhat?\n'''\n",
        "ok = 'is it?'  # LSTM?\n",
        '"loss = %d" % 3\n',
        "x = [\n  1,\n  2\n]; y = {\n}\n",
    ],
)
@pytest.mark.parametrize("magic", ["", "!ls\n"])
def test_python_that_looks_like_a_magic_is_left_alone(source, magic):
    before = f"{magic}{source}from torch.nn import LSTM\nrnn = LSTM(8, 16)\n"
    result, _ = patched(as_jupyter(notebook(code(lines(before)))))
    assert sources(result) == [
        before.replace("from torch.nn import LSTM", "from rnnswap import JANET").replace(
            "= LSTM(", "= JANET("
        )
    ]


@pytest.mark.parametrize("magic", ["%%time", "%%capture out", "%%timeit -n 3", "%%prun"])
def test_the_body_of_a_cell_magic_that_runs_it_here_is_rewritten(magic):
    data = as_jupyter(
        notebook(code(["from torch import nn"]), code(lines(f"{magic}\nrnn = nn.LSTM(8, 16)")))
    )
    result, findings = patched(data)
    assert sources(result)[1] == f"{magic}\nrnn = JANET(8, 16)"
    assert findings == [("cell 2:2:7", codes.CALL)]


@pytest.mark.parametrize("magic", ["%%bash", "%%writefile model.py", "%%html", "%%javascript"])
def test_a_cell_for_another_language_stays(magic):
    data = as_jupyter(
        notebook(
            code(["from torch.nn import LSTM"]),
            code(lines(f"{magic}\nrnn = LSTM(8, 16) (")),
            code(["rnn = LSTM(8, 16)"]),
        )
    )
    result, _ = patched(data)
    assert sources(result)[1:] == [f"{magic}\nrnn = LSTM(8, 16) (", "rnn = JANET(8, 16)"]


@pytest.mark.parametrize("magic", ["%timeit LSTM(3, 4)", "%time rnn = LSTM(3, 4)", "LSTM?"])
def test_a_magic_that_uses_the_class_is_reported_and_keeps_its_import(magic):
    data = as_jupyter(
        notebook(code(["from torch.nn import LSTM"]), code(lines(f"y = LSTM(8, 16)\n{magic}")))
    )
    result, findings = patched(data)
    assert sources(result) == [
        "from torch.nn import LSTM\nfrom rnnswap import JANET",
        f"y = JANET(8, 16)\n{magic}",
    ]
    assert findings == [("cell 2:1:5", codes.CALL), ("cell 2:2:1", codes.IN_STRING)]


def test_a_shell_line_that_names_the_class_is_not_a_use():
    data = as_jupyter(notebook(code(lines("!run LSTM\nfrom torch.nn import LSTM\nLSTM(1, 2)\n"))))
    result, findings = patched(data)
    assert sources(result) == ["!run LSTM\nfrom rnnswap import JANET\nJANET(1, 2)\n"]
    assert len(findings) == 1


def test_a_broken_cell_is_named_and_nothing_is_written():
    data = as_jupyter(notebook(code(["from torch.nn import LSTM"]), code(lines("\nx = LSTM(("))))
    document = open_document(data, "n.ipynb", WORDS)
    with pytest.raises(RewriteError, match="cannot be parsed as Python 3") as caught:
        rewrite(document.text, PLAN, "n.ipynb")
    assert str(document.place(caught.value.line, caught.value.column)).startswith("cell 2:2:")


@pytest.mark.parametrize(
    ("metadata", "python"),
    [
        ({}, True),
        ({"kernelspec": {"language": "python"}}, True),
        ({"language_info": {"name": "ipython"}}, True),
        ({"kernelspec": {"language": "R"}}, False),
        ({"language_info": {"name": "julia"}}, False),
        ({"kernelspec": None, "language_info": 3}, True),
    ],
)
def test_a_notebook_for_another_language_has_no_python(metadata, python):
    data = as_jupyter(notebook(code(["from torch.nn import LSTM"]), **metadata))
    assert bool(open_document(data, "n.ipynb", WORDS).text) is python


@pytest.mark.parametrize(
    ("data", "code_", "message"),
    [
        (b"", codes.UNPARSABLE, "n.ipynb:1:1: cannot be parsed as a notebook: Expecting value"),
        (b'{"cells": [\n{]}', codes.UNPARSABLE, "n.ipynb:2:2: cannot be parsed as a notebook"),
        (b"[]", codes.UNPARSABLE, "n.ipynb: .*it has no list of cells"),
        (b'{"cells": 3}', codes.UNPARSABLE, "it has no list of cells"),
        (b'{"cells": [{"cell_type": "code"}]}', codes.UNPARSABLE, "cell 1 has no source"),
        (b'{"cells": [{"source": [3]}]}', codes.UNPARSABLE, "cell 1 has no source"),
        (b'{"worksheets": []}', codes.UNPARSABLE, "of an old format; open and save it"),
        (b'{"cells": "\xff"}', codes.UNDECODABLE, "cannot be decoded as utf-8: byte 0xff"),
        (b"[" * 100_000, codes.UNPARSABLE, "nested too deeply"),
        (b'{"cells": [], "x": ' + b"9" * 5000 + b"}", codes.UNPARSABLE, "a number in it is too"),
    ],
)
def test_what_is_no_notebook_is_refused(data, code_, message):
    with pytest.raises(RewriteError, match=message) as caught:
        open_document(data, "n.ipynb", WORDS)
    assert caught.value.code == code_


def test_a_notebook_is_known_by_its_content_where_there_is_no_name():
    data = as_jupyter(notebook(code(["x = 1"])))
    assert open_document(data, "<stdin>", WORDS).place(2, 1).cell == 1
    assert isinstance(open_document(b"x = {'nbformat': 4}\n", "<stdin>", WORDS), Module)


def test_what_would_not_be_the_same_notebook_is_refused():
    data = as_jupyter(notebook(code(["%time x\n", "y = 1"]), code(["z = 1"])))
    document = read_notebook(data, "n.ipynb", WORDS)
    for text, message in [
        (re.sub("# .* 2\n", "", document.text), "cells could not be told apart"),
        (re.sub(r"rnnswap_cell\w+\(\)", "x", document.text), "a magic in cell 1 would change"),
        ("import a\n" + document.text, None),
    ]:
        if message is None:
            result = document.with_text(text)
            assert sources(result) == ["import a\n%time x\ny = 1", "z = 1"]
            continue
        with pytest.raises(RewriteError, match=message) as caught:
            document.with_text(text)
        assert caught.value.code == codes.NOT_EQUIVALENT


def test_a_cell_magic_stays_the_first_line_of_its_cell():
    document = read_notebook(as_jupyter(notebook(code(["%%time\n", "x"]))), "n.ipynb", WORDS)
    with pytest.raises(RewriteError, match="cell 1 would not begin with its magic"):
        document.with_text("import a\n" + document.text)


TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"),
    max_size=8,
)


@st.composite
def layouts(draw):
    """A notebook's bytes, laid out in any way, with the sources of its code cells."""
    cells = []
    for _ in range(draw(st.integers(0, 2))):
        cells.append({"cell_type": "markdown", "source": draw(TEXT), draw(TEXT): draw(TEXT)})
    body = ["from torch.nn import LSTM", f"s = {draw(TEXT)!r}", "", f"# {draw(TEXT)}", "LSTM(1, 2)"]
    body = [line.replace("\n", " ") for line in body]
    cut = draw(st.integers(0, len(body)))
    for part in (body[:cut], body[cut:]):
        text = "\n".join(part) + draw(st.sampled_from(["", "\n"]))
        pieces = draw(st.sampled_from([text, [text], lines(text), list(text)]))
        cells.insert(
            draw(st.integers(0, len(cells))) if cut in (0, len(body)) else len(cells),
            code(pieces, extra=draw(TEXT)),
        )
    return json.dumps(
        notebook(*cells, title=draw(TEXT)),
        indent=draw(st.sampled_from([None, 0, 1, 4, "\t"])),
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " :\n")])),
        sort_keys=draw(st.booleans()),
    ).encode()


def without_sources(data):
    """The bytes of a notebook with each code cell's source taken out."""
    document = read_notebook(data, "n.ipynb", WORDS)
    raw = document.raw
    for cell in reversed(document.cells):
        raw = raw[: cell.start] + raw[cell.end :]
    return raw


@given(layouts())
def test_outside_the_sources_every_byte_stays_whatever_the_layout(data):
    result, _ = patched(data)
    assert without_sources(result) == without_sources(data)
    before, after = ("".join(s) for s in (sources(data), sources(result)))
    assert "LSTM(1, 2)" in before
    assert "JANET(1, 2)" in after
    assert patched(result)[0] == result


@pytest.mark.parametrize("indent", ["    ", "\t", " "])
def test_a_cell_that_is_indented_as_a_whole_stays_so(indent):
    body = [
        "from torch import nn\n",
        "\n",
        "if True:\n",
        "    rnn = nn.LSTM(4, 8)\n",
        "!ls\n",
        "x = 1",
    ]
    indented = [line if line == "\n" else indent + line for line in body]
    plain = patched(as_jupyter(notebook(code(body), code("y = 2"))))
    data, findings = patched(as_jupyter(notebook(code(indented), code("y = 2"))))
    expected = lines(sources(plain[0])[0])
    assert lines(sources(data)[0]) == [s if s == "\n" else indent + s for s in expected]
    (place, found), (was, same) = findings[0], plain[1][0]
    column = int(was.rpartition(":")[2]) + len(indent)
    assert (place, found) == (f"{was.rpartition(':')[0]}:{column}", same)


def test_a_cell_indented_in_part_cannot_be_read():
    for body in (["    rnn = nn.LSTM(4, 8)\n", "x = 1"], ["x = 1\n", "    y = nn.LSTM(4, 8)"]):
        with pytest.raises(RewriteError):
            patched(as_jupyter(notebook(code(body))))
