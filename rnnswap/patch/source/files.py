"""Reads and writes source files: nothing but the original or the result is ever on disk."""

from __future__ import annotations

import codecs
import errno
import io
import os
import stat
import tokenize
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes

#: Permission bits that a new file gets, less the umask.
_NEW_FILE = 0o666
_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_OWN_DESCRIPTORS = Path("/proc/self/fd")
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would change line endings


class SourceFile(NamedTuple):
    """A file as it was read.

    Args:
        path: As the user named it.
        target: What is on disk, symbolic links followed.
        data: Its bytes.
        status: What the file system said when it was read.
    """

    path: str
    target: Path
    data: bytes
    status: os.stat_result


def size_of(path: str) -> int:
    """Return the size of a file in bytes.

    Raises:
        RewriteError: It is missing, a folder or not a regular file.
    """
    if not path:
        reason = "an empty name is no file; give the path of one"
        raise RewriteError(reason, "''", code=codes.UNREADABLE)
    try:
        status = os.stat(path)  # noqa: PTH116  (a ValueError of Path's would not say which name)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    _check_kind(path, status.st_mode)
    return status.st_size


def read(path: str) -> SourceFile:
    """Read a file.

    Raises:
        RewriteError: It is missing, a folder, not a regular file or unreadable.
    """
    # Asked before opening: opening a named pipe would wait for a writer.
    size_of(path)
    target = Path(os.path.realpath(path))
    try:
        with target.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read()
    except OSError as error:
        raise _unreadable(path, error) from error
    return SourceFile(path, target, data, status)


def decode(data: bytes, path: str) -> tuple[str, str]:
    """Return the text and the encoding of Python source, as PEP 263 says.

    A byte order mark stays in the text; line endings are kept.

    Raises:
        RewriteError: The declared encoding is unknown, or the bytes are not of it.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        if data.startswith(codecs.BOM_UTF8) and "problem" in error.msg:
            reason = "it starts with UTF-8's byte order mark, but declares another encoding"
            raise RewriteError(
                f"cannot be decoded: {reason}", path, code=codes.UNDECODABLE
            ) from error
        if "invalid or missing" not in error.msg:
            reason = f"cannot be decoded: {error.msg}"
            raise RewriteError(reason, path, code=codes.UNDECODABLE) from error
        # No declaration, and bytes that are not UTF-8: decoding will say which.
        encoding = "utf-8"
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    try:
        text = data.decode(encoding)
        same = text.encode(encoding) == data
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        wrong = f"byte 0x{data[error.start]:02x} is not of that encoding"
        reason = f"cannot be decoded as {encoding}: {wrong}"
        raise RewriteError(reason, path, line, column, code=codes.UNDECODABLE) from error
    except (LookupError, ValueError) as error:
        reason = f"cannot be decoded as {encoding}: {error}"
        raise RewriteError(reason, path, code=codes.UNDECODABLE) from error
    if not same:
        reason = f"cannot be reproduced from its decoding as {encoding}"
        raise RewriteError(reason, path, code=codes.UNDECODABLE)
    return text, encoding


def write(file: SourceFile, data: bytes) -> None:
    """Replace the content of a file that was read, all or nothing.

    The permission bits stay; where the path is a symbolic link, the file it leads to is replaced.

    Raises:
        RewriteError: The file changed since it was read, is read-only, or writing failed.
    """
    try:
        _check_writable(file.target, file.path)
        _replace(file.target, data, file.status, lambda: _check_unchanged(file))
    except OSError as error:
        reason = f"cannot be written: {explain(error)}; left as it is"
        raise RewriteError(reason, file.path, code=codes.UNWRITABLE) from error


def write_new(path: str, data: bytes, like: os.stat_result | None) -> None:
    """Write a file that need not exist yet, all or nothing.

    Args:
        path: Where; what stands there is replaced if it is a regular file.
        data: The content.
        like: Status of a file whose permission bits and, where possible, owner it gets.

    Raises:
        RewriteError: Something else stands there, it is read-only, or writing failed.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists():
            _check_kind(path, target.stat().st_mode)
            _check_writable(target, path)
        _replace(target, data, like, lambda: None)
    except OSError as error:
        reason = f"cannot be written: {explain(error)}"
        raise RewriteError(reason, path, code=codes.UNWRITABLE) from error


def _replace(
    target: Path, data: bytes, like: os.stat_result | None, check: Callable[[], None]
) -> None:
    """Write a new file beside `target`, then rename it; `check` has the last word before that."""
    name = str(target.parent / f".rnnswap-{os.urandom(8).hex()}.tmp")
    descriptor = _open_nameless(target.parent)
    nameless = descriptor is not None
    try:
        if descriptor is None:
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            _take_over(descriptor, like)
            os.fsync(descriptor)
            check()
            if nameless:
                _give_name(descriptor, name)
        os.replace(name, target)  # noqa: PTH105  (atomic, as the name says)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise
    _sync_folder(target.parent)


def _open_nameless(folder: Path) -> int | None:
    """Open a new file that has no name: should this process be killed, nothing is left of it.

    Returns None where the system or the file system has no such files.
    """
    if not hasattr(os, "O_TMPFILE") or not _OWN_DESCRIPTORS.exists():
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT):
            return None
        raise


def _give_name(descriptor: int, name: str) -> None:
    path = Path(name)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        # Only with a folder's descriptor does os.link follow the link that stands for ours.
        os.link(_OWN_DESCRIPTORS / str(descriptor), path.name, dst_dir_fd=folder)
    finally:
        os.close(folder)


def _take_over(descriptor: int, like: os.stat_result | None) -> None:
    """Give the new file the old one's owner and group, where this process may, and its bits."""
    mode = _NEW_FILE & ~_umask() if like is None else stat.S_IMODE(like.st_mode)
    if like is not None and hasattr(os, "fchown"):
        with suppress(OSError):
            os.fchown(descriptor, -1, like.st_gid)
        with suppress(OSError):
            os.fchown(descriptor, like.st_uid, -1)
    # After the owner, whose change clears some of the bits. Windows has only the bit for reading,
    # which a file that is replaced has.
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, mode)


def _umask() -> int:
    mask = os.umask(0o077)  # there is no other way to read it
    os.umask(mask)
    return mask


def _unreadable(path: str, error: OSError | ValueError) -> RewriteError:
    reason = explain(error) if isinstance(error, OSError) else str(error)
    return RewriteError(f"cannot be read: {reason}", path, code=codes.UNREADABLE)


def _check_kind(path: str, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise RewriteError("is a folder; give a file", path, code=codes.UNREADABLE)
    if not stat.S_ISREG(mode):
        raise RewriteError("is not a regular file", path, code=codes.UNREADABLE)


def _check_writable(target: Path, path: str) -> None:
    # The superuser may write anything; a file that nobody is to write is left by it all the same.
    is_writable = stat.S_IMODE(target.stat().st_mode) & _ANY_WRITE
    if not is_writable or not os.access(target, os.W_OK):
        raise RewriteError("is read-only; left as it is", path, code=codes.UNWRITABLE)


def _check_unchanged(file: SourceFile) -> None:
    now = file.target.stat()
    then = file.status
    same = (now.st_ino, now.st_size, now.st_mtime_ns) == (
        then.st_ino,
        then.st_size,
        then.st_mtime_ns,
    )
    if not same or file.target.read_bytes() != file.data:
        reason = "changed on disk after it was read; left as it is"
        raise RewriteError(reason, file.path, code=codes.CHANGED)


def _sync_folder(folder: Path) -> None:
    """Make the replacement itself durable, where folders can be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def explain(error: OSError) -> str:
    """Return the system's reason in lower case."""
    return (error.strerror or str(error)).lower()
