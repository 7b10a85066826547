"""What a run is told: which cameras, which networks, where to write. From the command line or a TOML file."""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.config_table import ConfigError as ConfigError
from app.config_table import TableReader, told
from app.moments import UNDATED_S, MomentError, moment_of
from app.regions import REGIONS, Polygon, polygons_of
from app.schedule import MOVING
from app.sources.names import is_file_uri
from app.sources.passwords import PasswordError, fill, holds_secret, read_password, with_login
from app.sources.starts import CREATIONS, Creation
from app.sources.taken import MAX_PIXELS, camera_name, grouped
from tracker.rules import Rule

TRANSPORTS = ("auto", "tcp", "udp", "udp_multicast", "http")
"""How RTSP's pictures may travel; auto: over TCP where the camera can, else over UDP."""

DECODE = ("auto", "software", "cuda", "vaapi", "qsv")
"""What may decode streams."""


MOST_LETTERS = 4096
"""Of a path or an address; no system takes longer paths."""


class HeldError(ConfigError):
    """The database holds these times of these cameras already, and nobody said to replace them."""


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """One camera.

    source: a file's path (or a folder's, or a pattern) or a stream's address. files: where its footage is
    several files, those in order. start: epoch seconds of the first frame by the camera's clock, None to take
    it from the file. clock_offset_s: how far the camera's clock is ahead; subtracted. shown: what to show in
    place of a source that was filled in from the environment, else "". Of files only: fps: frames a second,
    None to go by the files. creation: what a file's creation time is the time of. Of streams only:
    open_timeout_s, read_timeout_s, frozen_after_s, decode, size, transport, poll_s: see LiveSource. record:
    keep its footage. keep_days: for how long is kept what is seen on it, None as long as all else. ignore:
    regions of its picture in which nobody is looked for.
    """

    name: str
    source: str = field(repr=False)
    start: float | None = None
    clock_offset_s: float = 0.0
    shown: str = ""
    open_timeout_s: float = 10.0
    read_timeout_s: float = 5.0
    frozen_after_s: float = 30.0
    decode: str = "auto"
    size: tuple[int, int] | None = None
    record: bool = False
    keep_days: float | None = None
    files: tuple[str, ...] = ()
    fps: float | None = None
    creation: Creation = "auto"
    transport: str = "auto"
    poll_s: float = 1.0
    ignore: tuple[Polygon, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """All that its footage is in."""
        return self.files or (self.source,)


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """Of the footage that is kept. folder: of this history alone. The oldest files go where they are older
    than keep_days or larger than keep_gb in all. segment_s: how long a file is, at least. keep_free_gb: how
    much is to be left free on the disk; below it nothing is recorded. GB are 10^9 bytes.
    """

    folder: Path = Path("recordings")
    keep_days: float = 7.0
    keep_gb: float = 100.0
    segment_s: float = 60.0
    keep_free_gb: float = 1.0


@dataclass(frozen=True, slots=True)
class KeepSettings:
    """For how many days is kept what was seen; None for ever. Portraits are pictures and their vectors."""

    sightings_days: float | None = None
    portraits_days: float | None = None
    pictures_days: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run is told.

    detector, reid: an asset's name or a path. person_class: which of the detector's classes is people, by
    name or number; None for the one called so. detector_size: to how many pixels the longer side of a
    picture is scaled for the detector, a multiple of 32. confidence: below which nobody is seen. device:
    auto, cpu, cuda or cuda:N. live: streams rather than files. replace: record anew what the database
    already holds of these cameras and times; resume: go on after it. overlap: pairs of cameras that see
    the same place, so that one person may be on both at a time. links: what is known of the ways between
    cameras, their overlap included. max_latency_s: of live cameras; where the machine is too slow for it,
    frames are dropped. forget_after_days, forget_at: when people are no longer looked for.
    max_megapixels: of a picture; larger ones are refused. detector_rate: how many frames a second of a
    camera the detector sees at most; None for all there are, also where nothing moves. false_merge_price:
    how many missed merges one false merge is worth.
    """

    cameras: tuple[CameraSettings, ...]
    database: Path = Path("history.db")
    detector: str = "yolov8n"
    person_class: str | int | None = None
    detector_size: int = 640
    detector_rate: float | None = MOVING
    confidence: float = 0.1
    reid: str = "default"
    device: str = "auto"
    live: bool = False
    replace: bool = False
    resume: bool = False
    overlap: frozenset[frozenset[str]] = field(default_factory=frozenset)
    command: str = "sightline"
    max_latency_s: float = 1.0
    recording: RecordingSettings = field(default_factory=RecordingSettings)
    links: tuple[Rule, ...] = ()
    keep: KeepSettings = field(default_factory=KeepSettings)
    forget_after_days: float | None = None
    forget_at: time | None = None
    false_merge_price: float = 1.0
    max_megapixels: float = MAX_PIXELS / 1e6

    @property
    def max_pixels(self) -> float:
        return self.max_megapixels * 1e6


def read_config(path: Path, *, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings a TOML file holds. Relative paths are relative to the file. Raises ConfigError.

    environment: where the values of ${NAME} come from.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"There is no configuration file {path}; check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The configuration {path} can't be read: {error}.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"The configuration {path} is not valid TOML: {error}.") from error
    return settings_of(table, path, environment=environment)


def settings_of(
    table: dict[str, Any], path: Path, *, environment: Mapping[str, str] = os.environ
) -> Settings:
    """The settings that a parsed TOML file at that path holds. Raises ConfigError."""
    return _Reader(path, environment).settings(table)


def cameras_from_sources(
    sources: Sequence[str], *, live: bool, as_one: bool = False
) -> tuple[CameraSettings, ...]:
    """A camera for each file or address, named after the file, or cam1, cam2 ... for streams.

    Pictures of one folder are one film, and files that Sightline recorded of one camera are that camera's.
    as_one: all of them are one camera's.
    """
    if live:
        return tuple(CameraSettings(f"cam{n}", source) for n, source in enumerate(sources, 1))
    cameras: list[CameraSettings] = []
    for files in [list(sources)] if as_one and sources else grouped(sources):
        name = stem = camera_name(files)
        number = 2
        while any(name == camera.name for camera in cameras):
            name, number = f"{stem}-{number}", number + 1
        cameras.append(CameraSettings(name, files[0], files=tuple(files) if len(files) > 1 else ()))
    return tuple(cameras)


def is_live(source: str) -> bool:
    """Whether it is a stream's address or a device, rather than a file."""
    return not is_file_uri(source)


def with_starts(cameras: Sequence[CameraSettings], starts: Sequence[str]) -> tuple[CameraSettings, ...]:
    """The cameras with the start times given on the command line: one for each, in order."""
    if not starts:
        return tuple(cameras)
    if len(starts) != len(cameras):
        raise ConfigError(
            f"--start was given {len(starts)} times for {len(cameras)} files; give it once for each."
        )
    return tuple(replace(c, start=read_time(s)) for c, s in zip(cameras, starts, strict=True))


def read_class(person: str | int) -> str | int:
    """A class of a detector by name, or by its number. Raises ConfigError."""
    if isinstance(person, int) or (person.isascii() and person.isdecimal() and len(person) < 10):
        return int(person)
    if not person.strip():
        raise ConfigError("person_class is empty; the name or number of a class of the detector is expected.")
    return person


EVERY_FRAME = "every-frame"
RATES = f'frames a second, such as 5, or "{EVERY_FRAME}"'


def read_price(said: float) -> float:
    """How many missed merges a false one is worth, as the command line has it. Raises ConfigError."""
    if not 0 < said < math.inf:
        raise ConfigError(f"--false-merge-price is {said:g}; a number above 0 is expected.")
    return said


def read_rate(text: str) -> float | None:
    """How many frames a second the detector sees at most, None for all there are. Raises ConfigError."""
    if text == EVERY_FRAME:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 1000:
        raise ConfigError(f"detector rate: expected {RATES}, but found {told(text)}.")
    return rate


def read_time(text: str) -> float:
    """Epoch seconds of an ISO 8601 time (local where it names no zone) or of a number. Raises ConfigError."""
    try:
        return moment_of(text)
    except MomentError as error:
        raise ConfigError(f"{error}.") from None


class _Reader(TableReader):
    """Checks a parsed TOML table, key by key."""

    STREAM = frozenset({"open_timeout_s", "read_timeout_s", "frozen_after_s", "decode", "size", "record"}) | {
        "transport",
        "poll_s",
    }
    FILE = frozenset({"start", "fps", "creation_time"})
    BOTH = frozenset({"name", "source", "username", "password_file", "clock_offset_s", "keep_days", "ignore"})
    CAMERA = STREAM | FILE | BOTH
    TOP = frozenset(
        {"camera", "database", "detector", "reid", "device", "overlap", "max_latency_s", "recording"}
        | {"detector_size", "link", "forget_after_days", "forget_at", "max_megapixels", "person_class"}
        | {"detector_rate", "keep", "confidence", "false_merge_price"}
    )
    KEEP = frozenset({"sightings_days", "portraits_days", "pictures_days"})
    LINK = frozenset({"from", "to", "after_s", "never", "overlap"})
    RECORDING = frozenset({"folder", "keep_days", "keep_gb", "segment_s", "keep_free_gb"})

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        super().__init__(path)
        self.environment = environment

    def settings(self, table: dict[str, Any]) -> Settings:
        self._known(table, self.TOP, "at the top")
        rows = self._want(table, "camera", list, "at the top", [])
        if not rows:
            self._fail("camera", "at the top", "at least one [[camera]] table")
        cameras = tuple(self._camera(row, n) for n, row in enumerate(rows, 1))
        names = [camera.name for camera in cameras]
        for name in names:
            if names.count(name) > 1:
                self._fail(
                    "name",
                    "in [[camera]]",
                    f"a different name for each camera, but {told(name)} is there twice",
                )
        plain: dict[str, Any] = {
            key: self._want(table, key, str, "at the top", None)
            for key in ("detector", "reid", "device")
            if key in table
        }
        database = self._want(table, "database", str, "at the top", None)
        if database is not None:
            plain["database"] = self.path.parent / database
        if "max_latency_s" in table:
            plain["max_latency_s"] = self._seconds(table, "max_latency_s", "at the top", 1.0)
        if "forget_after_days" in table:
            plain["forget_after_days"] = self._amount(table, "forget_after_days", "at the top", 1.0)
        if "false_merge_price" in table:
            plain["false_merge_price"] = self._amount(table, "false_merge_price", "at the top", 1.0)
        if "forget_at" in table:
            plain["forget_at"] = self._time_of_day(table, "forget_at", "at the top")
        if "person_class" in table:
            plain["person_class"] = read_class(
                self._want(table, "person_class", (str, int), "at the top", "")
            )
        if "max_megapixels" in table:
            plain["max_megapixels"] = self._amount(table, "max_megapixels", "at the top", 40.0)
        if "detector_rate" in table:
            plain["detector_rate"] = self._detector_rate(table)
        if "confidence" in table:
            plain["confidence"] = self._confidence(table)
        if "detector_size" in table:
            plain["detector_size"] = self._detector_size(table)
        plain["keep"] = self._kept(self._want(table, "keep", dict, "at the top", {}))
        plain["recording"] = self._recording(self._want(table, "recording", dict, "at the top", {}))
        links = self._links(self._want(table, "link", list, "at the top", []), names)
        overlap = self._overlap(table, names)
        for rule in links:
            if rule.overlap is False and frozenset((rule.first, rule.second)) in overlap:
                self._fail(
                    "overlap", "at the top", f"no {rule.first} and {rule.second}, as a [[link]] has it"
                )
        overlap |= {frozenset((rule.first, rule.second)) for rule in links if rule.overlap}
        return Settings(cameras, live=self._live(cameras), overlap=overlap, links=links, **plain)

    def _links(self, rows: list[Any], names: Sequence[str]) -> tuple[Rule, ...]:
        rules: list[Rule] = []
        for number, row in enumerate(rows, 1):
            rule = self._link(row, f"in link {number}", names)
            there = [known for known in rules if {known.first, known.second} == {rule.first, rule.second}]
            if any(known.first == rule.first for known in there):
                self._fail(
                    "to", f"in link {number}", "one [[link]] for each way, but this one is there twice"
                )
            if any({known.overlap, rule.overlap} == {True, False} for known in there):
                self._fail("overlap", f"in link {number}", "the same as in the [[link]] of the way back")
            rules.append(rule)
        return tuple(rules)

    def _link(self, row: Any, where: str, names: Sequence[str]) -> Rule:
        if not isinstance(row, dict):
            self._fail("link", where, "a [[link]] table")
        self._known(row, self.LINK, where)
        first, second = (self._end(row, key, where, names) for key in ("from", "to"))
        if first == second:
            self._fail("to", where, f"another camera than {first!r}")
        overlap = self._flag(row, "overlap", where) if "overlap" in row else None
        rule = Rule(first, second, self._after(row, where), self._flag(row, "never", where), overlap)
        if rule.after_s is None and not rule.never and rule.overlap is None:
            self._fail("after_s", where, "this key, never = true, or overlap = true or false")
        if rule.never and (rule.after_s is not None or rule.overlap):
            self._fail("never", where, "this key without after_s and overlap = true, which contradict it")
        if rule.overlap and rule.after_s is not None:
            self._fail("after_s", where, "no such key beside overlap = true: nobody has to leave first")
        return rule

    def _end(self, row: dict[str, Any], key: str, where: str, names: Sequence[str]) -> str:
        name: str = self._want(row, key, str, where, "")
        if name not in names:
            found = f", but found {told(name)}" if name else ""
            self._fail(key, where, f"a camera's name, one of {', '.join(names)}{found}")
        return name

    def _after(self, row: dict[str, Any], where: str) -> tuple[float, float] | None:
        """At the lowest 0, at the highest endless (inf)."""
        after = self._want(row, "after_s", list, where, None)
        if after is None:
            return None
        numbers = all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in after)
        if not (len(after) == 2 and numbers and 0 <= after[0] <= after[1]):
            self._fail(
                "after_s", where, f"the lowest and the highest, such as [5, 60.0], but found {told(after)}"
            )
        return float(after[0]), float(after[1])

    def _detector_rate(self, table: dict[str, Any]) -> float | None:
        rate = table["detector_rate"]
        if isinstance(rate, bool) or not isinstance(rate, (int, float, str)):
            self._fail("detector_rate", "at the top", f"{RATES}, but found {told(rate)}")
        try:
            return read_rate(str(rate))
        except ConfigError:
            self._fail("detector_rate", "at the top", f"{RATES}, but found {told(rate)}")

    def _detector_size(self, table: dict[str, Any]) -> int:
        size = table["detector_size"]
        if type(size) is not int or not 32 <= size <= 4096 or size % 32:
            self._fail(
                "detector_size", "at the top", f"a multiple of 32, such as 640, but found {told(size)}"
            )
        return size

    def _confidence(self, table: dict[str, Any]) -> float:
        confidence = self._amount(table, "confidence", "at the top", 0.1)
        if not 0.01 <= confidence < 1.0:
            self._fail("confidence", "at the top", f"a number from 0.01 to below 1, but found {confidence:g}")
        return confidence

    def _ignore(self, row: dict[str, Any], where: str) -> tuple[Polygon, ...]:
        regions = polygons_of(self._want(row, "ignore", list, where, []))
        if regions is None:
            self._fail("ignore", where, REGIONS)
        return regions

    def _recording(self, table: dict[str, Any]) -> RecordingSettings:
        where, default = "in [recording]", RecordingSettings()
        self._known(table, self.RECORDING, where)
        return RecordingSettings(
            self.path.parent / self._want(table, "folder", str, where, str(default.folder)),
            self._amount(table, "keep_days", where, default.keep_days),
            self._amount(table, "keep_gb", where, default.keep_gb),
            self._seconds(table, "segment_s", where, default.segment_s, least=1.0),
            self._amount(table, "keep_free_gb", where, default.keep_free_gb),
        )

    def _kept(self, table: dict[str, Any]) -> KeepSettings:
        self._known(table, self.KEEP, "in [keep]")
        days = {key: self._amount(table, key, "in [keep]", 1.0) for key in table}
        return KeepSettings(**days)

    def _recordable(self, address: str, where: str) -> bool:
        if not is_live(address):
            self._fail("record", where, "a live stream to be recorded; a file is there already")
        return True

    def _live(self, cameras: Sequence[CameraSettings]) -> bool:
        """Whether these are streams rather than files."""
        kinds = [is_live(camera.source) for camera in cameras]
        if any(kinds) and not all(kinds):
            where = f"in camera {kinds.index(False) + 1}"
            self._fail("source", where, "a live stream like the others, or all of them to be files")
        return all(kinds)

    def _camera(self, row: Any, number: int) -> CameraSettings:
        where = f"in camera {number}"
        if not isinstance(row, dict):
            self._fail("camera", where, "a [[camera]] table")
        self._known(row, self.CAMERA, where)
        sources = self._sources(row, where)
        addresses = [self._address(source, where) for source in sources]
        if len(addresses) > 1 and any(is_live(address) for address in addresses):
            self._fail("source", where, "one stream's address; a list is for files of one camera")
        address, source = addresses[0], sources[0]
        named = f"cam{number}" if is_live(address) else camera_name(addresses)
        return CameraSettings(
            self._name(row, where, named),
            self._with_password(row, address, where),
            self._start(row, where),
            self._offset(row, where),
            shown=source if "${" in source else "",
            open_timeout_s=self._seconds(row, "open_timeout_s", where, 10.0),
            read_timeout_s=self._seconds(row, "read_timeout_s", where, 5.0),
            frozen_after_s=self._seconds(row, "frozen_after_s", where, 30.0, least=0.0),
            decode=self._decode(row, where),
            size=self._size(row, where),
            record=self._flag(row, "record", where) and self._recordable(address, where),
            keep_days=self._amount(row, "keep_days", where, 1.0) if "keep_days" in row else None,
            files=tuple(addresses) if len(addresses) > 1 else (),
            fps=self._fps(row, where),
            creation=self._creation(row, where),
            transport=self._transport(row, where),
            poll_s=self._seconds(row, "poll_s", where, 1.0, least=0.05),
            ignore=self._ignore(row, where),
        )

    def _sources(self, row: dict[str, Any], where: str) -> list[str]:
        given = row.get("source")
        sources = given if isinstance(given, list) else [given]
        if not sources or not all(isinstance(one, str) and one and "\0" not in one for one in sources):
            self._fail("source", where, "a file's path, a stream's address, or a list of one camera's files")
        if max(map(len, sources)) > MOST_LETTERS:
            self._fail("source", where, f"up to {MOST_LETTERS} letters, but found {max(map(len, sources))}")
        return [str(one) for one in sources]

    def _address(self, source: str, where: str) -> str:
        if holds_secret(source):
            self._expect_private(where)
        address = self._filled(source, "source", where)
        if "://" not in address and not Path(address).is_absolute():
            address = str(self.path.parent / address)
        return address

    def _name(self, row: dict[str, Any], where: str, named: str) -> str:
        name: str = self._want(row, "name", str, where, named)
        folders = [part.strip(" .") for part in re.split(r"[/\\]", name)]
        if not all(folders) or not name.isprintable() or len(quote(name, safe=" ")) > 200:
            self._fail(
                "name", where, f"a name of one line, and none of a folder above, but found {told(name)}"
            )
        return name

    def _offset(self, row: dict[str, Any], where: str) -> float:
        offset_s = float(self._want(row, "clock_offset_s", (int, float), where, 0.0))
        if not abs(offset_s) <= UNDATED_S:
            self._fail("clock_offset_s", where, f"seconds, up to a year, but found {offset_s:g}")
        return offset_s

    def _fps(self, row: dict[str, Any], where: str) -> float | None:
        if "fps" not in row:
            return None
        fps = self._amount(row, "fps", where, 25.0)
        if fps > 1000.0:
            self._fail("fps", where, f"frames a second, up to 1000, but found {fps:g}")
        return fps

    def _creation(self, row: dict[str, Any], where: str) -> Creation:
        meant = self._want(row, "creation_time", str, where, "auto")
        creation = next((one for one in CREATIONS if one == meant), None)
        if creation is None:
            self._fail("creation_time", where, f"one of {', '.join(CREATIONS)}, but found {told(meant)}")
        return creation

    def _transport(self, row: dict[str, Any], where: str) -> str:
        transport: str = self._want(row, "transport", str, where, "auto")
        if transport not in TRANSPORTS:
            self._fail("transport", where, f"one of {', '.join(TRANSPORTS)}, but found {told(transport)}")
        return transport

    def _decode(self, row: dict[str, Any], where: str) -> str:
        decode: str = self._want(row, "decode", str, where, "auto")
        if decode not in DECODE:
            self._fail("decode", where, f"one of {', '.join(DECODE)}, but found {told(decode)}")
        return decode

    def _size(self, row: dict[str, Any], where: str) -> tuple[int, int] | None:
        size = self._want(row, "size", list, where, None)
        if size is None:
            return None
        if not (len(size) == 2 and all(type(side) is int and side > 0 for side in size)):
            self._fail("size", where, "a width and a height, such as [1920, 1080]")
        return size[0], size[1]

    def _with_password(self, row: dict[str, Any], address: str, where: str) -> str:
        """The address with the user and the password that stand beside it, if any."""
        name = self._want(row, "password_file", str, where, None)
        username = self._filled(self._want(row, "username", str, where, ""), "username", where)
        if name is None:
            if username:
                self._fail("username", where, "a password_file beside it, or the user's name in the address")
            return address
        try:
            password = read_password(self.path.parent / fill(name, self.environment))
            return with_login(address, username=username, password=password)
        except PasswordError as error:
            raise self._error("password_file", where, str(error)) from None

    def _expect_private(self, where: str) -> None:
        """Where the file is, if it is written already, no other user may read what it holds."""
        with suppress(FileNotFoundError):
            if self.path.stat().st_mode & 0o007:
                expected = "no password written out in a file that every user of the machine may read; run: "
                name = "or name it as ${NAME} or by a password_file"
                self._fail("source", where, f"{expected}chmod 600 {self.path}, {name}")

    def _filled(self, text: str, key: str, where: str) -> str:
        try:
            return fill(text, self.environment)
        except PasswordError as error:
            raise self._error(key, where, str(error)) from None

    def _start(self, row: dict[str, Any], where: str) -> float | None:
        start = row.get("start")
        if start is None:
            return None
        if isinstance(start, bool) or not isinstance(start, (datetime, int, float)):
            self._fail("start", where, "a time such as 2026-11-22T09:30:00Z or epoch seconds")
        try:
            return moment_of(str(start))
        except MomentError as error:
            self._fail("start", where, f"a time of this footage: {error}")

    def _overlap(self, table: dict[str, Any], names: Sequence[str]) -> frozenset[frozenset[str]]:
        pairs = self._want(table, "overlap", list, "at the top", [])
        for pair in pairs:
            if not (isinstance(pair, list) and len(pair) == 2 and all(name in names for name in pair)):
                self._fail("overlap", "at the top", 'pairs of camera names, such as [["hall", "stairs"]]')
        return frozenset(frozenset(pair) for pair in pairs)
