"""How people go from camera to camera: by hand, and against densities written out person by person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from tracker.cosines import BEFORE
from tracker.refine import second_pass
from tracker.tracklets import Columns, Doubles, Integers, Path, Tracklet
from tracker.transitions import AT_ONCE, BIN, BINS, WIDTH, Transitions, learned, motion_ratio, scaled

WAY_S = 20.0
OVERLAP = np.eye(2, dtype=bool)
GATE, HALL = np.array(0), np.array(1)


def columns(camera: list[int], start: Doubles, end: Doubles) -> Columns:
    count = len(camera)
    nothing = np.zeros(count)
    return Columns(
        ("gate", "hall"),
        np.array(camera, np.int64),
        np.zeros(count, np.int64),
        np.asarray(start, float),
        np.asarray(end, float),
        np.zeros((count, 4), np.float32),
        nothing + 1,
        nothing,
        (None,) * count,
    )


def walks(people: int, *, seed: int = 0) -> tuple[Columns, list[tuple[int, int]], Integers]:
    """Everybody is 5 s at the gate and comes to the hall 20 s later, for 5 s; one each 100 s or so."""
    begin = np.cumsum(np.random.default_rng(seed).exponential(100, people))
    start = np.concatenate([begin, begin + 5 + WAY_S])
    some = columns([0] * people + [1] * people, start, start + 5)
    return some, [(n, people + n) for n in range(people)], np.tile(np.arange(people), 2)


def at(told: Transitions, delay_s: float, first: Integers = GATE, second: Integers = HALL) -> float:
    return float(told.log_ratio(first, second, np.array(delay_s)))


def of_walks(known: int, *, people: int = 50) -> Transitions:
    """By so many of the people; of others nobody knows that whoever comes to the hall was at the gate."""
    some, links, who = walks(people)
    who = np.where((who >= known) & (some.camera == 1), who + people, who)
    return learned(some, links[:known], who, OVERLAP, some.recording)


def test_before_anything_is_known_nothing_is_said_but_of_two_at_once() -> None:
    some, *_ = walks(5)
    closed = Transitions.unknown(some, np.zeros((2, 2), bool))
    assert [at(closed, delay) for delay in (0.0, 3.0, 20.0, 1e6)] == [0.0] * 4
    assert at(closed, -3.0) == pytest.approx(np.log(AT_ONCE))
    told = Transitions.unknown(some, np.ones((2, 2), bool))
    assert [at(told, delay) for delay in (-30.0, -1.0, 20.0)] == [0.0] * 3
    assert closed.seen.sum() == 0


def test_without_hand_overs_nothing_is_learned() -> None:
    some, _, who = walks(5)
    found, before = learned(some, [], who, OVERLAP, some.recording), Transitions.unknown(some, OVERLAP)
    assert np.array_equal(found.ratio, before.ratio)


def bell(around: Doubles) -> Doubles:
    """(bins, N) a Gaussian kernel around each, cut where it is four widths away."""
    far = np.abs(BINS[:, None] - around) > 4 * WIDTH
    return np.where(far, 0.0, norm.pdf(BINS[:, None], around, WIDTH))


def by_chance(some: Columns, who: Integers, camera: int) -> Doubles:
    """On BINS: the density of a person's last visit being on the camera and so long ago, at many moments;
    with one more visit, beside those there are, that is anywhere on the two cameras.
    """
    delays, count = [], 0
    for moment in np.linspace(some.start.min(), some.end.max(), 20_000):
        for person in set(who.tolist()):
            before = [k for k in np.flatnonzero(who == person) if some.start[k] < moment]
            if before:
                last = max(before, key=lambda k: some.start[k])
                count += 1
                if some.camera[last] == camera:
                    delays.append(moment - some.end[last])
    found = np.histogram(scaled(np.array(delays)), bins=np.append(BINS, 99.0) - BIN / 2)[0] / count / BIN
    smooth = (bell(BINS[None]) * found).sum(axis=1) * BIN
    return np.asarray((len(some) * smooth + 1 / (2 * (BINS[-1] - BINS[0]))) / (len(some) + 1))


def test_the_ratio_is_that_of_two_kernel_densities() -> None:
    some, links, who = walks(6)
    found = learned(some, links, who, np.ones((2, 2), bool), some.recording)
    chance = by_chance(some, who, 0)
    own = bell(scaled(np.array([WAY_S])))[:, 0]
    whole = (BEFORE * chance + 6 * own) / (BEFORE + 6)
    inside = (scaled(np.array(1.0)) < BINS) & (scaled(np.array(5000.0)) > BINS)
    inside &= np.abs(np.abs(BINS - scaled(np.array(WAY_S))) - 4 * WIDTH) > 0.1  # where the kernel is cut
    assert found.ratio[0, 1][inside] == pytest.approx(np.log(whole / chance)[inside], abs=0.1)
    assert found.seen[0, 1] == 6


def test_three_hand_overs_tell_something_and_fifty_nearly_all() -> None:
    few, many = of_walks(3), of_walks(50)
    assert at(few, WAY_S) > 1.0
    assert at(many, WAY_S) > at(few, WAY_S) + 0.3
    # Elsewhere as likely as before, but for the share that what is believed beforehand still has.
    for told, number in ((few, 3), (many, 50)):
        least = np.log(BEFORE / (BEFORE + number))
        assert at(told, 2000.0) == pytest.approx(least, abs=0.15)
        assert (told.ratio[0, 1] >= least + np.log(AT_ONCE) - 1e-9).all()
    assert (few.ratio[1, 0][BINS >= 0] == 0).all()  # nobody went back


def test_a_way_is_known_by_thirds_of_its_length() -> None:
    told = of_walks(50)
    assert at(told, WAY_S * 1.2) > 0.5
    assert at(told, WAY_S * 4) < -1.0


def test_cameras_that_see_people_at_once_are_found_out() -> None:
    # Everybody is seen by the hall two seconds after the gate began to see them, and stays there ten.
    begin = np.arange(20) * 100.0
    start = np.concatenate([begin, begin + 2])
    some = columns([0] * 20 + [1] * 20, start, start + 10)
    told = learned(some, [(n, 20 + n) for n in range(20)], np.tile(np.arange(20), 2), OVERLAP, some.recording)
    assert at(told, -8.0) > 1.0
    assert at(told, -8.0, first=HALL, second=GATE) == pytest.approx(np.log(AT_ONCE))


def test_hand_overs_of_two_clocks_tell_nothing() -> None:
    some, links, who = walks(20)
    clock = some.camera
    some = replace(some, recording=clock)
    told = learned(some, [*links, *((n, n + 1) for n in range(19))], who, OVERLAP, clock)
    assert (told.ratio[0, 1] == Transitions.unknown(some, OVERLAP).ratio[0, 1]).all()
    assert told.seen[0, 1] == 0


def test_a_camera_that_loses_people_is_known_by_the_pieces() -> None:
    # 40 pieces at the gate: after 20 the next begins a second later. (20 + 5 / 2) / (40 + 5)
    start = np.repeat(np.arange(20) * 100.0, 2) + np.tile([0.0, 6.0], 20)
    some = columns([0] * 40, start, start + 5)
    some = replace(some, cameras=("gate",))
    links = [(2 * n, 2 * n + 1) for n in range(20)]
    told = learned(some, links, np.repeat(np.arange(20), 2), OVERLAP[:1, :1], some.recording)
    assert told.fragments[0] == pytest.approx(22.5 / 45)
    assert told.seen[0, 0] == 0


def test_going_on_by_hand() -> None:
    # Half of the tracklets go on, after 2 s on average; a tracklet begins every 10 s anywhere. After
    # 1 s, at a place that is 30 times as likely: log(0.5 e^-1 + 0.5 * e^(-1/2) / 2 * 30 * 10).
    some = columns([0, 0], np.array([0.0, 15.0]), np.array([5.0, 20.0]))
    told = Transitions.unknown(replace(some, cameras=("gate",)), OVERLAP[:1, :1])
    assert told.starts.tolist() == [0.1]

    def going_on(delay_s: float, motion: float, ratio: float) -> float:
        return float(told.going_on(0, np.array(delay_s), np.array(motion), np.array(ratio)))

    assert going_on(1.0, 30.0, -1.0) == pytest.approx(np.log(0.5 * np.exp(-1) + 0.5 * np.exp(-0.5) / 2 * 300))
    # While the first is still seen nobody goes on from it, nor much later: then half of the rest is left.
    assert going_on(-1.0, 30.0, -1.0) == pytest.approx(np.log(0.5) - 1.0, abs=1e-6)
    assert going_on(100.0, 30.0, -1.0) == pytest.approx(np.log(0.5) - 1.0, abs=1e-6)


SIZE = (640, 480)


def walked(x: float, *, speed: float = 0.0, height: float = 100.0, y: float = 300.0) -> Path:
    """Two seconds, in steps of half a second, to x."""
    times = np.arange(0.0, 2.01, 0.5)
    feet = np.stack([x + speed * (times - 2.0), np.full(5, y), np.full(5, height)], axis=1)
    return Path(times, feet.astype(np.float32), SIZE)


def begins(x: float, *, height: float = 100.0, y: float = 300.0) -> Path:
    return Path(np.array([2.0]), np.array([[x, y, height]], np.float32), SIZE)


def by_hand(off: float, spread: float, *, taller: float = 0.0) -> float:
    """0.9 of a Gaussian in the plane, of so many pixels, over one place in 640 x 480; and 0.1."""
    near = norm.pdf(off, 0, spread) * norm.pdf(0, 0, spread) * np.exp(-((taller / 0.2) ** 2) / 2)
    return float(0.9 * near * 640 * 480 + 0.1)


@pytest.mark.parametrize(
    ("before", "after", "delay_s", "hand"),
    [
        (walked(100), begins(100), 0.0, by_hand(0, 15)),  # 0.15 of a height of 100
        (walked(100), begins(130), 1.0, by_hand(30, 65)),  # 0.15 and 0.5 a second
        (walked(100), begins(600), 0.0, 0.1),  # anywhere
        (walked(100), begins(100, height=150), 0.0, by_hand(0, 15, taller=np.log(1.5))),
        # At 50 pixels a second, slowing down: 1.5 (1 - e^(-2/3)) = 0.73 s of way after one second.
        (walked(100, speed=50), begins(100 + 36.49), 1.0, by_hand(0, 65)),
        (walked(100, speed=50), begins(100), 1.0, by_hand(36.49, 65)),
        # Nobody is faster than a height a second: a box that jumps is a mistake.
        (walked(100, speed=400), begins(100 + 72.99), 1.0, by_hand(0, 65)),
        # Before the end it is where it was, whatever its speed.
        (walked(100, speed=50), begins(100), -0.2, by_hand(0, 15)),
    ],
)
def test_motion_by_hand(before: Path, after: Path, delay_s: float, hand: float) -> None:
    assert motion_ratio(before, after, delay_s) == pytest.approx(hand, rel=1e-3)


def test_one_step_has_no_speed() -> None:
    assert motion_ratio(begins(100), begins(100), 0.0) == pytest.approx(by_hand(0, 15))


def test_delays_of_one_way_bring_together_whom_looks_leave_open() -> None:
    # 30 people of looks that say little, one each 100 s or so; with times they are told, all at once not.
    rng = np.random.default_rng(2)
    some, _, who = walks(30)
    looks = rng.normal(size=(30, 64))[who] + rng.normal(0, 1.2, (60, 64))
    rows = [
        Tracklet(
            n,
            some.cameras[some.camera[n]],
            some.start[n],
            some.end[n],
            (look / np.linalg.norm(look)).astype(np.float32)[None],
            np.ones(1, np.float32),
            None,
        )
        for n, look in enumerate(looks)
    ]
    timeless = [replace(row, recording=n) for n, row in enumerate(rows)]
    assert right(rows) > right(timeless) + 10


def right(rows: list[Tracklet]) -> int:
    """Of 30 people, those whose two tracklets are together and with nobody else's."""
    clusters = {tuple(sorted(cluster.tracklets)) for cluster in second_pass(rows).clusters}
    return len(clusters & {(n, 30 + n) for n in range(30)})
