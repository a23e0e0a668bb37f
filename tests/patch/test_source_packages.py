"""The source patcher on the code of ten published packages.

Downloads wheels from PyPI, once, into RNNSWAP_PACKAGES (default: a folder of the system's temporary
one), and prints a table. Run it with

    RNNSWAP_PYPI=1 pytest -s tests/patch/test_source_packages.py
"""

import ast
import collections
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes, files
from rnnswap.patch.source.plan import make_plan
from rnnswap.patch.source.rewrite import rewrite

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not os.environ.get("RNNSWAP_PYPI"),
        reason="downloads 30 MB from PyPI: RNNSWAP_PYPI=1 pytest -s " + Path(__file__).name,
    ),
]

PACKAGES = {
    "allennlp": "2.10.1",
    "espnet": "202511",
    "flair": "0.15.1",
    "gluonts": "0.17.0",
    "neuralforecast": "3.3.0",
    "pytorch-forecasting": "1.8.0",
    "speechbrain": "1.1.2",
    "stanza": "1.15.0",
    "torch-geometric": "2.8.1",
    "transformers": "5.23.0",
}
CELLS = ("janet", "indrnn")


@pytest.fixture(scope="module")
def folder():
    chosen = os.environ.get("RNNSWAP_PACKAGES")
    folder = Path(chosen or Path(tempfile.gettempdir()) / "rnnswap-packages")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def unpacked(folder, name, version):
    """Return the folder with a package's code, downloaded if it is not there yet."""
    target = folder / f"{name}-{version}"
    if not target.exists():
        wheels = folder / "wheels"
        download = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"]
        command = [sys.executable, "-m", "pip", *download, str(wheels), f"{name}=={version}"]
        subprocess.run(command, check=True, capture_output=True)
        stem = f"{name.replace('-', '_')}-{version}-"
        (wheel,) = [w for w in wheels.iterdir() if w.name.startswith(stem)]
        unfinished = target.with_suffix(".part")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unfinished)
        unfinished.rename(target)
    return target


def texts(folder):
    """Yield the path and the text of each file that has to do with torch."""
    for path in sorted(folder.rglob("*.py")):
        data = path.read_bytes()
        if b"torch" in data:
            yield path, files.decode(data, str(path))[0]


class Row:
    """What happened to one package."""

    def __init__(self):
        self.files = self.changed = self.errors = 0
        self.codes = collections.Counter()

    def __str__(self):
        counted = " ".join(f"{code[3:]}:{n}" for code, n in sorted(self.codes.items()))
        left = sum(n for code, n in self.codes.items() if code.startswith("RSW2"))
        return f"{self.files:6}{self.changed:8}{left:6}{self.errors:8}  {counted}"


def show(title, rows):
    lines = [f"\n{title:32}{'files':>6}{'changed':>8}{'left':>6}{'errors':>8}  findings by code"]
    lines += [f"{name:32}{row}" for name, row in rows.items()]
    print("\n".join(lines))  # noqa: T201  (the table is what the test is run for)


def rewritten(path, text, plan, row, wrong):
    """Rewrite one file, check what must hold of any rewriting, and return the new text."""
    row.files += 1
    try:
        once, findings = rewrite(text, plan, str(path))
    except RewriteError as error:
        row.errors += 1
        # Code that Python cannot parse is the package's; a refused result is ours.
        if error.code != codes.UNPARSABLE:
            wrong.append(str(error))
        return None
    row.codes.update(finding.code for finding in findings)
    row.changed += once != text
    compile(once, str(path), "exec", dont_inherit=True)
    if (once != text) != any(finding.code.startswith("RSW1") for finding in findings):
        wrong.append(f"{path}: findings and changes do not agree")
    if rewrite(once, plan, str(path))[0] != once:
        wrong.append(f"{path}: a second run changes something")
    return once


def test_every_file_survives(folder):
    back = make_plan("lstm")
    rows, wrong = {}, []
    for name, version in PACKAGES.items():
        code = [(p, t) for p, t in texts(unpacked(folder, name, version)) if "LSTM" in t]
        for cell in CELLS:
            row = rows[f"{name} {version} {cell}"] = Row()
            for path, text in code:
                once = rewritten(path, text, make_plan(cell), row, wrong)
                if once not in (None, text):
                    returned, _ = rewrite(once, back, str(path))
                    if comparable(returned) != comparable(text):
                        wrong.append(f"{path}: the way back gives another tree")
    show("nn.LSTM", rows)
    assert wrong == []
    assert all(row.changed for row in rows.values())


def test_every_training_loop_survives(folder):
    plan = make_plan("lstm", clip="norm:1.0")
    rows, wrong = {}, []
    for name, version in PACKAGES.items():
        row = rows[f"{name} {version}"] = Row()
        for path, text in texts(unpacked(folder, name, version)):
            if ".step(" in text:
                rewritten(path, text, plan, row, wrong)
    show("--clip norm:1.0", rows)
    assert wrong == []
    assert any(row.changed for row in rows.values())


class _Spelling(ast.NodeTransformer):
    """Takes the imports out and spells every chain that ends in the class the same way."""

    def visit_Import(self, node):
        return None

    visit_ImportFrom = visit_Import  # noqa: N815  (ast's name)

    def visit_Name(self, node):
        name = node.id.removeprefix("Torch").removeprefix("_")
        return ast.Name(name) if name in ("LSTM", "LSTMCell") else node

    def visit_Attribute(self, node):
        is_class = node.attr in ("LSTM", "LSTMCell")
        return ast.Name(node.attr) if is_class else self.generic_visit(node)


def comparable(text):
    return ast.dump(_Spelling().visit(ast.parse(text)))
