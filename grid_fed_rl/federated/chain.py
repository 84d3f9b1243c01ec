"""A file of JSON lines that only grows, each line chained to the one before.

Every line ends with the SHA-256 of itself and, through `previous`, of all
lines before it. An edited, removed or swapped line is found on reading. Whoever
can write the file can also forge it from some line on, or cut off its end;
keeping the last digest (`head`) somewhere else is what shows that.

Every line is on the disk (fsync) before `append` returns. A last line without
its newline was torn by a crash while being written, and is dropped on opening.
"""

import fcntl
import hashlib
import json
import os
from pathlib import Path

from grid_fed_rl.errors import PrivacyError

__all__ = ["START", "ChainedFile", "Entry", "fsync_folder", "read_chain"]

Entry = dict[str, str | int | float]

START = "0" * 64  # what the first line is chained to


class ChainedFile:
    """The file, open for appending and locked against other processes.

    Args:
        path: the file; made, with its folder, if it is not there.

    Attributes:
        entries: what was in the file when it was opened.
        head: digest of the last line.

    Raises:
        PrivacyError: the chain is broken, or another process holds the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PrivacyError(
                    f"{path}: held by another process; one writer at a time, so stop the other "
                    "first"
                ) from None
            text = path.read_bytes()
            whole = _complete_lines(text)
            self.entries, self.head = _replay(path, whole)
            self._size = len(whole)
            if len(whole) < len(text):
                os.ftruncate(self._descriptor, self._size)
                os.fsync(self._descriptor)
            fsync_folder(path.parent)
        except BaseException:
            self.close()
            raise

    def append(self, entry: Entry) -> None:
        """Write one line; it is on the disk when this returns, or not in the file at all.

        Raises:
            PrivacyError: the disk did not take the line.
        """
        line, digest = _encode(entry, self.head)
        try:
            n_written = os.write(self._descriptor, line)
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)
            raise PrivacyError(f"{self.path}: cannot be written: {error.strerror}") from None
        if n_written != len(line):
            os.ftruncate(self._descriptor, self._size)
            raise PrivacyError(f"{self.path}: the disk took part of a line only; is it full?")
        self._size += len(line)
        self.head = digest

    def close(self) -> None:
        """Let go of the file. Closing twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def read_chain(path: Path) -> tuple[list[Entry], str]:
    """Read a file without holding it: its entries and its last digest.

    Raises:
        PrivacyError: the file cannot be read or its chain is broken.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise PrivacyError(f"{path}: cannot be read: {error.strerror}") from None
    return _replay(path, _complete_lines(text))


def fsync_folder(folder: Path) -> None:
    """Put a folder's list of names on the disk, so that a new file in it survives a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _complete_lines(text: bytes) -> bytes:
    return text[: text.rfind(b"\n") + 1]


def _encode(entry: Entry, previous: str) -> tuple[bytes, str]:
    body = json.dumps(entry | {"previous": previous}, separators=(",", ":"))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f'{body[:-1]},"sha256":"{digest}"}}\n'.encode(), digest


def _replay(path: Path, text: bytes) -> tuple[list[Entry], str]:
    """Read every line in order, holding it against the chain."""
    entries, head = [], START
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        try:
            entry = json.loads(line)
            del entry["sha256"], entry["previous"]
            expected, digest = _encode(entry, head)
        except (ValueError, KeyError, TypeError):
            expected, digest, entry = b"", "", {}
        if line != expected:
            raise PrivacyError(
                f"{path}, line {number}: does not follow from the line before, so the file was "
                "changed by something other than the site and what was spent is not known; "
                "restore it from a copy"
            )
        entries.append(entry)
        head = digest
    return entries, head
