"""Reads and writes source files: nothing but the original or the result is ever on disk."""

from __future__ import annotations

import codecs
import io
import os
import stat
import tempfile
import tokenize
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes


class SourceFile(NamedTuple):
    """A file as it was read.

    Args:
        path: As the user named it.
        target: What is on disk, symbolic links followed.
        data: Its bytes.
        text: Its bytes decoded, line endings and byte order mark kept.
        encoding: Declared by its cookie (PEP 263), else UTF-8.
        status: What the file system said when it was read.
    """

    path: str
    target: Path
    data: bytes
    text: str
    encoding: str
    status: os.stat_result


def read(path: str) -> SourceFile:
    """Read and decode a file.

    Raises:
        RewriteError: It is missing, a folder, not a regular file, unreadable or undecodable.
    """
    if not path:
        reason = "an empty name is no file; give the path of one"
        raise RewriteError(reason, "''", code=codes.UNREADABLE)
    target = Path(os.path.realpath(path))
    try:
        # Asked before opening: opening a named pipe would wait for a writer.
        _check_kind(path, target.stat().st_mode)
        with target.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read()
    except OSError as error:
        reason = f"cannot be read: {explain(error)}"
        raise RewriteError(reason, path, code=codes.UNREADABLE) from error
    text, encoding = decode(data, path)
    return SourceFile(path, target, data, text, encoding, status)


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


def write(file: SourceFile, text: str) -> None:
    """Replace the content of a file that was read, all or nothing.

    The permission bits stay; where the path is a symbolic link, the file it leads to is replaced.

    Raises:
        RewriteError: The file changed since it was read, is read-only, or writing failed.
    """
    if not os.access(file.target, os.W_OK):
        raise RewriteError("is read-only; left as it is", file.path, code=codes.UNWRITABLE)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(
            dir=file.target.parent, prefix=f".{file.target.name}.", suffix=".tmp"
        )
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode(file.encoding))
            stream.flush()
            _keep_owner(file, temporary)
            # After the owner, whose change clears some of the bits. Windows has no fchmod.
            Path(temporary).chmod(stat.S_IMODE(file.status.st_mode))
            os.fsync(stream.fileno())
        _check_unchanged(file)
        os.replace(temporary, file.target)  # noqa: PTH105  (atomic, as the name says)
        temporary = None
        _sync_folder(file.target.parent)
    except OSError as error:
        reason = f"cannot be written: {explain(error)}; left as it is"
        raise RewriteError(reason, file.path, code=codes.UNWRITABLE) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()


def _keep_owner(file: SourceFile, temporary: str) -> None:
    """Give the new file the old one's owner and group, where this process may."""
    status = file.status
    if hasattr(os, "chown"):
        with suppress(OSError):
            os.chown(temporary, -1, status.st_gid)
        with suppress(OSError):
            os.chown(temporary, status.st_uid, -1)


def _check_kind(path: str, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise RewriteError("is a folder; give files", path, code=codes.UNREADABLE)
    if not stat.S_ISREG(mode):
        raise RewriteError("is not a regular file", path, code=codes.UNREADABLE)


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
