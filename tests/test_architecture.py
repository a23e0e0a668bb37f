"""The house plan's import rules, read from the source, and what each command loads, measured."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rnnswap

PACKAGE = Path(rnnswap.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

#: For each part, the parts of rnnswap that it may import; a part may always import itself.
MAY_IMPORT = {
    "_started": set(),
    "_wrapping": set(),
    "errors": set(),
    "_tracing": set(),
    "spec": {"errors"},
    "constructors": set(),
    "yielding": set(),
    "hookspecs": {"errors", "spec"},
    "builtin": {"errors", "spec", "hookspecs"},
    "registry": {"errors", "spec", "hookspecs"},
    "distributions": {"errors", "registry"},
    "strangers": {"errors"},
    "discovery": {
        "errors",
        "spec",
        "hookspecs",
        "registry",
        "builtin",
        "distributions",
        "strangers",
    },
    "policy_text": {"errors", "spec"},
    "ops": {"errors", "_tracing"},
    "cells": {"_tracing", "errors", "spec", "ops", "constructors", "yielding"},
    "attention": {
        "_tracing",
        "errors",
        "spec",
        "registry",
        "discovery",
        "ops",
        "constructors",
        "yielding",
    },
    "clip": {
        "_wrapping",
        "strangers",
        "errors",
        "spec",
        "registry",
        "policy_text",
        "discovery",
        "ops",
    },
    "patch": {"errors", "spec", "constructors", "registry", "policy_text", "discovery"},
    "testing": {"errors", "spec", "registry", "discovery", "clip"},
    "training": {
        "_wrapping",
        "errors",
        "spec",
        "registry",
        "policy_text",
        "discovery",
        "patch",
        "clip",
    },
    "bench": {"errors", "discovery", "ops"},
}
MAY_IMPORT["cli"] = {*MAY_IMPORT}
MAY_IMPORT["__main__"] = {"cli"}


def part_of(module):
    return module.split(".")[1] if "." in module else ""


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """Yield every module of rnnswap that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module
            if node.module == "rnnswap":
                yield from (f"rnnswap.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_parts_import_only_what_the_plan_allows(path):
    part = part_of(module_name(path))
    if not part:
        return  # the package itself resolves names lazily
    for found in imports(path):
        if found.startswith("rnnswap.") and part_of(found) != part:
            assert part_of(found) in MAY_IMPORT[part], f"{path} imports {found}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_heavy_libraries_stay_where_they_belong(path):
    name = module_name(path)
    found = {module.split(".")[0] for module in imports(path)}
    if "libcst" in found:
        assert name.startswith("rnnswap.patch.source")
    assert "libcst.codemod" not in set(imports(path))
    if "triton" in found:
        assert name.startswith("rnnswap.ops.")
        assert "gpu" in name.split(".")
    if "torch" in found:
        allowed = {"ops", "cells", "attention", "patch", "clip", "training", "testing", "bench"}
        assert part_of(name) in allowed | {"_tracing"}
        assert not name.startswith("rnnswap.patch.source")


#: What makes a tensor of numbers; of these, those whose type is an integer's unless one is given.
FACTORIES = {
    *("arange", "asarray", "as_tensor", "empty", "empty_strided", "eye", "full", "hann_window"),
    *("hamming_window", "linspace", "logspace", "normal", "ones", "rand", "randint", "randn"),
    *("randperm", "range", "scalar_tensor", "sparse_coo_tensor", "tensor", "tril_indices"),
    *("triu_indices", "zeros"),
}
OF_INTEGERS = {"arange", "randint", "randperm", "tril_indices", "triu_indices"}
#: Where a user's tensors are worked on, wherever they lie.
WORKS_ON_TENSORS = ("attention", "cells", "clip", "ops", "patch", "training")
PLUGINS = [
    path
    for path in sorted((PACKAGE.parent / "plugins").glob("*/*/*.py"))
    if path.parent.name.startswith("rnnswap_")
]


def left_to_defaults(text):
    """Yield line and name of each call that leaves a new tensor's device or type to torch."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, of = node.func.attr, node.func.value
        if name in FACTORIES and isinstance(of, ast.Name) and of.id == "torch":
            given = {keyword.arg for keyword in node.keywords}
            wanted = {"device"} if name in OF_INTEGERS else {"device", "dtype"}
            # None stands for `**given`, read by eye.
            if None not in given and not wanted <= given:
                yield node.lineno, name


@pytest.mark.parametrize(
    "path",
    [*(f for f in FILES if part_of(module_name(f)) in WORKS_ON_TENSORS), *PLUGINS],
    ids=lambda path: ".".join(path.parts[-2:]),
)
def test_no_tensor_lies_where_the_default_device_says(path):
    """Parameters may lie elsewhere than torch.set_default_device says, and be of another type."""
    assert not [*left_to_defaults(path.read_text("utf-8"))]


def test_a_tensor_left_to_defaults_is_found():
    """The rule above reads what it is given."""
    text = "torch.zeros(3)\ntorch.arange(3)\ntorch.full((), 1.0, device=d)\ntorch.ones(2, **like)"
    assert [*left_to_defaults(text)] == [(1, "zeros"), (2, "arange"), (3, "full")]


def test_files_stay_readable():
    long = {module_name(f): f.read_text("utf-8").count("\n") for f in FILES}
    assert not {name: lines for name, lines in long.items() if lines > 350}


def loaded_by(code, *arguments):
    """Return the top-level modules in sys.modules after `code` ran in a fresh interpreter."""
    script = f"""
import sys
sys.argv = ["rnnswap", *{list(arguments)!r}]
try:
    exec({code!r})
except SystemExit as end:
    assert not end.code, end.code
print("\\nloaded:", *sorted({{name.split(".")[0] for name in sys.modules}}))
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(result.stdout.splitlines()[-1].split()[1:])


COMMAND = "from rnnswap.cli import main; main()"
HEAVY = {"torch", "triton", "matplotlib", "numpy"}


@pytest.mark.parametrize(
    ("code", "arguments", "absent"),
    [
        ("import rnnswap", [], HEAVY | {"libcst", "click", "rich", "pluggy"}),
        ("import rnnswap; rnnswap.list_cells()", [], HEAVY | {"libcst"}),
        ("from rnnswap import hookimpl, CellSpec", [], HEAVY | {"libcst"}),
        (COMMAND, ["--help"], HEAVY | {"libcst", "rich", "importlib_metadata"}),
        (COMMAND, ["--version"], HEAVY | {"libcst"}),
        (COMMAND, ["plugins"], HEAVY | {"libcst"}),
        (COMMAND, ["plugins", "check", "--help"], HEAVY | {"libcst"}),
        (COMMAND, ["patch", "--help"], HEAVY | {"libcst"}),
        (COMMAND, ["train", "--help"], HEAVY | {"libcst"}),
        (COMMAND, ["bench", "--help"], HEAVY | {"libcst"}),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else v if isinstance(v, str) else "",
)
def test_start_up_loads_nothing_heavy(code, arguments, absent):
    assert not loaded_by(code, *arguments) & absent


def test_patch_of_a_file_without_an_lstm_parses_nothing(tmp_path):
    file = tmp_path / "plain.py"
    file.write_text("print('no recurrence here')\n")
    assert not loaded_by(COMMAND, "patch", str(file)) & (HEAVY | {"libcst"})


def test_patch_rewrites_without_torch(tmp_path):
    file = tmp_path / "model.py"
    file.write_text("from torch import nn\n\nrnn = nn.LSTM(3, 4)\n")
    loaded = loaded_by(COMMAND, "patch", str(file))
    assert not loaded & HEAVY
    assert "libcst" in loaded
    assert "JANET(3, 4)" in file.read_text()
