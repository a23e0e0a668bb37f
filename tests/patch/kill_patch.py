"""Kills `rnnswap patch` and looks at what is on disk. A script, run by its test.

    python tests/patch/kill_patch.py KILLS [SEED]

First at every line of the code that reads and writes, one after the other; then KILLS times at
random moments of a run over several files. Forks a child for each kill, so that what is imported
is paid for once. Prints how many were killed before they ended, what they had done by then, and
what is wrong: a file that holds neither the original nor the result. Between giving the new file
a name and renaming it, a whole result may be left behind under the name of a temporary file.
"""

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import rnnswap.patch.source.transform  # noqa: F401
from rnnswap.cli import main
from rnnswap.patch.source import files

_BODY = "".join(f"def f{n}(x):\n    return x * {n}\n" for n in range(5))
BEFORE = f"from torch import nn\n\nrnn = nn.LSTM(8, 16)\n{_BODY}".encode()
AFTER = f"from torch import nn\nfrom rnnswap import JANET\n\nrnn = JANET(8, 16)\n{_BODY}".encode()
NAMES = [f"m{n}.py" for n in range(4)]


def patch(folder, trace=None):
    """Runs the command in a child; returns its process id."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.settrace(trace)
        with suppress(BaseException):
            main(["patch", "--jobs", "1", str(folder)])
        os._exit(0)
    return child


def restore(folder, names=NAMES):
    for path in folder.iterdir():
        path.unlink()
    for name in names:
        (folder / name).write_bytes(BEFORE)


def look(folder):
    """Returns how many files are done, how many whole results are left behind, what is wrong."""
    done, behind, wrong = 0, 0, []
    for path in folder.iterdir():
        content = path.read_bytes()
        if path.name in NAMES and content in (BEFORE, AFTER):
            done += content == AFTER
        elif path.name.startswith(".rnnswap-") and content == AFTER:
            behind += 1
        else:
            wrong.append(f"{path.name} holds {content!r}")
    return done, behind, wrong


def killer(line):
    """Returns a trace function that kills the process at the line-th line of the module `files`."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        if frame.f_code.co_filename != files.__file__:
            return None
        if event == "line":
            count += 1
            if count == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def kill_at_lines(folder):
    """Yields what is on disk after a kill at each line; ends when the run ends before its line."""
    line = 0
    while True:
        line += 1
        restore(folder, NAMES[:1])
        _, status = os.waitpid(patch(folder, killer(line)), 0)
        if not os.WIFSIGNALED(status):
            return
        yield look(folder)


def kill_at_random(folder, kills, seed):
    """Yields what is on disk after each kill that came before the end of the run."""
    chance = random.Random(seed)
    durations = []
    for _ in range(5):
        restore(folder)
        started = time.perf_counter()
        os.waitpid(patch(folder), 0)
        durations.append(time.perf_counter() - started)
    assert look(folder) == (len(NAMES), 0, []), look(folder)
    while kills:
        restore(folder)
        child = patch(folder)
        time.sleep(chance.uniform(0, sorted(durations)[2]))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            kills -= 1
            yield look(folder)


def report(title, outcomes):
    """Prints the counts; returns what is wrong."""
    killed = list(outcomes)
    done = Counter(outcome[0] for outcome in killed)
    behind = sum(outcome[1] for outcome in killed)
    counts = ", ".join(f"{n} done: {done[n]}" for n in sorted(done))
    sys.stdout.write(f"{title}: {len(killed)} killed ({counts}; {behind} left behind)\n")
    return [problem for outcome in killed for problem in outcome[2]]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wrong = report("at every line", kill_at_lines(folder))
        seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
        wrong += report("at random", kill_at_random(folder, int(sys.argv[1]), seed))
    sys.stdout.writelines(f"{problem}\n" for problem in wrong)
    sys.exit(bool(wrong))
