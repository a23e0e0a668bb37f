"""What published code does with LSTMs: each habit stands in the cases in three spellings or more.

Line endings, byte order marks and missing final newlines are tried with every case in test_cases.
"""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "data" / "patch"

# A class reached through any module.
LSTM = r"(?:\w+\.)*LSTM\b"

ROWS = {
    "torch.nn under a name": r"import torch\.nn as \w+",
    "nn from torch": r"from torch import .*\bnn\b",
    "torch spelled out": r"\btorch\.nn\.LSTM\b",
    "torch under a name": r"(?<![\w.])(?!torch\b|self\b|nn\b)\w+\.nn\.LSTM\b",
    "modules": r"torch\.nn\.modules|\bmodules\.LSTM|from torch\.nn import modules",
    "LSTM with GRU": r"from torch\.nn(\.modules\.rnn)? import .*(LSTM.*GRU|GRU.*LSTM)",
    "positional and keyword": r"LSTM\(\s*[\w.]+, .*\w+=",
    "unpacked keywords": r"LSTM\(.*\*\*\w+\)",
    "unpacked configuration": r"LSTM\(.*\*\*\w+(\.\w+)*\(",
    "chained": r"LSTM\(.*\)\.(to|cuda|double|half|eval|train)\(",
    "comprehension": r"LSTM\(.*\) for ",
    "ModuleList": r"ModuleList\(",
    "ModuleDict": r"ModuleDict\(",
    "Sequential": r"Sequential\(",
    "base class": rf"class \w+\({LSTM}\)",
    "base class with a mixin": rf"class \w+\((.*, {LSTM}|{LSTM}, .*)\)",
    "dict value": rf"[\"']\w+[\"']: {LSTM}",
    "tuple value": rf"\({LSTM}, \w|, {LSTM}\)",
    "Enum value": rf"^    [A-Z]+ = (auto|partial|member|Kind|\()?\(?({LSTM})",
    "default argument": rf"(def|lambda).*\w+(: ?[\w.\[\]]+)? ?= ?{LSTM}",
    "type test": r"isinstance\(.*LSTM",
    "union": rf"Union\[.*LSTM|LSTM \||\| {LSTM}|Optional\[.*LSTM",
    "registry": r"@\w+(\.\w+)*\(.*LSTM",
    "quantization": r"quantize_dynamic\(.*LSTM|LSTM.*qconfig",
    "getattr": r"getattr\((\w+\.)*(nn|modules|rnn|layers),",
    "own class": r"class LSTM\b",
    "own function": r"def LSTM\b|lambda LSTM|LSTM = (lambda|partial|functools|my|own)",
    "forget-gate slice": r"// ?4|/ 4|:\s*2 \* \w+|chunk\(4|\[16:32",
    "all weights": r"_?all_weights",
    "initialised by name": r"(orthogonal|xavier|kaiming)\w*\(",
    "sized by hidden_size": r"(2|4) \* \w*(hidden|size|dim|h)\w*|zeros\(2",
    "dropped weight": r"weight_hh_l0|WeightDrop|weight_norm|register_parameter|_parameters\[",
    "checkpoint": r"load_state_dict\(|load_from_checkpoint\(",
    "tabs": r"^\t",
}


def read_case(path):
    """Returns the input of a case and what comes out."""
    text = path.read_text("utf-8").partition("\n")[2].partition("# report\n")[0]
    before, marker, after = text.partition("# output\n")
    return before, after if marker else before


CASES = [read_case(path) for path in sorted(FOLDER.rglob("*.py"))]


@pytest.mark.parametrize("row", ROWS)
def test_a_habit_of_published_code_stands_in_three_spellings(row):
    pattern = re.compile(ROWS[row])
    lines = {line for before, _ in CASES for line in before.splitlines()}
    assert len({line.strip() for line in lines if pattern.search(line)}) >= 3


def test_many_cases_have_no_plain_import_of_torch_and_none_is_given_one():
    plain = re.compile(r"^\s*import torch\s*$", re.MULTILINE)
    counts = [(len(plain.findall(before)), len(plain.findall(after))) for before, after in CASES]
    assert all(count == now for count, now in counts)
    assert sum(before != after and not plain.search(before) for before, after in CASES) >= 100
