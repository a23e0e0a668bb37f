"""When a run ends whose script leaves threads behind."""

import subprocess
import sys
import textwrap

import pytest

RUN = (
    "import sys; from rnnswap.training.process.run import run_script; "
    "code = run_script('script.py', []); print('then'); sys.exit(code)"
)


def ended(code, cwd):
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def write(path, text):
    path.write_text(textwrap.dedent(text), "utf-8")


def test_threads_end_before_the_run_does(tmp_path):
    """Also those that a thread starts, so that a block around the run holds for all of them."""
    write(
        tmp_path / "script.py",
        """
        import threading, time
        def second():
            time.sleep(0.1)
            print("second")
        def first():
            time.sleep(0.1)
            threading.Thread(target=second).start()
        threading.Thread(target=first).start()
        """,
    )
    done = ended(RUN, tmp_path)
    assert done == (0, b"second\nthen\n", b"")


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_the_wait_for_threads(tmp_path):
    write(
        tmp_path / "script.py",
        """
        import os, signal, threading, time
        def interrupt():
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        threading.Thread(target=interrupt).start()
        """,
    )
    python = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, timeout=120
    )
    code, stdout, stderr = ended(RUN, tmp_path)
    # Python's own writing of it ends with what the exception says, which is nothing.
    expected = python.stderr.replace(b"KeyboardInterrupt: \n", b"KeyboardInterrupt\n")
    assert (code, stdout, stderr) == (python.returncode, b"then\n", expected)
    assert stderr.startswith(b"Exception ignored in: <module 'threading'")
