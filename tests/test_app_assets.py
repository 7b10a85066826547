"""Names to files: where they are looked for, how they are fetched, and what is said when that fails."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import shutil
import socket
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from rich.progress import Progress

from app.weights import assets, download
from app.weights.download import FetchError, File, Package, Release

BODY = bytes(range(256)) * 4000


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no other folder to look in."""
    monkeypatch.delenv("SIGHTLINE_ASSETS", raising=False)
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "assets"


# --- a real server on this machine -------------------------------------------------------------------


@dataclass
class Web:
    """What the server gives, and what it was asked. breaks: bytes after which the next answers break off."""

    files: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    ranges: bool = True
    tells_length: bool = True
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


class Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, web: Web, *args: object) -> None:
        self.web = web
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.web.asked.append(wanted)
        body = self.web.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.web.ranges else 0
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if self.web.tells_length:
            self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        end = start + self.web.breaks.pop(0) if self.web.breaks else len(body)
        self.wfile.write(body[start:end])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, web)) as server:
        web.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield web
        server.shutdown()
        thread.join()


@pytest.fixture
def fetch(web: Web, tmp_path: Path) -> Callable[..., Path]:
    """Fetches the server's /net.pt into a folder and returns where it should be."""
    web.files["/net.pt"] = BODY

    def one(*, checksum: str = sha(BODY), path: str = "/net.pt", dead: set[str] | None = None) -> Path:
        release = Release((web.url + path,))
        with Progress(disable=True) as progress:
            release.fetch(
                (File("net.pt", len(BODY), (checksum,)),),
                tmp_path,
                dead=set() if dead is None else dead,
                progress=progress,
            )
        return tmp_path / "net.pt"

    return one


def test_a_release_is_downloaded_and_leaves_no_piece_behind(
    fetch: Callable[..., Path], tmp_path: Path
) -> None:
    assert fetch().read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["net.pt"]


def test_a_download_that_breaks_off_goes_on_where_it_was(fetch: Callable[..., Path], web: Web) -> None:
    web.breaks = [1000, 5000]
    assert fetch().read_bytes() == BODY
    assert web.asked == [None, "bytes=1000-", "bytes=6000-"]


def test_running_again_goes_on_where_the_last_run_broke_off(
    fetch: Callable[..., Path], web: Web, tmp_path: Path
) -> None:
    web.breaks = [1000, 0]
    with pytest.raises(FetchError, match=r"broke off at 1,000 of 1,024,000 bytes; run again to go on"):
        fetch()
    assert (tmp_path / "net.pt.part").stat().st_size == 1000
    web.asked.clear()
    assert fetch().read_bytes() == BODY
    assert web.asked == ["bytes=1000-"]


def test_a_server_that_knows_no_ranges_starts_from_the_beginning(
    fetch: Callable[..., Path], web: Web, tmp_path: Path
) -> None:
    (tmp_path / "net.pt.part").write_bytes(BODY[:700])
    web.ranges = False
    assert fetch().read_bytes() == BODY


@pytest.mark.parametrize("tells_length", [True, False])
def test_more_than_a_file_is_large_is_not_taken(
    fetch: Callable[..., Path], web: Web, tmp_path: Path, tells_length: bool
) -> None:
    web.tells_length = tells_length
    assert fetch().read_bytes() == BODY
    (tmp_path / "net.pt").unlink()
    web.files["/net.pt"] = BODY + bytes(3 << 20)
    with pytest.raises(FetchError, match=r"more than the 2,072,576( bytes)? that are taken of it"):
        fetch()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 0


def test_a_package_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("lib/net.pt", bytes(64 << 20))
    monkeypatch.setitem(download._CLIENTS, "PyPI", lambda spec, scratch: tmp_path / "bomb.whl")
    with (
        Progress(disable=True) as progress,
        pytest.raises(FetchError, match="larger than the 1,049,576 bytes"),
    ):
        Package("PyPI", "bomb", ("lib/net.pt",)).fetch(
            (File("net.pt", 1000, (sha(b""),)),), tmp_path, dead=set(), progress=progress
        )
    assert [path.name for path in tmp_path.iterdir()] == ["bomb.whl"]


def test_every_file_that_is_fetched_has_a_checksum_and_a_size() -> None:
    files = [
        file
        for asset in assets.known()
        for variant in asset.variants
        if variant.ways
        for file in variant.files
    ]
    assert files
    assert [file.name for file in files if not file.sha256 or not file.size] == []


@pytest.mark.parametrize("old", [b"another file's beginning", BODY + b"and more", BODY])
def test_a_piece_that_is_not_of_this_file_is_thrown_away(
    fetch: Callable[..., Path], tmp_path: Path, old: bytes
) -> None:
    (tmp_path / "net.pt.part").write_bytes(old)
    assert fetch().read_bytes() == BODY


def test_another_checksum_is_refused_and_nothing_is_kept(fetch: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"net\.pt from there has another checksum"):
        fetch(checksum=sha(b"something else"))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_page_is_said_with_its_number(fetch: Callable[..., Path]) -> None:
    with pytest.raises(FetchError, match="answered 404 Not Found"):
        fetch(path="/gone.pt")


def test_a_dead_host_is_asked_once(tmp_path: Path) -> None:
    release, dead = Release(("http://127.0.0.1:9/net.pt",)), set[str]()
    file = File("net.pt", 1, (sha(b""),))
    with Progress(disable=True) as progress:
        with pytest.raises(FetchError, match="no answer: Connection refused"):
            release.fetch((file,), tmp_path, dead=dead, progress=progress)
        assert dead == {"127.0.0.1:9"}
        with pytest.raises(FetchError, match="no answer from that host a moment ago"):
            release.fetch((file,), tmp_path, dead=dead, progress=progress)


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(download, "_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, Progress(disable=True) as progress:
        release = Release((f"http://127.0.0.1:{silent.getsockname()[1]}/net.pt",))
        with pytest.raises(FetchError, match="nothing came within"):
            release.fetch((File("net.pt", 1),), tmp_path, dead=set(), progress=progress)


# --- looking -----------------------------------------------------------------------------------------


def asset(*files: File, ways: tuple[download.Way, ...] = (), folder: str = "") -> assets.Asset:
    variant = assets.Variant(files=files, ways=ways, folder=folder)
    return assets.Asset(name="net", what="a net", licence="MIT", origin="us", variants=(variant,))


@pytest.fixture
def know(monkeypatch: pytest.MonkeyPatch) -> Callable[[assets.Asset], None]:
    """Makes one asset the only one known."""
    return lambda one: monkeypatch.setattr(assets, "known", lambda: (one,))


def test_every_name_of_the_catalogue_is_whole() -> None:
    names = [name for one in assets.known() for name in (one.name, *one.aliases)]
    assert len(names) == len(set(names))
    for one in assets.known():
        assert one.what
        assert one.licence
        assert one.origin
        for variant, way in one.ways():
            assert all(len(checksum) == 64 for file in variant.files for checksum in file.sha256)
            assert all(file.sha256 and file.size for file in variant.files), "what is fetched is verified"
            assert len(way.urls if isinstance(way, Release) else way.members) == len(variant.files)


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "yolov8n.pt"
    own.write_bytes(b"fine-tuned")
    assert assets.resolve(str(own)) == own
    assert assets.find(str(own)) == own
    assert assets.resolve(str(tmp_path)) == tmp_path, "a folder is a path too"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nets/mine.pt", "There is no file nets/mine.pt; check the path."),
        ("yolov8n.pt", "There is no file yolov8n.pt; the name yolov8n fetches one."),
        ("yolo99", "Nothing is known by the name 'yolo99': give a path, or one of yolov8n, "),
    ],
)
def test_what_leads_nowhere_is_said_in_a_sentence(
    name: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(assets.AssetError) as said:
        assets.resolve(name)
    assert str(said.value).startswith(sentence)


@pytest.mark.parametrize("below", ["", "weights", "data/video"])
def test_folders_given_are_looked_through_two_levels_deep(
    below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know: Callable[[assets.Asset], None]
) -> None:
    know(asset(File("net.xml", 1, (sha(b"x"),)), File("net.bin", 1, (sha(b"b"),))))
    kept = tmp_path / "b" / below
    kept.mkdir(parents=True)
    (kept / "net.xml").write_bytes(b"x")
    monkeypatch.setenv("SIGHTLINE_ASSETS", f"{tmp_path / 'a'}{os.pathsep}{tmp_path / 'b'}")
    assert assets.find("net") is None, "its second file is missing"
    (kept / "net.bin").write_bytes(b"b")
    assert assets.find("net") == kept / "net.xml"


def test_an_asset_can_be_a_folder(cache: Path, know: Callable[[assets.Asset], None]) -> None:
    know(asset(File("SEQ/gt/gt.txt", 1, (sha(b"1,1"),)), folder="SEQ"))
    (cache / "SEQ/gt").mkdir(parents=True)
    (cache / "SEQ/gt/gt.txt").write_bytes(b"1,1")
    assert assets.resolve("net") == cache / "SEQ"


def test_given_folders_come_before_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know: Callable[[assets.Asset], None]
) -> None:
    know(asset(File("net.pt", 1)))
    for folder in (cache, tmp_path / "given"):
        folder.mkdir(parents=True)
        (folder / "net.pt").touch()
    assert assets.resolve("net") == cache / "net.pt"
    monkeypatch.setenv("SIGHTLINE_ASSETS", str(tmp_path / "given"))
    assert assets.resolve("net") == tmp_path / "given" / "net.pt"


def test_a_damaged_copy_is_fetched_anew(cache: Path, web: Web, know: Callable[[assets.Asset], None]) -> None:
    web.files["/net.pt"] = BODY
    know(asset(File("net.pt", 1, (sha(BODY),)), ways=(Release((f"{web.url}/net.pt",)),)))
    cache.mkdir(parents=True)
    (cache / "net.pt").write_bytes(BODY[:-1])
    assert assets.find("net") is None
    assert assets.resolve("net").read_bytes() == BODY


def test_all_ways_failing_names_every_place_and_the_file_to_put_where(
    cache: Path,
    tmp_path: Path,
    web: Web,
    monkeypatch: pytest.MonkeyPatch,
    know: Callable[[assets.Asset], None],
) -> None:
    no_client = Package("npm", "a-net@1", ("net.pt",))
    know(asset(File("net.pt", 1, (sha(BODY),)), ways=(no_client, Release((f"{web.url}/net.pt",)))))
    given = tmp_path / "given"
    given.mkdir()
    (given / "net.pt").write_bytes(b"damaged")
    monkeypatch.setenv("SIGHTLINE_ASSETS", str(given))
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    with pytest.raises(assets.AssetError) as error:
        assets.resolve("net", say=said.append)
    sentence = str(error.value)
    assert "\n" not in sentence
    assert f"looked in {given}, {cache}, " in sentence
    assert f"{given / 'net.pt'} is missing, unreadable or has an unknown checksum" in sentence
    assert f"{web.url}/net.pt: answered 404 Not Found" in sentence
    assert "the npm package a-net@1: npm is not installed" in sentence
    assert sentence.endswith(f"put net.pt into {cache} or into a folder that SIGHTLINE_ASSETS names.")
    assert said == [
        f"Fetching net (0.0 MB) from {web.url}/net.pt",  # official releases first
        "Fetching net (0.0 MB) from the npm package a-net@1",
    ]


def test_what_is_not_trained_yet_says_so() -> None:
    with pytest.raises(assets.AssetError, match=r"once it is trained.*put bnneck-r50\.safetensors or "):
        assets.resolve("bnneck-r50")


def test_where_no_better_network_is_to_be_had_the_one_that_comes_along_embeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offline = [
        replace(one, variants=tuple(replace(variant, ways=()) for variant in one.variants))
        for one in assets.known()
    ]
    monkeypatch.setattr(assets, "known", lambda: offline)
    path, lacking = assets.default_reid()
    assert path.name == f"{assets.BUNDLED}.safetensors"
    assert lacking == f"{assets.BUNDLED}, weaker, since {assets.REID[-1]} is not to be had"


def test_a_better_network_at_hand_embeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bnneck-r50.safetensors").write_bytes(b"weights")
    monkeypatch.setenv("SIGHTLINE_ASSETS", str(tmp_path))
    assert assets.default_reid() == (tmp_path / "bnneck-r50.safetensors", "")


def test_a_cache_that_cannot_be_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, web: Web) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "file"))
    with pytest.raises(
        assets.AssetError, match=r"can't be kept in .*: Not a directory; make room there or set"
    ):
        assets.resolve("yolov8n")
    assert web.asked == []


def test_two_at_once_fetch_it_once(cache: Path, web: Web, know: Callable[[assets.Asset], None]) -> None:
    web.files["/net.pt"] = BODY
    know(asset(File("net.pt", 1, (sha(BODY),)), ways=(Release((f"{web.url}/net.pt",)),)))
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(assets.resolve, ["net"] * 4))
    assert paths == [cache / "net.pt"] * 4
    assert paths[0].read_bytes() == BODY
    assert len(web.asked) == 1


def test_the_listing_says_what_is_here(
    cache: Path, know: Callable[[assets.Asset], None], capsys: pytest.CaptureFixture[str]
) -> None:
    know(asset(File("net.pt", 5_000_000), ways=(Package("PyPI", "a-net==1", ("net.pt",)),)))
    assets.print_assets(as_json=False)
    assert "when needed, fetched from the PyPI package a-net==1" in capsys.readouterr().out
    cache.mkdir(parents=True)
    (cache / "net.pt").touch()
    assets.print_assets(as_json=False)
    text = capsys.readouterr().out
    assert f"here: {cache / 'net.pt'}" in text
    assert "MIT, 5.0 MB, from us" in text
    assets.print_assets(as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["path"], row["licence"]) == ("net", str(cache / "net.pt"), "MIT")


# --- the real things ---------------------------------------------------------------------------------


def test_the_shared_folder_holds_what_the_names_stand_for(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_ASSETS", str(shared))
    assert assets.resolve("yolov8n") == shared / "weights/yolov8n.pt"
    assert assets.resolve("retail-0277") == shared / "weights/person-reidentification-retail-0277.xml"
    assert assets.resolve("resnet50-imagenet") == shared / "weights/resnet50_imagenet_caffe.pth"
    assert assets.resolve("mobilenet-v2-imagenet") == shared / "weights/mobilenet_v2_imagenet.pth"
    assert assets.resolve("pedestrians") == shared / "data/video/vtest.avi"
    assert assets.resolve("pedestrians-truth") == shared / "data/mot/PETS09-S2L1"


@pytest.mark.parametrize(
    ("name", "client"),
    [
        ("yolov8n", "npm"),
        ("mobilenet-v2-imagenet", sys.executable),
        ("pedestrians", "apt-get"),
    ],
)
def test_a_registry_gives_the_real_file(name: str, client: str, cache: Path) -> None:
    """The packages still hold what they held, and the clients are called rightly."""
    if client == "apt-get" and not os.environ.get("CI"):
        pytest.skip("downloads 96 MB: in CI only")
    if shutil.which(client) is None:
        pytest.skip(f"{client} is not installed")
    one = next(one for one in assets.known() if one.name == name)
    variant, way = next(pair for pair in one.ways() if isinstance(pair[1], Package))
    cache.mkdir(parents=True)
    try:
        with Progress(disable=True) as progress:
            way.fetch(variant.files, cache, dead=set(), progress=progress)
    except FetchError as error:
        pytest.skip(f"the registry gives nothing: {error}")
    assert assets.find(name) == cache / variant.files[0].name


def test_a_package_without_the_file_is_said(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    package = tmp_path / "source"
    package.mkdir()
    (package / "package.json").write_text('{"name": "a-net", "version": "1.0.0"}', encoding="utf-8")
    way = Package("npm", str(package), ("model/net.pt",))
    with Progress(disable=True) as progress, pytest.raises(FetchError, match=r"it holds no model/net\.pt"):
        way.fetch((File("net.pt", 1),), tmp_path, dead=set(), progress=progress)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
