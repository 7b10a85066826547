"""A folder to hand on: contact sheet, clips, pictures, a table, and the hashes of all of it."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app.history.telling import COUNTED, at_least, duration
from app.history.why import is_new, percent, why
from app.output.chip import Chip
from app.output.clip import others_of, pieces_of, write_clip
from app.output.contact_sheet import Clock, data_uri, person_cards
from app.output.html_page import write_html
from app.output.place import OutputError, make_folder, write_own
from app.sources.ffmpeg import SourceError
from app.times import iso, moment, zone
from storage.export import no_formula
from storage.history import FootageRow, History, PersonRow, SightingRow

MOST_PEOPLE = 100
"""On the sheet of a whole history; those seen last."""

MOST_SIGHTINGS = 300
"""Of a person, the latest; those before are counted."""

MOST_PICTURES = 4
"""Of a sighting, the best."""

COLUMNS = (
    *("sighting", "person", "name", "camera", "start", "end", "seconds", "match", "because"),
    *("source", "offset_s", "pictures", "clip"),
)

Progress = Callable[[str, float], None]
"""Told what is being written, and which share of it is done."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """people: whom it is about; nobody for a sheet of everybody. since, until, camera: of which sightings;
    sightings: of these alone. clips: films of each; blur: others in them.
    """

    people: Sequence[int] = ()
    since: float | None = None
    until: float | None = None
    camera: str | None = None
    sightings: Sequence[int] | None = None
    clips: bool = False
    blur: bool = False


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One sighting in the folder. clip: its address, or none, and why: no_clip."""

    id: int
    camera: str
    when: str
    lasts: str
    match: str
    role: str
    because: list[str]
    pictures: list[str]
    clip: str | None
    no_clip: str


@dataclass(frozen=True, slots=True)
class Story:
    """One person's sightings. more: those before, which are left out."""

    chip: Chip
    title: str
    sightings: list[Exhibit]
    more: int


@dataclass(frozen=True, slots=True)
class _Found:
    """person: None in a folder of sightings that are nobody's."""

    person: PersonRow | None
    rows: Sequence[SightingRow]
    more: int


def write_case(
    history: History,
    wanted: Wanted,
    out: Path,
    *,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Path:
    """Write the folder ``out``, which must not be there or be empty, whole or not at all; its page.

    Raises UnknownPerson, OutputError where it cannot be written or ``stop`` was set meanwhile.
    """
    found = _found(history, wanted)
    with _whole(out) as folder:
        case = _Case(history, wanted, folder, progress, stop or threading.Event())
        case.write(found)
    return out / "index.html"


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A new folder beside it, which takes its place once all is written."""
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise OutputError(f"{out} is there already and not empty; name another folder with --out.")
    part: Path | None = None
    try:
        make_folder(out.parent)
        part = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        yield part
        if out.is_dir():
            out.rmdir()
        part.replace(out)
    except OSError as error:
        raise OutputError(f"The folder {out} can't be written ({error.strerror}); name another.") from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _found(history: History, wanted: Wanted) -> list[_Found]:
    """By person, their sightings; of everybody those seen last."""
    span = {"camera": wanted.camera, "since": wanted.since, "until": wanted.until}
    if wanted.sightings is not None:
        return _chosen(history, wanted.sightings)
    if wanted.people:
        people = [history.person(id_) for id_ in dict.fromkeys(map(history.who, wanted.people))]
    else:
        people = history.people(**span, most=MOST_PEOPLE)  # type: ignore[arg-type]
    found = []
    for person in people:
        rows = history.sightings(person=person.id, **span, most=MOST_SIGHTINGS)  # type: ignore[arg-type]
        whole = len(rows)
        if whole == MOST_SIGHTINGS:
            whole = len(history.sightings(person=person.id, **span))  # type: ignore[arg-type]
        found.append(_Found(person, rows, whole - len(rows)))
    return found


def _chosen(history: History, sightings: Sequence[int]) -> list[_Found]:
    rows = [row for row in map(history.sighting, dict.fromkeys(sightings)) if row is not None]
    people: dict[int | None, list[SightingRow]] = {}
    for row in sorted(rows, key=lambda row: (row.start, row.id)):
        people.setdefault(row.person, []).append(row)
    return [_Found(None if who is None else history.person(who), some, 0) for who, some in people.items()]


class _Case:
    def __init__(
        self,
        history: History,
        wanted: Wanted,
        folder: Path,
        progress: Progress | None,
        stop: threading.Event,
    ) -> None:
        self._history, self._wanted, self._folder = history, wanted, folder
        self._progress, self._stop = progress, stop
        self._rows: list[tuple[Any, ...]] = []
        self._people: set[int] = set()

    def write(self, found: Sequence[_Found]) -> None:
        """Everything; the hashes last."""
        history, sheet = self._history, not self._wanted.people and self._wanted.sightings is None
        rows = [row for one in found for row in one.rows]
        self._people = {one.person.id for one in found if one.person is not None}
        footage = {row.id: row for row in history.footage(ids={row.footage for row in rows})}
        clock = Clock(
            min((row.start for row in rows), default=0.0), max((row.end for row in rows), default=0.0)
        )
        stories = [self._story(one, footage, clock, sheet=sheet) for one in found]
        cameras = sorted({row.camera for row in rows})
        contents = {
            "title": "Who was where, when" if sheet else _title(found),
            "asked": _asked(self._wanted),
            "clock": clock,
            "tiles": _tiles(self._people, rows, cameras, clock),
            "cameras": cameras,
            "people": person_cards(history, cameras, rows, clock),
            "more": self._left(len(found)) if sheet else "",
            "stories": [] if sheet else stories,
            "clips": self._wanted.clips,
            "blur": self._wanted.clips and self._wanted.blur,
            "version": version("sightline"),
            "made": f"{moment(time.time())} {zone(time.time())}",
            "history": history.path.name,
        }
        write_html("case.html", contents, self._folder / "index.html")
        write_own(self._folder / "sightings.csv", _table(self._rows))
        write_own(self._folder / "SHA256SUMS", _sums(self._folder))

    def _left(self, shown: int) -> str:
        """How many others were there and then; "" for nobody."""
        asked = self._wanted
        left = self._history.number_of_people(
            camera=asked.camera, since=asked.since, until=asked.until, most=shown + COUNTED + 1
        )
        return at_least(left - shown) if left > shown else ""

    def _story(self, found: _Found, footage: Mapping[int, FootageRow], clock: Clock, *, sheet: bool) -> Story:
        person = found.person
        exhibits = [
            self._exhibit(row, person, footage[row.footage], clock, sheet=sheet) for row in found.rows
        ]
        return Story(Chip.of(None if person is None else person.id), _name_of(person), exhibits, found.more)

    def _exhibit(
        self, row: SightingRow, person: PersonRow | None, footage: FootageRow, clock: Clock, *, sheet: bool
    ) -> Exhibit:
        if self._stop.is_set():
            raise OutputError("Stopped; nothing was written.")
        first = None if person is None else person.first
        pictures = [] if sheet else self._pictures(row)
        clip, no_clip = self._clip(row, person, footage)
        because = why(row, first=first)
        new = is_new(row, first=first)
        self._rows.append(
            (
                *(row.id, row.person, None if person is None else person.name, row.camera),
                *(iso(row.start) or row.start, iso(row.end) or row.end, round(row.end - row.start, 3)),
                *(None if row.person is None else round(row.probability, 4), "; ".join(because)),
                *(footage.uri, round(row.start - footage.start, 3)),
                *(" ".join(name for name, _ in pictures), clip),
            )
        )
        return Exhibit(
            id=row.id,
            camera=row.camera,
            when=f"{clock.at(row.start)} to {clock.at(row.end)}",
            lasts=duration(row.end - row.start),
            match="?" if row.person is None else "new" if new else percent(row.probability),
            role="nobody was known then" if new else "not decided" if row.person is None else "match",
            because=because,
            pictures=[data_uri(jpeg) for _, jpeg in pictures],
            clip=clip,
            no_clip=no_clip,
        )

    def _pictures(self, row: SightingRow) -> list[tuple[str, bytes]]:
        """Also as files, as they are kept."""
        found = []
        rows = self._history.portraits(sighting=row.id, most=MOST_PICTURES)
        for number, portrait in enumerate(sorted(rows, key=lambda picture: picture.time), 1):
            name = f"pictures/sighting-{row.id}-{number}.jpg"
            make_folder(self._folder / "pictures")
            write_own(self._folder / name, portrait.jpeg)
            found.append((name, portrait.jpeg))
        return found

    def _clip(
        self, row: SightingRow, person: PersonRow | None, footage: FootageRow
    ) -> tuple[str | None, str]:
        """Its address, and why there is none."""
        if not self._wanted.clips:
            return None, ""
        pieces = pieces_of(self._history, row, footage)
        if not pieces:
            return None, "No video of it is at hand."
        name = f"clips/sighting-{row.id}.mp4"
        make_folder(self._folder / "clips")
        told = self._progress
        try:
            there = write_clip(
                row,
                self._history.trajectory(row.id),
                pieces,
                self._folder / name,
                name=None if person is None else person.name,
                others=others_of(self._history, row, self._people) if self._wanted.blur else None,
                stop=self._stop,
                progress=None if told is None else lambda share: told(name, share),
            )
        except SourceError as error:
            return None, str(error)
        return (name, "") if there else (None, "No video of it is at hand.")


def _name_of(person: PersonRow | None) -> str:
    if person is None:
        return "Not decided"
    return person.name or f"Person {person.id}"


def _title(found: Sequence[_Found]) -> str:
    return ", ".join(_name_of(one.person) for one in found) or "Nobody"


def _asked(wanted: Wanted) -> str:
    """Which sightings, beyond whose they are."""
    parts = [] if wanted.camera is None else [f"on {wanted.camera}"]
    parts += [] if wanted.since is None else [f"since {moment(wanted.since)}"]
    parts += [] if wanted.until is None else [f"until {moment(wanted.until)}"]
    return ", ".join(parts)


def _tiles(
    people: set[int], rows: Sequence[SightingRow], cameras: Sequence[str], clock: Clock
) -> list[tuple[str, str]]:
    return [
        (str(len(people)), "person" if len(people) == 1 else "people"),
        (str(len(rows)), "sighting" if len(rows) == 1 else "sightings"),
        (str(len(cameras)), "camera" if len(cameras) == 1 else "cameras"),
        (duration(sum(row.end - row.start for row in rows)), "in view"),
        (clock.length, "from first to last"),
    ]


def _table(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """With ISO times, and no text that a spreadsheet takes for a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([no_formula(value) for value in row])
    return text.getvalue().encode("utf-8", "backslashreplace")


def _sums(folder: Path) -> bytes:
    """As sha256sum writes and checks them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    return "".join(lines).encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
