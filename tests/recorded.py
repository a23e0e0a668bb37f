"""Folders of runs, as `rnnswap train --report` leaves them."""

from rnnswap.training.folder import write_summary
from rnnswap.training.metrics import to_line
from rnnswap.training.steps import Step

ABOUT = {
    "state": "ended",
    "exit_code": 0,
    "command": "rnnswap train --cell janet fit.py",
    "cell": "janet",
    "clip": "norm:1.0",
    "versions": {"torch": "2.13.0"},
    "swapped": [{"file": "/m.py", "line": 7, "before": "LSTM(2, 3)", "after": "JANET(2, 3)"}],
    "left": [{"file": "/m.py", "line": 9, "before": "Mine(2, 3)", "reason": "subclass"}],
    "notes": ["stopped after 3 steps"],
}


def steps(count, optimizers=1, loss=1.0):
    for n in range(count):
        norm = 3.0 - n % 3
        yield Step(
            n + 1,
            n % optimizers,
            0.1 * n,
            None if n == 0 else 0.1,
            loss=loss / (n + 1),
            norm_before=norm,
            norm_after=min(norm, 2.0),
            share=float(norm > 2),
            clipped=norm > 2,
            layers={"rnn": norm, "fc": 0.0} if n % 10 == 0 else None,
        )


def run_folder(path, count=30, about=ABOUT, **options):
    path.mkdir(parents=True)
    (path / "metrics.jsonl").write_text("".join(map(to_line, steps(count, **options))))
    if about is not None:
        write_summary(path, about)
    return path
