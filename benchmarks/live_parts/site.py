"""Many cameras on loopback: RTSP servers, before each a proxy that can break it, and a configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fault_proxy import FaultProxy
from rtsp_server import RtspServer


@dataclass(frozen=True, slots=True)
class Recorder:
    """A server of a few cameras, as a video recorder is one, and the network before it."""

    name: str
    server: RtspServer
    proxy: FaultProxy


@contextmanager
def served(
    films: dict[str, Path], *, recorders: int, seed: int
) -> Iterator[tuple[list[Recorder], dict[str, str]]]:
    """The recorders, and each camera's address; cameras are dealt out to the recorders in turn."""
    names = list(films)
    with ExitStack() as stack:
        made, urls = [], {}
        for number in range(min(recorders, len(names))):
            own = names[number::recorders]
            server = stack.enter_context(RtspServer({name: films[name] for name in own}))
            proxy = stack.enter_context(FaultProxy(server.port, seed=seed + number))
            made.append(Recorder(f"recorder{number + 1}", server, proxy))
            urls |= {name: proxy.url(name) for name in own}
        yield made, {name: urls[name] for name in names}


# People are forgotten after seven minutes, so that an hour shows what months do.
HEAD = """\
database = "history.db"
forget_after_days = 0.005
detector_size = {size}
[recording]
keep_gb = 0.005
segment_s = 20
"""


def write_config(path: Path, urls: dict[str, str], *, detector_size: int = 320, record: bool) -> Path:
    """For `sightline watch`: the cameras, and a history beside the file. record: every fourth camera."""
    cameras = [
        f'[[camera]]\nname = "{name}"\nsource = "{url}"\nrecord = {str(record and not number % 4).lower()}\n'
        for number, (name, url) in enumerate(urls.items())
    ]
    new = path.with_suffix(".new")
    new.write_text("\n".join([HEAD.format(size=detector_size), *cameras]), encoding="utf-8")
    return new.replace(path)
