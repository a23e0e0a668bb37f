"""Reading and writing: the original or the result is on disk, never anything else."""

import os
import stat
from pathlib import Path

import pytest

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes, documents, files


@pytest.fixture(autouse=True, params=["nameless", "named"])
def temporary_file(request, monkeypatch):
    """With and without what Linux alone has."""
    if request.param == "named":
        monkeypatch.setattr(files, "_open_nameless", lambda folder: None)


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def test_read_and_write_keep_the_encoding(tmp_path):
    path = tmp_path / "m.py"
    path.write_bytes("# coding: latin-1\nx = 'ä'\r\n".encode("latin-1"))
    file = files.read(str(path))
    document = documents.open_document(file.data, "m.py", ())
    assert document.text == "# coding: latin-1\nx = 'ä'\r\n"
    files.write(file, document.with_text(document.text.replace("x", "y")))
    assert path.read_bytes() == "# coding: latin-1\ny = 'ä'\r\n".encode("latin-1")
    assert names_in(tmp_path) == ["m.py"]


def test_a_byte_order_mark_stays_in_the_text():
    text, encoding = files.decode(b"\xef\xbb\xbfx = 1\n", "m.py")
    assert (text, encoding) == ("\ufeffx = 1\n", "utf-8")
    assert text.encode(encoding) == b"\xef\xbb\xbfx = 1\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x = 1\nname = '\xe4'\n", r"m\.py:2:9: cannot be decoded as utf-8: byte 0xe4"),
        (b"# coding: nonsense\n", r"m\.py: cannot be decoded: unknown encoding"),
        (
            b"\xef\xbb\xbf# coding: latin-1\n",
            r"m\.py: .*it starts with UTF-8's byte order mark, but declares another encoding",
        ),
        ("x = 1\n".encode("utf-16"), r"m\.py:1:1: cannot be decoded as utf-8: byte 0xff"),
        (b"# coding: hex\nx\n", r"m\.py: cannot be decoded as hex"),
        (b"# coding: ascii\n\n\xff\n", r"m\.py:3:1: cannot be decoded as ascii: byte 0xff"),
        (b"# coding: utf-7\nx = '+AGEAYg-'\n", "cannot be reproduced from its decoding as utf-7"),
    ],
)
def test_bytes_that_are_not_of_their_encoding_are_refused(data, message):
    with pytest.raises(RewriteError, match=message) as caught:
        files.decode(data, "m.py")
    assert caught.value.code == codes.UNDECODABLE


def test_missing_folder_and_pipe_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, reason in [
        ("missing.py", "cannot be read: no such file or directory"),
        (".", "is a folder; give a file"),
        ("pipe", "is not a regular file"),
    ]:
        with pytest.raises(RewriteError, match=reason) as caught:
            files.read(str(tmp_path / name))
        assert caught.value.code == codes.UNREADABLE


def test_an_empty_name_is_not_taken_for_the_working_folder():
    with pytest.raises(RewriteError, match="'': an empty name is no file; give the path of one"):
        files.read("")


@pytest.mark.skipif(not hasattr(os, "chown"), reason="the system has no owners")
def test_owner_and_group_stay_where_they_may(tmp_path, monkeypatch):
    path = tmp_path / "m.py"
    path.write_text("x = 1\n")
    file = files.read(str(path))
    asked = []

    def fchown(descriptor, uid, gid):
        asked.append((uid, gid))
        raise PermissionError(1, "Operation not permitted")

    # Whoever runs the tests cannot own files of others, unless it is root.
    monkeypatch.setattr(os, "fchown", fchown)
    files.write(file, b"x = 2\n")
    assert asked == [(-1, file.status.st_gid), (file.status.st_uid, -1)]
    assert path.read_text() == "x = 2\n"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_root_keeps_the_owner_of_others(tmp_path):
    path = tmp_path / "m.py"
    path.write_text("x = 1\n")
    os.chown(path, 12345, 54321)
    path.chmod(0o2755)
    files.write(files.read(str(path)), b"x = 2\n")
    status = path.stat()
    assert (status.st_uid, status.st_gid) == (12345, 54321)
    assert stat.S_IMODE(status.st_mode) == 0o2755


def test_a_hard_link_keeps_the_old_content_and_the_path_gets_the_new(tmp_path):
    path, other = tmp_path / "m.py", tmp_path / "other.py"
    path.write_text("x = 1\n")
    os.link(path, other)
    files.write(files.read(str(path)), b"x = 2\n")
    assert path.read_text() == "x = 2\n"
    assert other.read_text() == "x = 1\n"


@pytest.mark.parametrize("mode", [0o755, 0o640])
def test_the_permission_bits_stay(tmp_path, mode):
    path = tmp_path / "m.py"
    path.write_text("x = 1\n")
    path.chmod(mode)
    files.write(files.read(str(path)), b"x = 2\n")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_text() == "x = 2\n"


def test_the_file_behind_a_link_is_rewritten(tmp_path):
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "m.py"
    target.write_text("x = 1\n")
    link = tmp_path / "link.py"
    link.symlink_to(target)
    files.write(files.read(str(link)), b"x = 2\n")
    assert link.is_symlink()
    assert target.read_text() == "x = 2\n"


@pytest.mark.parametrize("keep_times", [False, True])
def test_a_file_that_changed_since_it_was_read_is_left(tmp_path, keep_times):
    path = tmp_path / "m.py"
    path.write_text("x = 1\n")
    file = files.read(str(path))
    path.write_text("x = 3\n")
    if keep_times:
        os.utime(path, ns=(file.status.st_atime_ns, file.status.st_mtime_ns))
    with pytest.raises(RewriteError, match="changed on disk after it was read") as caught:
        files.write(file, b"x = 2\n")
    assert caught.value.code == codes.CHANGED
    assert path.read_text() == "x = 3\n"
    assert names_in(tmp_path) == ["m.py"]


def test_a_file_that_vanished_is_not_written_again(tmp_path):
    path = tmp_path / "m.py"
    path.write_text("x = 1\n")
    file = files.read(str(path))
    path.unlink()
    with pytest.raises(RewriteError, match=r"m\.py: "):
        files.write(file, b"x = 2\n")
    assert names_in(tmp_path) == []


def test_a_failed_write_leaves_the_original_and_no_remains(tmp_path, monkeypatch):
    path = tmp_path / "m.py"
    path.write_text("x = 1\n")
    file = files.read(str(path))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RewriteError, match="cannot be written: no space left on device") as caught:
        files.write(file, b"x = 2\n")
    assert caught.value.code == codes.UNWRITABLE
    assert path.read_text() == "x = 1\n"
    assert names_in(tmp_path) == ["m.py"]


def test_a_file_that_nobody_may_write_is_refused_whoever_asks(tmp_path):
    path, other = tmp_path / "m.py", tmp_path / "other.py"
    path.write_text("x = 1\n")
    path.chmod(0o444)
    with pytest.raises(RewriteError, match=r"m\.py: is read-only; left as it is"):
        files.write(files.read(str(path)), b"x = 2\n")
    with pytest.raises(RewriteError, match="is read-only"):
        files.write_new(str(path), b"x = 2\n", None)
    assert path.read_text() == "x = 1\n"
    files.write_new(str(other), b"x = 2\n", path.stat())
    assert stat.S_IMODE(other.stat().st_mode) == 0o444


def test_a_read_only_file_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "m.py"
    path.write_text("x = 1\n")
    file = files.read(str(path))
    # chmod alone would not stop root, as whom tests may run.
    monkeypatch.setattr(os, "access", lambda target, mode: Path(target) != path.resolve())
    with pytest.raises(RewriteError, match="is read-only") as caught:
        files.write(file, b"x = 2\n")
    assert caught.value.code == codes.UNWRITABLE
    assert path.read_text() == "x = 1\n"
