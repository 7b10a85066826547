"""Decoders on a real film, whole and broken."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from av.packet import Packet
from clips import write_clip

from app.sources.decoding import Decoder, hardware


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("decoding") / "clip.mp4", frames=50, key_every=10)


def test_damage_is_counted_and_a_decoder_that_only_fails_is_made_anew(clip: Path) -> None:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        decoder = Decoder(stream, patience_s=0.0)
        packets = [packet for packet in container.demux(stream) if packet.size]
        whole = sum(len(decoder.decode(packet)) for packet in packets[:10])
        for _ in range(12):
            assert decoder.decode(Packet(b"\x00\x00\x00\x08\x65broken!")) == []
        assert (whole, decoder.errors, decoder.restarts) == (10, 12, 1)
        assert sum(len(decoder.decode(packet)) for packet in packets[10:20]) == 10
        assert decoder.name == "h264"


def test_hardware_that_is_not_there_is_done_without(clip: Path) -> None:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        decoder = Decoder(stream, device="drm")
        pictures = sum(len(decoder.decode(packet)) for packet in container.demux(stream))
    assert pictures == 50
    assert (decoder.device, decoder.name) == ("", "h264")


def test_which_hardware() -> None:
    assert hardware("software") == ""
    assert hardware("no such thing") == ""
    assert hardware("auto") in ("", "cuda", "vaapi", "qsv")
