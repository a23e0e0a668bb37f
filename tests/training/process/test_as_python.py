"""What a script sees and does under `rnnswap train`, beside the same script under python.

One table: each behaviour is run plain and under `train`, with swap and clipping asked for, and
everything that can be seen from outside must be the same: output, errors, exit code or signal.
Only the exit code of a run without an optimizer step may be 3 for 0, and our screen follows.
"""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field

import pytest

OPTIONS = ["--clip", "norm:0.01"]

#: A step, for scripts that import torch.
STEP = """
def step(layer=None, size=1.0):
    layer = layer or torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.0)
    (layer(torch.full((1, 2), size)).sum() * 100).backward()
    optimizer.step()
    return [p.grad for p in layer.parameters()]
"""
#: Modules beside the script, each called like one that this package or torch imports.
SHADOWS = (  # noqa: SIM905
    "click rich html resource pluggy importlib_metadata libcst pathspec markdown_it pygments "
    "secrets gettext shlex uuid statistics webbrowser"
).split()
#: Likewise, where the script does not import torch, which needs them itself.
DEEPER_SHADOWS = (  # noqa: SIM905
    "copy datetime tempfile random shutil json subprocess inspect dataclasses ast tokenize bisect "
    "traceback string array gzip"
).split()


@dataclass
class Behaviour:
    """A script, and how it is run."""

    text: str
    args: tuple = ()
    files: dict = field(default_factory=dict)
    env: dict = field(default_factory=dict)
    stdin: str = ""
    #: The name of a module to run by -m instead of the script.
    module: str = ""
    #: Prefixes of lines on stderr of ours that say what is not reached.
    said: str = ""


def names(*modules):
    return {f"{name}.py": f"LIMIT = {name!r}\n" for name in modules}


def asks(*modules):
    return "".join(f"import {m}; print({m}.LIMIT, end=' ')\n" for m in modules)


TORCH = "import torch\n" + STEP
BEHAVIOURS = {
    # arguments and names
    "arguments": Behaviour("import sys; print(sys.argv)", ("--help", "-x", "--", "", "a b")),
    "names": Behaviour(
        "import sys, __main__\n"
        "print(__name__, __file__, __spec__, __package__, __doc__, __main__.__file__)\n"
        "print(sys.path, sys.flags, sys.warnoptions, sys.dont_write_bytecode)"
    ),
    "module": Behaviour(
        "import sys; print(__name__, __file__, __spec__.name, __package__, sys.argv, sys.path[0])",
        ("-m", "x"),
        module="script",
    ),
    "package": Behaviour(
        "",
        files={
            "pack/__init__.py": "",
            "pack/__main__.py": "import pack; print(__spec__.name, pack)",
        },
        module="pack",
    ),
    "stdin": Behaviour("print(input() + input())", stdin="a\nb\n"),
    "working-folder": Behaviour("import os; print(os.getcwd(), os.listdir())"),
    # modules
    "own-modules-beside-torch": Behaviour(TORCH + asks(*SHADOWS) + "step()", files=names(*SHADOWS)),
    "own-modules": Behaviour(asks(*DEEPER_SHADOWS), files=names(*DEEPER_SHADOWS)),
    "own-modules-on-a-path-added-later": Behaviour(
        TORCH
        + "import sys; sys.path.insert(0, 'src')\nstep()\n"
        + asks("click", "rich", "pluggy")
        + "import rich.console; print(rich.console.LIMIT)",
        files={
            "src/click.py": "LIMIT = 1",
            "src/pluggy.py": "LIMIT = 2",
            "src/rich/__init__.py": "LIMIT = 3",
            "src/rich/console.py": "LIMIT = 4",
        },
    ),
    "own-package-called-like-ours": Behaviour(
        "import pluggy.hooks\nprint(pluggy.hooks.LIMIT)",
        files={"pluggy/hooks.py": "LIMIT = 5"},
    ),
    "installed-modules-are-python's": Behaviour(
        "import sys\n"
        "print(sorted(n for n, m in sys.modules.items() if 'site-packages' in str(\n"
        "    getattr(m, '__file__', '')) and '__editable__' not in n\n"
        "    and n.partition('.')[0] != 'rnnswap'))\n"
        "import click, pluggy, importlib_metadata, rich.text\n"
        "print(click.__file__, pluggy.__spec__.origin, rich.text.Text('a'))"
    ),
    "click-has-no-context": Behaviour(
        "import click; print(click.get_current_context(silent=True))"
    ),
    "click-application": Behaviour(
        "import click\n"
        "@click.command()\n"
        "@click.option('--epochs', type=int)\n"
        "@click.pass_context\n"
        "def main(ctx, epochs):\n"
        "    print(epochs, ctx.parent, ctx.command_path); ctx.exit(4)\n"
        "main()",
        ("--epochs", "3"),
    ),
    "script-from-the-module's-source": Behaviour(
        "import inspect, pickle\n"
        "class Box: pass\n"
        "print(inspect.getsource(Box), pickle.dumps(Box()), Box)"
    ),
    # environment
    "threads-of-the-first-lines": Behaviour(
        "import os; os.environ['OMP_NUM_THREADS'] = '1'\n"
        + TORCH
        + "step(); print(torch.get_num_threads())",
        env={"OMP_NUM_THREADS": "2"},
    ),
    "torch-is-not-there-before": Behaviour(
        "import sys\nprint({'torch', 'numpy', 'triton', 'multiprocessing'} & {*sys.modules})\n"
        + TORCH
        + "step(); print(torch.cuda.is_initialized())"
    ),
    "folder-of-temporary-files": Behaviour(
        "import os, sys; os.environ['TMPDIR'] = os.getcwd()\n"
        "import tempfile; print(tempfile.gettempdir())"
    ),
    "environment": Behaviour("import os; print(sorted(os.environ.items()))"),
    "warnings": Behaviour(
        "import warnings\nprint(warnings.filters)\n"
        "warnings.warn('here'); warnings.warn('old', DeprecationWarning)"
    ),
    "logging": Behaviour(
        "import logging\nprint(logging.root.handlers, logging.root.level)\nlogging.warning('here')"
    ),
    "default-device": Behaviour(TORCH + "step(); print(torch.empty(1).device)"),
    # exit codes, exceptions, signals
    "exit-code": Behaviour("import sys; sys.exit(7)"),
    "exit-text": Behaviour("raise SystemExit('no data')"),
    "exit-hard": Behaviour("import os; os._exit(6)"),
    "exception": Behaviour("def f(): 1 / 0\nf()"),
    "syntax-error": Behaviour("x = (1,\n"),
    "exception-in-a-step": Behaviour(
        TORCH
        + "def closure(): raise ValueError('here')\n"
        + "torch.optim.SGD([torch.ones(2)], lr=0.1).step(closure)"
    ),
    "atexit": Behaviour(
        "import atexit\natexit.register(print, 'first')\n"
        "@atexit.register\n"
        "def last():\n    import click; print('last', click.LIMIT)\n"
        "print('end')",
        files=names("click"),
    ),
    "interrupted": Behaviour("import os, signal; os.kill(os.getpid(), signal.SIGINT)"),
    "interrupted-and-atexit": Behaviour(
        "import atexit, signal\natexit.register(print, 'bye')\nsignal.raise_signal(signal.SIGINT)"
    ),
    "interrupted-and-caught": Behaviour(
        "import signal, sys\n"
        "try: signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt: sys.exit(130)"
    ),
    "interrupted-a-subclass": Behaviour("class Mine(KeyboardInterrupt): pass\nraise Mine"),
    "interrupted-in-training": Behaviour(
        TORCH + "import os, signal\nstep(); os.kill(os.getpid(), signal.SIGINT)"
    ),
    "terminated": Behaviour("import os, signal; os.kill(os.getpid(), signal.SIGTERM)"),
    "aborted": Behaviour("import os; os.abort()"),
    "hung-up": Behaviour("import os, signal; os.kill(os.getpid(), signal.SIGHUP)"),
    "handlers": Behaviour(
        "import signal\n"
        "for number in sorted(signal.valid_signals()):\n"
        "    try: print(number, signal.getsignal(number) in (signal.default_int_handler, 0, 1))\n"
        "    except ValueError: pass"
    ),
    "reader-is-gone": Behaviour(
        "import os, signal\n"
        "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
        "r, w = os.pipe(); os.close(r); os.write(w, b'x')"
    ),
    # threads
    "exception-in-a-thread": Behaviour(
        "import threading\n"
        "def f(): 1 / 0\n"
        "t = threading.Thread(target=f, name='t'); t.start(); t.join()"
    ),
    "thread-imports-torch": Behaviour(
        "import threading\n"
        "def train():\n"
        "    import torch\n"
        "    w = torch.nn.Parameter(torch.ones(2)); w.sum().backward()\n"
        "    torch.optim.SGD([w]).step(); print('stepped')\n"
        "thread = threading.Thread(target=train); thread.start(); thread.join()"
    ),
    "asyncio": Behaviour(
        "import asyncio, sys\n"
        "async def main():\n"
        "    p = await asyncio.create_subprocess_exec('echo', 'x')\n"
        "    print(await p.wait(), flush=True)\n"
        "asyncio.run(main())"
    ),
    # children
    **{
        f"class-from-a-{method}ed-worker": Behaviour(
            "import multiprocessing\n"
            "class Box: pass\n"
            "def work(n): return Box()\n"
            "if __name__ == '__main__':\n"
            f"    with multiprocessing.get_context('{method}').Pool(1) as pool:\n"
            "        box = pool.apply_async(work, (1,)).get(timeout=60)\n"
            "        print(type(box) is Box, type(box))"
        )
        for method in ("fork", "spawn", "forkserver")
    },
    "class-from-a-process-pool": Behaviour(
        "import multiprocessing\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "class Box: pass\n"
        "def work(n): return Box()\n"
        "if __name__ == '__main__':\n"
        "    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:\n"
        "        print(type(pool.submit(work, 1).result(60)) is Box)"
    ),
    "worker-with-own-modules": Behaviour(
        "import multiprocessing, click, json\n"
        "def work(n): return click.LIMIT, json.LIMIT, __name__\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.apply_async(work, (1,)).get(timeout=60))",
        files=names("click", "json"),
    ),
    "loader-of-spawned-workers": Behaviour(
        TORCH
        + "class Item:\n    def __init__(self, n): self.n = n\n"
        + "def collate(items): return [Item(i) for i in items]\n"
        + "if __name__ == '__main__':\n"
        + "    from torch.utils.data import DataLoader\n"
        + "    loader = DataLoader(range(4), 2, num_workers=1, collate_fn=collate,\n"
        + "                        multiprocessing_context='spawn')\n"
        + "    print([(type(b[0]) is Item, b[0].n) for b in loader]); step()"
    ),
    "itself-as-a-command": Behaviour(
        "import subprocess, sys\n"
        "print(sys.argv[1:], __name__, flush=True)\n"
        "if len(sys.argv) < 2:\n"
        "    subprocess.run([sys.executable, __file__, 'again', '--x'], check=True)\n"
        "    out = subprocess.check_output(['env', 'A=1', sys.executable, '-u', __file__, '2'])\n"
        "    print(out.decode())"
    ),
    "itself-as-a-command-that-fails": Behaviour(
        "import subprocess, sys\n"
        "if len(sys.argv) > 1: sys.exit(9)\n"
        "print(subprocess.call([sys.executable, __file__, 'again']))"
    ),
    "other-commands": Behaviour(
        "import os, subprocess, sys\n"
        "print(subprocess.run('echo a; exit 3', shell=True).returncode, flush=True)\n"
        "print(subprocess.run([sys.executable, '-c', 'print(4)']).returncode, flush=True)\n"
        "print(os.system('echo b'), os.waitstatus_to_exitcode(os.spawnlp(\n"
        "    os.P_WAIT, 'sh', 'sh', '-c', 'exit 5') << 8), flush=True)\n"
        "pid = os.posix_spawn('/bin/echo', ['echo', 'c'], os.environ); os.waitpid(pid, 0)\n"
        "try: subprocess.run(['no-such-command'])\n"
        "except FileNotFoundError as error: print(error)\n"
        "try: os.execvp('no-such-command', ['x'])\n"
        "except FileNotFoundError as error: print(error)"
    ),
    "itself-anew": Behaviour(
        "import os, sys\n"
        "print(sys.argv, os.environ.get('PYTHONHASHSEED'), flush=True)\n"
        "if os.environ.get('PYTHONHASHSEED') != '0':\n"
        "    os.environ['PYTHONHASHSEED'] = '0'\n"
        "    os.execv(sys.executable, [sys.executable, *sys.argv, 'more'])\n" + TORCH + "step()",
        ("a",),
        env={"PYTHONHASHSEED": "1"},
    ),
    "itself-anew-by-name": Behaviour(
        "import os, sys\n"
        "if len(sys.argv) < 2:\n"
        "    os.execvpe(sys.executable, ['python', '-u', __file__, 'x'], os.environ | {'A': 'b'})\n"
        "print(sys.argv, os.environ['A']); sys.exit(4)"
    ),
    "another-in-its-place": Behaviour(
        "import os; os.execvp('sh', ['sh', '-c', 'echo x; exit 5'])", said="the script goes on as"
    ),
}


def run(command, behaviour, folder):
    """Run a command in `folder`; return what is seen of it, without our words."""
    for name, text in {"script.py": behaviour.text, **behaviour.files}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text), "utf-8")
    target = ["-m", behaviour.module] if behaviour.module else ["script.py"]
    done = subprocess.run(
        [*command, *target, *behaviour.args],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | behaviour.env,
        input=behaviour.stdin,
        capture_output=True,
        text=True,
        timeout=240,
    )
    ours = "rnnswap train "
    stderr, _, screen = done.stderr.partition(ours if done.stderr.startswith(ours) else "\n" + ours)
    return done.returncode, done.stdout, stderr.rstrip(), screen


# Its own module's name would be one more of what is compared.
COMMAND = os.path.join(os.path.dirname(sys.executable), "rnnswap")  # noqa: PTH118, PTH120


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("name", BEHAVIOURS)
def test_script_under_train_is_the_script_under_python(name, tmp_path):
    behaviour = BEHAVIOURS[name]
    python = run([sys.executable], behaviour, tmp_path)
    ours = run([COMMAND, "train", *OPTIONS], behaviour, tmp_path)
    code, out, err, screen = ours
    if behaviour.said:
        line, _, err = err.partition("\n")
        assert line.startswith(f"rnnswap: {behaviour.said}")
    if code == 3 and "nothing was trained" in screen:
        code = 0
    assert (code, out, err) == python[:3]
    assert any(python[:3])


@pytest.mark.slow
def test_module_of_ours_starts_in_a_folder_with_names_of_our_imports(tmp_path):
    behaviour = Behaviour(asks(*SHADOWS), files=names(*SHADOWS))
    code, out, err, screen = run([sys.executable, "-m", "rnnswap", "train"], behaviour, tmp_path)
    assert (code, out.split(), err) == (3, SHADOWS, "")
    assert "nothing was trained" in screen


LEARNER = """
import queue, threading, time, torch
done = queue.Queue()
def learn():
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    while True:
        optimizer.zero_grad()
        weight.sum().backward()
        optimizer.step()
threading.Thread(target=learn).start()
try:
    WAIT
finally:
    print("cleaned up", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wait", "more", "said"),
    [
        ("done.get()", "", "stopped after 5 steps"),
        ("time.sleep(600)", "", "stopped after 5 steps"),
        ("done.get()", "threading.Thread(target=done.get, name='actor').start()", "actor"),
    ],
)
def test_max_steps_ends_a_script_that_waits_for_its_learner(tmp_path, wait, more, said):
    text = LEARNER.replace("WAIT", wait).replace("def learn", f"{more}\ndef learn")
    command = [COMMAND, "train", "--max-steps", "5"]
    code, out, _, screen = run(command, Behaviour(text), tmp_path)
    assert (code, out) == (0, "cleaned up\n")
    assert "steps          5 in" in screen
    assert said in screen


@pytest.mark.usefixtures("interruptible")
def test_the_signal_python_dies_of_ends_other_commands_too(tmp_path):
    (tmp_path / "model.py").write_text("import torch\n")
    code = (
        "import os, signal, sys\n"
        "sys.argv[1:] = ['scan', 'model.py']\n"
        "import rnnswap.cli, rnnswap.cli.scan as scan\n"
        "def interrupted(*_, **__): os.kill(os.getpid(), signal.SIGINT)\n"
        "scan.scan.callback = interrupted\n"
        "rnnswap.cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "interrupted\n")


@pytest.mark.slow
def test_a_report_asks_nothing_of_a_gpu_that_the_script_does_not_use(tmp_path):
    text = (
        f"{TORCH}def asked(*_): raise RuntimeError('asked')\n"
        "for name in ('is_available', 'get_device_name', 'device_count', '_lazy_init'):\n"
        "    setattr(torch.cuda, name, asked)\n"
        "step(); print('stepped')"
    )
    command = [COMMAND, "train", "--report", "run"]
    code, out, err, screen = run(command, Behaviour(text), tmp_path)
    assert (code, out, err) == (0, "stepped\n", "")
    assert "report         run/report.html" in screen
