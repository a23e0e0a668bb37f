"""Measure what the README's Speed section says, and write it there.

    python docs/speed.py                 all parts, most of an hour on two cores
    python docs/speed.py shapes memory   these parts
    python docs/speed.py readme          write the section anew from what was measured before

Every figure comes from `rnnswap bench --json`. Each part is kept in docs/benchmarks/PART.json, from
which the section is written; what it comes to, beside the numbers this project set itself, goes to
stdout. To keep another machine's figures as well, copy its shapes.json to shapes-NAME.json. The
machine should do nothing else meanwhile: `--under COMMAND` starts each measurement under another
command, such as "flock FILE" or "taskset -c 0,1".
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from speed_section import section, words
from speed_verdicts import VERDICTS

from rnnswap.bench.plan import SHAPES

ROOT = Path(__file__).parent.parent
KEPT = Path(__file__).parent / "benchmarks"
CELLS = ("--cell", "janet", "--cell", "indrnn")
BEGIN, END = "<!-- speed: written by docs/speed.py -->\n", "<!-- /speed -->\n"
LAYOUTS = {
    "bidirectional": ("--bidirectional",),
    "two layers": ("--layers", "2"),
    "projection": ("--proj-size", "32"),
}
MODES = ("forward", "training")
LAID_OUT = SHAPES[:-1]
LENGTHS = (100, 316, 1000, 3162, 10000)
SWEPT = (1, 7, 64, 333, 1000)
LARGEST = 20_000_000  # T * B * H
Found = dict[str, Any]
Under = list[str]


def bench(under: Under, *arguments: str, impl: str | None = None) -> Found:
    """Return what `rnnswap bench --json` says of JANET and IndRNN.

    Raises:
        RuntimeError: It failed; what it said went to stderr.
    """
    command = [sys.executable, "-m", "rnnswap", "bench", "--json", *CELLS, *arguments]
    sys.stderr.write(f"rnnswap {shlex.join(command[3:])}\n")
    environment = {k: v for k, v in os.environ.items() if k != "RNNSWAP_IMPL"}
    if impl is not None:
        environment["RNNSWAP_IMPL"] = impl
    done = subprocess.run([*under, *command], stdout=subprocess.PIPE, env=environment, text=True)
    if done.returncode:
        raise RuntimeError(f"rnnswap bench ended with exit code {done.returncode}")
    found: Found = json.loads(done.stdout)
    return found


def by_shape(
    under: Under, *arguments: str, shapes: Iterable[object] = SHAPES, impl: str | None = None
) -> Found:
    """As `bench`, in a run for each shape, so that none lasts long; without what spans shapes."""
    merged: Found = {}
    for shape in shapes:
        found = bench(under, *arguments, "--shape", str(shape), impl=impl)
        for key in ("entries", "limits"):
            merged.setdefault(key, []).extend(found[key])
        merged |= {"plan": found["plan"] | {"shapes": [*map(str, shapes)]}}
        merged |= {"machine": found["machine"]}
    return merged


def few_samples(under: Under, *options: str, **shapes: Iterable[object]) -> Found:
    """Measure where nn.LSTM takes long; packed at T = 784 a quarter of a minute for one step."""
    few = (*options, "--repeats", "3", "--mode")
    modes = [by_shape(under, *few, mode, **shapes) for mode in MODES]
    return modes[0] | {"entries": [entry for found in modes for entry in found["entries"]]}


def layouts(under: Under) -> Found:
    """Measure plain layers, and layers with more to them; the largest shape takes too long."""
    found: Found = {}
    for name, options in {"plain": (), **LAYOUTS}.items():
        measured = few_samples(under, *options, shapes=LAID_OUT)
        found |= {"machine": measured["machine"], name: measured["entries"]}
    return found


def length(under: Under) -> Found:
    """Measure ever longer inputs."""
    shapes = [f"{steps},32,128,128" for steps in LENGTHS]
    return by_shape(under, "--repeats", "5", shapes=shapes)


def sweep(under: Under) -> Found:
    """Measure training at all sizes; where a cell is behind nn.LSTM again, with more samples."""
    quick = ("--mode", "training", "--repeats", "3", "--sample-ms", "20")
    entries, machine = [], {}
    for steps, hidden in itertools.product(SWEPT, SWEPT):
        batches = [b for b in SWEPT if steps * b * hidden <= LARGEST]
        if batches:
            found = bench(under, *quick, *_shapes((steps, b, hidden, hidden) for b in batches))
            entries += found["entries"]
            machine = found["machine"]
    behind = dict.fromkeys(e["shape"] for e in entries if e["ratio"] < 1)
    entries = [e for e in entries if e["shape"] not in behind]
    for shape in behind:
        entries += bench(under, "--mode", "training", "--shape", shape)["entries"]
    kept = ("cell", "shape", "mode", "implementation", "median", "ratio")
    return {"machine": machine, "entries": [{key: e[key] for key in kept} for e in entries]}


def _shapes(sizes: Iterable[tuple[int, int, int, int]]) -> Iterator[str]:
    for size in sizes:
        yield from ("--shape", ",".join(map(str, size)))


PARTS: dict[str, Callable[[Under], Found]] = {
    "shapes": bench,
    "limit": lambda under: by_shape(under, "--measure", "limit"),
    "packed": lambda under: few_samples(under, "--packed"),
    "layouts": layouts,
    "memory": lambda under: bench(under, "--measure", "memory"),
    "overhead": lambda under: bench(under, "--measure", "overhead", "--repeats", "15"),
    "length": length,
    "manual": lambda under: by_shape(under, "--mode", "training", impl="manual"),
    "sweep": sweep,
}


def load(part: str) -> Found | None:
    """Return what was measured last, or None."""
    path = KEPT / f"{part}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def store(part: str, found: Found) -> None:
    """Keep what was measured, a line an entry, so that versions can be compared."""
    lines = []
    for key, value in found.items():
        text = json.dumps(value)
        if isinstance(value, list) and value:
            text = "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"
        lines.append(f" {json.dumps(key)}: {text}")
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{part}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def load_all() -> dict[str, Any]:
    """Return what was measured last, by part, and under "elsewhere" shapes on other machines."""
    measured: dict[str, Any] = {part: found for part in PARTS if (found := load(part)) is not None}
    others = sorted(KEPT.glob("shapes-*.json"))
    return measured | {"elsewhere": [load(path.stem) for path in others]}


def write_readme() -> None:
    """Put the section into both README files, between the marks."""
    measured = load_all()
    for name, language in words().items():
        path = ROOT / name
        before, _, rest = path.read_text("utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        path.write_text(before + BEGIN + section(measured, language) + END + after, "utf-8")


def main() -> None:
    """Measure the parts that are named, or all, and write the section."""
    parser = argparse.ArgumentParser(description="Measure the README's Speed section.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join([*PARTS, "readme"]))
    parser.add_argument("--under", default=[], type=shlex.split, metavar="COMMAND")
    arguments = parser.parse_args()
    parts = arguments.parts or [*PARTS]
    if unknown := {*parts} - {*PARTS, "readme"}:
        parser.error(f"there is no part {', '.join(sorted(unknown))}: {', '.join(PARTS)}, readme")
    for part in parts:
        if part != "readme":
            found = PARTS[part](arguments.under)
            store(part, found)
            sys.stdout.write("".join(f"{line}\n" for line in VERDICTS[part](found)))
            sys.stdout.flush()
    write_readme()


if __name__ == "__main__":
    main()
