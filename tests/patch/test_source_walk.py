"""Walking folders: what is taken, what git would ignore, and which files are looked into."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rnnswap.errors import RewriteError
from rnnswap.patch.source import walk
from rnnswap.patch.source.gather import Gathered
from rnnswap.patch.source.ignored import _may_match_a_file, _patterns
from rnnswap.patch.source.walk import Walk, mentions
from rnnswap.patch.source.work import Item


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Makes files in the working folder."""
    monkeypatch.chdir(tmp_path)

    def make(*names, **contents):
        for name in names:
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
        for name, content in contents.items():
            Path(name).write_text(content)

    return make


def test_python_files_and_notebooks_in_the_order_of_their_names(tree):
    tree("b/z.py", "b/a.ipynb", "a.py", "c.pyi", "d.txt", "e.pyc", "b.py/inner.py", "py")
    assert list(Walk(".")) == ["a.py", "c.pyi", "b/a.ipynb", "b/z.py", "b.py/inner.py"]
    assert list(Walk("b")) == list(Walk("b/")) == ["b/a.ipynb", "b/z.py"]
    assert list(Walk(str(Path("b").absolute()))) == [
        str(Path("b/a.ipynb").absolute()),
        str(Path("b/z.py").absolute()),
    ]


def test_environments_build_products_and_version_control_are_not_entered(tree):
    tree("env/pyvenv.cfg", "env/lib/a.py", "conda/conda-meta/x", "conda/b.py", "build/c.py")
    tree(".git/hooks/d.py", "__pycache__/e.py", ".ipynb_checkpoints/f.ipynb", "src/g.py")
    tree("node_modules/h/i.py", "pkg/site-packages/j.py", ".hidden/k.py")
    assert list(Walk(".")) == [".hidden/k.py", "src/g.py"]


@pytest.mark.parametrize("name", ["build", "env"])
def test_a_folder_that_is_named_is_walked_whatever_it_is(tree, name):
    tree("build/c.py", "env/pyvenv.cfg", "env/c.py")
    assert list(Walk(name)) == [f"{name}/c.py"]


def test_links_are_counted_and_not_followed(tree):
    tree("src/a.py", "other/b.py")
    Path("src/folder").symlink_to("../other")
    Path("src/b.py").symlink_to("../other/b.py")
    Path("src/dangling.py").symlink_to("nowhere")
    Path("src/loop").symlink_to("loop")
    Path("src/data.txt").symlink_to("a.py")
    walked = Walk("src")
    assert list(walked) == ["src/a.py"]
    assert walked.links == 3


def test_what_is_no_file_and_what_cannot_be_read_is_named(tree, monkeypatch):
    tree("a.py", "locked/b.py", "z/c.py")
    os.mkfifo("pipe.py")
    scandir = os.scandir

    def guarded(path):
        if path.startswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    # Root, as whom tests may run, can read everything.
    monkeypatch.setattr(os, "scandir", guarded)
    found = [str(entry) for entry in Walk(".")]
    assert found == [
        "a.py",
        "pipe.py: is not a regular file",
        "locked/: cannot be read: permission denied",
        "z/c.py",
    ]


def git(*arguments):
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


def git_sees(root="."):
    """The Python files that git does not ignore, below `root`."""
    listed = git("ls-files", "--others", "--cached", "--exclude-standard", "-z", "--", root)
    return {name for name in listed.split("\0") if name.endswith((".py", ".pyi", ".ipynb"))}


IGNORE = """\
# a comment
*.pyc
/top.py
secret*.py
!secret_but_kept.py
generated/
docs/*.py
**/deep/*.ipynb
a/**/z.py
name with space.py
trailing.py   \n\
\\#literal.py
[ab]x.py
!unused/
*.py[cod]
nested/ignored_here.py
folder.py
[z-a]bad.py
!
"""


def test_git_and_the_walk_agree_on_what_is_ignored(tree):
    git("init", "-q")
    tree("top.py", "x/top.py", "secret1.py", "secret_but_kept.py", "generated/a.py", "docs/b.py")
    tree("docs/sub/c.py", "x/deep/d.ipynb", "a/z.py", "a/b/c/z.py", "name with space.py", "m.py")
    tree("trailing.py", "#literal.py", "ax.py", "x/bx.py", "cx.py", "nested/ignored_here.py")
    tree("nested/own.py", "nested/kept.py", "nested/secret2.py", "folder.py/in.py", "m.pyi")
    tree("x/generated/e.py", "generated/keep/f.py")
    Path(".gitignore").write_text(IGNORE)
    Path("nested/.gitignore").write_text("own.py\n!ignored_here.py\n!secret2.py\n")
    Path("generated/keep/.gitignore").write_text("!*\n")
    expected = git_sees()
    assert {"m.py", "nested/kept.py", "nested/secret2.py", "docs/sub/c.py"} <= expected
    assert set(Walk(".")) == expected
    os.chdir("nested")
    assert set(Walk(".")) == {"ignored_here.py", "kept.py", "secret2.py"} == git_sees(".")


def test_rules_above_the_folder_hold_in_a_repository_alone(tree):
    tree("repo/sub/a.py", "repo/sub/b.py")
    Path("repo/.gitignore").write_text("/sub/a.py\n")
    assert list(Walk("repo/sub")) == ["repo/sub/a.py", "repo/sub/b.py"]
    git("init", "-q", "repo")
    assert list(Walk("repo/sub")) == ["repo/sub/b.py"]


def test_a_folder_that_is_ignored_is_walked_if_it_is_named(tree):
    git("init", "-q")
    tree("out/a.py", "out/sub/b.py")
    Path(".gitignore").write_text("out/\n*.py\n")
    assert list(Walk("out")) == ["out/a.py", "out/sub/b.py"]
    assert list(Walk(".")) == []


def test_an_ignore_file_that_is_no_text_does_no_harm(tree):
    tree("a.py", "b.py")
    Path(".gitignore").write_bytes(b"\xef\xbb\xbfa.py\n\xff\xfe\n")
    assert list(Walk(".")) == ["b.py"]


def test_without_its_rules_a_folder_is_not_entered(tree, monkeypatch):
    tree("a.py", "sub/b.py", "sub/deep/c.py", "z/d.py")
    Path("sub/.gitignore").write_text("b.py\n")
    read_bytes = Path.read_bytes

    def guarded(path):
        if path.name == ".gitignore":
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", guarded)
    error = "sub/.gitignore: cannot be read: permission denied"
    assert [str(entry) for entry in Walk(".")] == ["a.py", error, "z/d.py"]
    git("init", "-q")
    (found,) = Walk("sub/deep")
    assert str(found).endswith("sub/.gitignore: cannot be read: permission denied")


def test_an_ignore_file_that_is_a_pipe_is_not_read(tree):
    tree("a.py", "sub/b.py")
    os.mkfifo(".gitignore")
    git("init", "-q")
    assert list(Walk(".")) == ["a.py", "sub/b.py"]
    assert list(Walk("sub")) == ["sub/b.py"]


PATTERN = st.text(st.sampled_from("ab.py[]*?!/\\ ic"), min_size=1, max_size=8)


@given(
    PATTERN, st.text(st.sampled_from("abi/"), max_size=4), st.sampled_from(["py", "pyi", "ipynb"])
)
@example("*.py[ic]", "a", "pyi")
@example("?.py", "a", "py")
@example("[[a]", "a", "py")
@example("[a--b]", "a", "py")
def test_a_pattern_that_is_left_out_for_files_matches_none(line, stem, suffix):
    if _may_match_a_file(line):
        return
    name = f"{stem.strip('/')}.{suffix}"
    for regex, _ in _patterns(line):
        match = regex.match(name)
        # What lies in an ignored folder is not asked for.
        assert match is None or match.end() < len(name)


def test_pathspec_is_imported_where_there_is_an_ignore_file_alone(tree):
    tree("a.py")
    code = (
        "import sys; from rnnswap.patch.source.walk import Walk; list(Walk('.'));"
        "print('pathspec' in sys.modules)"
    )
    for content, expected in (None, "False\n"), ("*.pyc\n", "True\n"):
        if content:
            Path(".gitignore").write_text(content)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout == expected, done.stderr


WANTED = [(b"LSTM",), (b"torch", b"GRU")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", False), (b"x LSTM", True), (b"torch", False), (b"GRU", False), (b"GRU torch", True)],
)
@pytest.mark.parametrize("has_readv", [True, False])
@pytest.mark.parametrize("padding", [0, (1 << 18) - 2, (1 << 18) - 1, 1 << 18, 3 << 17, 1 << 20])
def test_words_are_found_wherever_they_stand(
    tmp_path, monkeypatch, content, expected, padding, has_readv
):
    monkeypatch.setattr(walk, "_HAS_READV", has_readv)
    path = tmp_path / "m.py"
    for data in (b"\n" * padding + content, content + b"\n" * padding):
        path.write_bytes(data)
        assert mentions(str(path), WANTED) is expected


def test_a_word_is_not_made_of_what_was_read_before(tmp_path):
    long, short = tmp_path / "long.py", tmp_path / "short.py"
    long.write_bytes(b"LSTM" + b" " * 100)
    short.write_bytes(b"LS")
    found = Gathered([str(tmp_path)], WANTED)
    assert list(found) == [Item(str(long), named=False)]
    assert found.passed == 1


def test_named_files_come_whatever_they_hold_and_folders_are_sifted(tree):
    tree("src/empty.py", "named.txt", **{"hit.py": "LSTM"})
    Path("hit.py").rename("src/hit.py")
    found = Gathered(["named.txt", "src", "missing.py", "-", "-"], WANTED)
    assert list(found) == [
        Item("named.txt", named=True),
        Item("src/hit.py", named=False),
        Item("missing.py", named=True),
        Item("-", named=True),
    ]
    assert (found.passed, found.links, found.empty) == (1, 0, [])


def test_a_file_reached_twice_comes_once(tree):
    tree("src/a.py", "src/sub/b.py")
    for name in ("src/a.py", "src/sub/b.py"):
        Path(name).write_text("LSTM")
    Path("link.py").symlink_to("src/a.py")
    found = Gathered(
        ["link.py", "src", "./src/sub", "src/a.py", str(Path("src").absolute())], WANTED
    )
    assert [item.path for item in found] == ["link.py", "src/sub/b.py"]


def test_a_folder_without_source_is_remembered(tree):
    tree("src/a.txt")
    found = Gathered(["src"], WANTED)
    assert list(found) == []
    assert found.empty == ["src"]


def test_progress_ends_where_all_are_done(tree):
    tree(*(f"src/m{n}.py" for n in range(120)))
    told = []
    assert list(Gathered(["src"], WANTED, lambda *counts: told.append(counts))) == []
    assert told == [(0, 120), (50, 120), (100, 120)]


def test_a_file_that_cannot_be_read_is_an_error_and_the_walk_goes_on(tree, monkeypatch):
    tree("a.py", "b.py")
    Path("b.py").write_text("LSTM")
    real = os.open

    def guarded(path, *arguments, **keywords):
        if path == "a.py":
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **keywords)

    monkeypatch.setattr(os, "open", guarded)
    error, item = Gathered(["."], WANTED)
    assert isinstance(error, RewriteError)
    assert str(error) == "a.py: cannot be read: permission denied"
    assert item == Item("b.py", named=False)
