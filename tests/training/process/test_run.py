"""A script run by us beside the same script run by python: nothing visible may differ."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from rnnswap.errors import ScriptError
from rnnswap.training.process.run import read_script

RUN = (
    "import sys; from rnnswap.training.process.run import end_as_python, run_script; "
    "end_as_python(run_script(sys.argv[1], sys.argv[2:]))"
)


def ended(command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def both(script, *args, cwd):
    python = ended([sys.executable, script, *args], cwd)
    return python, ended([sys.executable, "-c", RUN, script, *args], cwd)


def write(path, text):
    path.write_text(textwrap.dedent(text), "utf-8")
    return path.name


SCRIPTS = {
    "globals": """
        import sys
        print({k: v for k, v in sorted(globals().items()) if k not in ("sys", "__loader__")})
        print(type(__loader__), __loader__.path, sys.argv, sys.path[0], __builtins__)
        print(sys.modules["__main__"].__dict__ is globals())
        """,
    "guard": """
        if __name__ == "__main__":
            print("ran")
        """,
    "docstring": '''
        """Does little."""
        print(__doc__)
        number: int = 3
        print(__annotations__)
        ''',
    "future": """
        def f(x: Missing): ...
        """,
    "exit-none": "import sys; print(1); sys.exit()",
    "exit-code": "import sys; sys.exit(7)",
    "exit-true": "import sys; sys.exit(True)",
    "exit-text": "import sys; sys.exit('no data')",
    "exit-object": "import sys; sys.exit(['a', 2])",
    "exit-text-none": "import sys; sys.stderr = None; sys.exit('no data')",
    "exit-in-exception": """
        import sys
        try:
            1 / 0
        except ZeroDivisionError:
            sys.exit(5)
        """,
    "exception": """
        def deep(n):
            return 1 / n if n == 0 else deep(n - 1)

        deep(3)
        """,
    "chained": """
        def load():
            try:
                {}["key"]
            except KeyError as error:
                raise ValueError("no key") from error

        try:
            load()
        except ValueError:
            raise RuntimeError("gave up")
        """,
    "suppressed": """
        try:
            1 / 0
        except ZeroDivisionError:
            raise ValueError("hidden cause") from None
        """,
    "group": """
        def fail():
            raise KeyError("a")

        errors = []
        for _ in range(2):
            try:
                fail()
            except KeyError as error:
                errors.append(error)
        raise ExceptionGroup("several", errors)
        """,
    "cycle": """
        a, b = ValueError("a"), ValueError("b")
        a.__context__ = b
        b.__context__ = a
        raise a
        """,
    "base-exception": """
        class Stop(BaseException):
            pass

        raise Stop("now")
        """,
    "syntax-error": "x = (1,\n",
    "excepthook": """
        import sys
        sys.excepthook = lambda kind, error, tb: print("hook", kind, error, tb.tb_lineno)
        1 / 0
        """,
    "excepthook-exits": """
        import sys
        sys.excepthook = lambda *_: sys.exit(9)
        1 / 0
        """,
    "atexit": """
        import atexit, sys
        class Late: pass
        @atexit.register
        def bye():
            print("bye", sys.argv, sys.modules["__main__"].Late)
        print("hello")
        """,
    "pickle": """
        import pickle
        class Point:
            def __init__(self, x): self.x = x
        print(Point, pickle.loads(pickle.dumps(Point(4))).x)
        """,
    "inspect": """
        import inspect
        class Point:
            x = 1  # here
        def f():
            return 2
        print(inspect.getsource(Point), inspect.getsource(f), inspect.getfile(f))
        """,
    "warning": """
        import warnings
        warnings.warn("old", DeprecationWarning)
        """,
    "neighbour": "import neighbour; print(neighbour.__file__)",
    "stdin": "print(input())",
    "forked-child": """
        import os, sys
        print("parent and child", flush=True)
        child = os.fork()
        if child:
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        else:
            sys.exit(4)
        """,
    "thread": """
        import threading, time
        threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
        print("main")
        """,
    "thread-failing-script": """
        import sys, threading, time
        threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
        sys.exit(6)
        """,
    "thread-of-the-main-thread": """
        import threading
        def follow():
            threading.main_thread().join()
            print("main ended", flush=True)
        threading.Thread(target=follow).start()
        """,
    "thread-daemon": """
        import threading, time
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        print("main")
        """,
    "thread-executor": """
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor(2)
        print(pool.submit(pow, 2, 5).result())
        """,
    "thread-and-atexit": """
        import atexit, threading, time
        atexit.register(print, "bye")
        threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
        """,
    "process-fork": """
        import multiprocessing
        class Box: pass
        def work(box): return type(box).__module__, type(box) is Box
        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(1) as pool:
                print(pool.apply(work, (Box(),)))
        """,
    "process-spawn": """
        import multiprocessing
        class Box: pass
        def work(box): return type(box).__name__, type(box) is Box
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.apply(work, (Box(),)))
        """,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_runs_as_python_runs_it(name, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "neighbour.py").write_text("")
    write(tmp_path / "sub" / "script.py", SCRIPTS[name])
    python, ours = both("sub/script.py", "--help", "-x", "--", "a b", cwd=tmp_path)
    assert ours == python
    assert any(python)


def test_reason_to_exit_that_cannot_be_told_keeps_the_code(tmp_path):
    write(tmp_path / "script.py", "import sys; sys.stderr.close(); sys.exit('no data')")
    python, ours = both("script.py", cwd=tmp_path)
    assert ours[:2] == python[:2] == (1, b"")
    assert b"Traceback" not in ours[2]


def test_encoding_cookie_and_byte_order_mark_are_honoured(tmp_path):
    (tmp_path / "latin.py").write_bytes(b"# coding: latin-1\nprint(ascii('\xe4'))\n")
    (tmp_path / "mark.py").write_bytes(b"\xef\xbb\xbfprint(ascii('\xc3\xa4'))\n")
    for name in ("latin.py", "mark.py"):
        python, ours = both(name, cwd=tmp_path)
        assert ours == python == (0, b"'\\xe4'\n", b"")


def test_script_starts_where_the_working_folder_is_gone(tmp_path):
    write(tmp_path / "script.py", "print(__file__)")
    (tmp_path / "gone").mkdir()
    start = "import os; os.rmdir(os.getcwd()); " + RUN
    command = [sys.executable, "-c", start, str(tmp_path / "script.py")]
    assert ended(command, tmp_path / "gone") == (0, f"{tmp_path / 'script.py'}\n".encode(), b"")


def test_symlinked_script_finds_its_neighbours(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "neighbour.py").write_text("")
    write(tmp_path / "real" / "script.py", "import neighbour, sys; print(__file__, sys.path[0])")
    (tmp_path / "link.py").symlink_to("real/script.py")
    python, ours = both("./link.py", cwd=tmp_path)
    assert ours == python
    assert python[0] == 0


def test_own_frames_are_hidden_in_the_middle_too(tmp_path):
    """What a script calls through us, here the clip parser, shows no frame of ours."""
    write(
        tmp_path / "script.py",
        """
        from rnnswap.clip import parse
        try:
            parse("norm:-1")
        except ValueError as error:
            raise RuntimeError("bad policy") from error
        """,
    )
    _, (code, _, stderr) = both("script.py", cwd=tmp_path)
    assert code == 1
    lines = stderr.decode().splitlines()
    frames = [line for line in lines if line.startswith("  File")]
    assert [f.split('"')[1] for f in frames] == [str(tmp_path / "script.py")] * 2
    assert "max_norm must be greater than 0" in stderr.decode()


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_shows_the_traceback_and_python_dies_of_it(tmp_path):
    write(
        tmp_path / "script.py",
        """
        import os, signal, time
        def loop():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        loop()
        """,
    )
    python, ours = both("script.py", cwd=tmp_path)
    assert python[0] == -signal.SIGINT
    assert ours == python
    assert b"KeyboardInterrupt" in ours[2]


def test_script_that_is_not_there_is_named():
    with pytest.raises(ScriptError, match=r"script 'no/such\.py' does not exist"):
        read_script("no/such.py")


def test_folder_is_no_script(tmp_path):
    with pytest.raises(ScriptError, match="is a folder; name the file to run"):
        read_script(str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any file")
def test_unreadable_script_says_why(tmp_path):
    write(tmp_path / "script.py", "pass")
    (tmp_path / "script.py").chmod(0)
    with pytest.raises(ScriptError, match="cannot be read: Permission denied"):
        read_script(str(tmp_path / "script.py"))


def test_running_a_script_imports_no_torch(tmp_path):
    write(tmp_path / "script.py", "import sys; print('torch' in sys.modules)")
    assert both("script.py", cwd=tmp_path)[1] == (0, b"False\n", b"")
