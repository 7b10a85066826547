"""A TCP proxy between a camera and its reader that does to the stream what bad networks and cameras do.

    with FaultProxy(server.port) as proxy:
        LiveSource(camera="left", uri=proxy.url("left"))
        proxy.silent = True

It knows RTSP's interleaved frames (RFC 2326, section 10.12), so that it can damage pictures and not the
framing, and set the clock of the camera's sender reports (RFC 3550, section 6.4.1).
"""

from __future__ import annotations

import asyncio
import random
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

_RTP, _RTCP = 0, 1
_SENDER_REPORT = 200


class FaultProxy:
    """From a port of its own to `port`, both on loopback. What may be set at any moment:

    silent: it takes everything and passes nothing on (packets fall into a black hole). refusing: new clients
    are hung up on. damage: the share of picture packets in which bytes are changed. clock_s: added to the
    camera's clock. jitter_s: by up to how much a piece is held up; loss: the share of pieces that are held up
    by retransmit_s more, which is what TCP makes of a lost packet. bytes_per_s: how much goes through.
    """

    def __init__(self, port: int, *, seed: int = 1) -> None:
        self.target = port
        self.port = 0
        self.silent = self.refusing = False
        self.damage = self.clock_s = self.jitter_s = self.loss = 0.0
        self.retransmit_s = 0.2
        self.bytes_per_s = 0.0
        self._random = random.Random(seed)
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="fault proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def url(self, name: str, *, login: str = "") -> str:
        return f"rtsp://{login}{'@' if login else ''}127.0.0.1:{self.port}/{name}"

    def cut(self) -> None:
        """Hangs up on everybody, without a word."""
        self._loop.call_soon_threadsafe(self._hang_up)

    def _hang_up(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._ended = asyncio.Event()
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._ended.wait()
        server.close()
        self._hang_up()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, up_writer}
        self._open |= both
        ways = [
            asyncio.create_task(self._requests(reader, up_writer)),
            asyncio.create_task(self._pictures(up_reader, writer)),
        ]
        with suppress(asyncio.CancelledError):  # the proxy ends
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in both:
            end.transport.abort()
        self._open -= both

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if not self.silent:
                    writer.write(data)
                    await writer.drain()

    async def _pictures(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces = _Pieces()
        with suppress(OSError):
            while data := await reader.read(65536):
                for piece in pieces.of(data):
                    await self._hold_up(len(piece))
                    if not self.silent:
                        writer.write(self._altered(piece))
                        await writer.drain()

    async def _hold_up(self, size: int) -> None:
        wait_s = self.jitter_s * self._random.random()
        if self._random.random() < self.loss:
            wait_s += self.retransmit_s
        if self.bytes_per_s:
            wait_s += size / self.bytes_per_s
        if wait_s:
            await asyncio.sleep(wait_s)

    def _altered(self, piece: bytearray) -> bytes:
        if piece[0] != ord("$"):
            return bytes(piece)
        if piece[1] == _RTP and self._random.random() < self.damage:
            for _ in range(8):  # behind the headers of RTP and of the slice
                piece[self._random.randrange(min(30, len(piece) - 1), len(piece))] ^= 0xFF
        if piece[1] == _RTCP and piece[5] == _SENDER_REPORT and self.clock_s:
            (ntp,) = struct.unpack_from("!Q", piece, 12)
            struct.pack_into("!Q", piece, 12, ntp + round(self.clock_s * 2**32))
        return bytes(piece)


class _Pieces:
    """Bytes of RTSP -> whole interleaved frames, and whatever is between them."""

    def __init__(self) -> None:
        self._held = bytearray()

    def of(self, data: bytes) -> Iterator[bytearray]:
        self._held += data
        while self._held:
            size = self._size()
            if not size or size > len(self._held):
                return
            yield self._held[:size]
            del self._held[:size]

    def _size(self) -> int:
        """Of the first piece; 0 where that is not known yet."""
        if self._held[0] == ord("$"):
            return 4 + struct.unpack_from("!H", self._held, 2)[0] if len(self._held) >= 4 else 0
        next_frame = self._held.find(b"$")
        return next_frame if next_frame > 0 else len(self._held)
