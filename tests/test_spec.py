"""Records refuse nonsense when they are made, in one sentence."""

import pytest

from rnnswap import AttentionSpec, CellSpec, ClipSpec, OptionError, OptionSpec, PluginError
from rnnswap.spec import load_target

SPECS = [CellSpec, AttentionSpec, ClipSpec]


@pytest.mark.parametrize("spec", SPECS)
def test_a_name_and_a_target_are_enough(spec):
    record = spec(name="mingru", target="acme.cells:MinGRU")
    assert record.options == {}
    with pytest.raises(AttributeError):
        record.name = "other"


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("name", ["", "JANET", "2fast", "a b", "a_b", "a:b", None])
def test_names_are_lower_case(spec, name):
    with pytest.raises(PluginError, match="is not lower case letters, digits and hyphens"):
        spec(name=name, target="a:B")


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("target", ["", "acme", "acme:", ":B", "a.b.C", "a:b:c", "a:b.c", None])
def test_targets_are_module_and_class(spec, target):
    with pytest.raises(PluginError, match="not of the form 'package.module:Class'"):
        spec(name="x", target=target)


def test_a_cells_second_target_and_gaps_are_checked():
    with pytest.raises(PluginError, match="not of the form"):
        CellSpec(name="x", target="a:B", cell_target="nonsense")
    with pytest.raises(PluginError, match="'proj' is not an argument of nn.LSTM"):
        CellSpec(name="x", target="a:B", unsupported={"proj"})


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "784", 784),
        (float, "1e-3", 1e-3),
        (str, "tanh", "tanh"),
        (bool, "true", True),
        (bool, "No", False),
    ],
)
def test_options_read_text_as_their_type(kind, text, value):
    spec = CellSpec(name="x", target="a:B", options={"o": OptionSpec(kind)})
    assert spec.parse_options({"o": text}) == {"o": value}


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (int, "7.5", "option o takes an int, got '7.5'"),
        (float, "much", "option o takes a float, got 'much'"),
        (bool, "maybe", "option o takes a bool, got 'maybe'"),
    ],
)
def test_options_that_do_not_read_are_refused(kind, text, words):
    spec = CellSpec(name="x", target="a:B", options={"o": OptionSpec(kind)})
    with pytest.raises(OptionError, match=words):
        spec.parse_options({"o": text})


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        (OptionSpec(str, choices=("a", "b")), "c", "must be one of"),
        (OptionSpec(int, above=2), "2", "option o must be greater than 2, got 2"),
        (OptionSpec(float, at_least=0), "-0.1", "must be at least 0"),
        (OptionSpec(float, below=1), "1", "must be less than 1"),
        (OptionSpec(float, at_least=0), "nan", "must be at least 0, got nan"),
        (OptionSpec(float), "nan", "must be a number, got nan"),
    ],
)
def test_options_out_of_range_are_refused(option, text, words):
    spec = CellSpec(name="x", target="a:B", options={"o": option})
    with pytest.raises(OptionError, match=words):
        spec.parse_options({"o": text})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"summary": None}, "summary must be a string"),
        ({"options": ["x"]}, "options must map names"),
        ({"options": {"x": 3}}, "'x' is not an OptionSpec"),
        ({"options": {"not id": OptionSpec(int)}}, "cannot be a keyword argument"),
        ({"options": {"class": OptionSpec(int)}}, "cannot be a keyword argument"),
        ({"options": {"hidden_size": OptionSpec(int)}}, "is an argument of nn.LSTM already"),
        ({"target": "import:B"}, "not of the form"),
    ],
    ids=str,
)
def test_records_that_would_break_a_command_later_are_refused_at_once(fields, words):
    with pytest.raises(PluginError, match=words):
        CellSpec(**{"name": "x", "target": "a:B", **fields})


def test_numbers_of_a_policy_are_a_tuple_of_names():
    with pytest.raises(PluginError, match="numbers must be a tuple of names"):
        ClipSpec(name="x", target="a:B", numbers=("limit", 3))


def test_an_option_has_a_type_that_reads_text():
    with pytest.raises(PluginError, match="bool, int, float or str, got"):
        OptionSpec(list)


def test_a_target_that_raises_anything_is_a_plugin_error(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "raises_on_import.py").write_text("raise SystemExit(3)")
    with pytest.raises(PluginError, match="cannot be loaded: SystemExit: 3"):
        load_target("raises_on_import:X")


def test_unknown_options_are_answered_with_the_known():
    spec = CellSpec(name="x", target="a:B", options={"b": OptionSpec(int), "a": OptionSpec(int)})
    with pytest.raises(OptionError, match=r"'x' has no option 'c' \(options: a, b\)"):
        spec.check_options({"c": 1})


@pytest.mark.parametrize("target", ["no_such_module:X", "rnnswap.spec:NoSuch"])
def test_a_target_that_cannot_be_loaded_is_named(target):
    with pytest.raises(PluginError, match=f"target '{target}' cannot be loaded"):
        load_target(target)
