"""The script that measures scan and patch runs, on a small tree."""

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent.parent / "docs" / "patch_speed.py"


def test_it_prints_every_measurement_and_both_ratios():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--files", "200", "--rounds", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    times = re.findall(r"^(.+?) +(\d+) ms$", done.stdout, re.MULTILINE)
    assert [kind for kind, _ in times] == [
        "bare loop",
        "grep -rl",
        "scan",
        "scan of an empty folder",
        "scan of what matches",
        "import libcst",
        "patch of one file",
    ]
    ratio = re.search(r"^patch of one file: (\d+\.\d+) imports$", done.stdout, re.MULTILINE)
    assert float(ratio.group(1)) > 0  # a measurement: how large is no matter of tests
    assert re.search(r"^scan, less .*: -?\d+\.\d+ bare loops$", done.stdout, re.MULTILINE)
