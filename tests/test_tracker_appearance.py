"""How likely looks are one person's: against the Gaussian it stands for, written out by scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from tracker.appearance import ALIKE, SPREAD, Appearance, bounded, camera_means
from tracker.ground import Ground
from tracker.groups import Group, Looks, group_of, merging
from tracker.model import Model
from tracker.tracklets import Columns, Doubles, Integers
from tracker.transitions import BINS, Transitions

GIVEN = Appearance(between=0.3, view=0.4, look=0.2, visit=0.12, picture=0.25, sharpness=6.0)


def columns(looks: Doubles, camera: list[int], pictures: Doubles | None = None) -> Columns:
    count = len(looks)
    worth = np.ones(count) if pictures is None else pictures
    return Columns(
        cameras=tuple("abcdefgh"[: max(camera) + 1]),
        camera=np.array(camera),
        recording=np.zeros(count, np.int64),
        start=np.arange(count, dtype=float) * 10,
        end=np.arange(count, dtype=float) * 10 + 5,
        looks=looks.astype(np.float32),
        pictures=worth,
        spread=np.full(count, np.nan),
        paths=(None,) * count,
    )


def log_density(some: Columns, people: list[int], shown: list[int], appearance: Appearance) -> float:
    """Of all looks, where each number of a vector is a Gaussian of the four levels, independent of others.

    shown: which look of its person in its camera each visit shows. Variances are of whole vectors; of D
    numbers, ``sharpness`` count, each with the whole's variance.
    """
    who, where, look, worth = np.array(people), some.camera, np.array(shown), some.pictures
    one = who[:, None] == who[None]
    here = one & (where[:, None] == where[None])
    covariance = appearance.between * one + appearance.view * here
    covariance = covariance + appearance.look * (here & (look[:, None] == look[None]))
    covariance += np.diag(appearance.visit + appearance.picture / worth)
    nothing = np.zeros(len(who))
    told = [multivariate_normal.logpdf(row, nothing, covariance) for row in some.looks.T.astype(float)]
    return float(sum(told))


def grouped(model: Model, some: Columns, rows: list[int], shown: list[int]) -> Group:
    """Those tracklets as one person, and of those in one camera those that show one look."""
    weight = model.appearance.precision(some.pictures)
    sums = weight[:, None] * (some.looks - model.means[some.camera])
    looks = sorted({(int(some.camera[row]), shown[row]) for row in rows})
    of = [[row for row in rows if (some.camera[row], shown[row]) == look] for look in looks]
    return group_of(
        model.appearance,
        rows,
        Looks(
            np.array([camera for camera, _ in looks]),
            np.array([weight[some].sum() for some in of]),
            np.array([sums[some].sum(axis=0) for some in of], np.float32),
            np.zeros(len(looks), bool),
            tuple(map(tuple, of)),
        ),
    )


def log_likelihood(some: Columns, people: list[int], shown: list[int], appearance: Appearance) -> float:
    """The same by the model, but for what does not depend on who is who."""
    model = model_of(some, appearance)
    codes = np.array(people)
    groups = [grouped(model, some, np.flatnonzero(codes == code).tolist(), shown) for code in set(people)]
    return sum(group.likelihood for group in groups)


def model_of(some: Columns, appearance: Appearance, means: Doubles | None = None) -> Model:
    count, dimension = len(some.cameras), some.looks.shape[1]
    ways = Transitions(
        *np.zeros((2, count, count, len(BINS))), np.full(count, 0.5), np.ones(count), np.zeros((count,) * 2)
    )
    zero = np.zeros((count + 1, dimension)) if means is None else means
    return Model(some.cameras, appearance, zero.astype(np.float32), ways, Ground({}, {}), 10.0)


def test_the_log_likelihood_is_that_of_the_gaussian() -> None:
    # As many numbers as count: then sharpness * (squares, logs of variances) is the sum over the numbers.
    rng = np.random.default_rng(0)
    numbers = 6
    some = columns(rng.normal(size=(7, numbers)), [0, 0, 1, 1, 2, 0, 2], np.array([1, 2, 3.5, 1, 8, 1, 2]))
    # Squares are of whole vectors and weigh sharpness / 1 each: scaled so that both say the same.
    scaled = columns(some.looks / np.sqrt(numbers), some.camera.tolist(), some.pictures)
    partitions = [
        [0] * 7,
        [0, 1, 0, 1, 0, 1, 2],
        [0, 0, 1, 1, 2, 0, 2],
        list(range(7)),
        [0, 1, 1, 1, 1, 0, 0],
    ]
    each, all_one, some_one = list(range(7)), [0] * 7, [0, 0, 1, 0, 0, 2, 0]
    ways = [(people, shown) for people in partitions for shown in (each, all_one, some_one)]
    gaussian = np.array([log_density(some, *way, GIVEN) for way in ways])
    found = np.array([log_likelihood(scaled, *way, GIVEN) for way in ways])
    assert found - found[0] == pytest.approx(gaussian - gaussian[0], abs=1e-4)
    assert np.ptp(gaussian) > 3


def test_what_is_gained_by_taking_two_looks_as_one_is_what_it_makes_of_the_likelihood() -> None:
    rng = np.random.default_rng(2)
    some = columns(rng.normal(size=(8, 6)), [0, 0, 0, 1, 1, 0, 1, 2])
    model, apart = model_of(some, GIVEN), list(range(8))
    whole = grouped(model, some, apart, apart)
    pairs = [(0, 1), (0, 5), (3, 4), (1, 2)]
    place = {rows[0]: at for at, rows in enumerate(whole.looks.rows)}
    one, other = (np.array([place[pair[side]] for pair in pairs]) for side in (0, 1))
    told = merging(GIVEN, whole, one, other)
    for (first, second), gain in zip(pairs, told, strict=True):
        shown = [first if row == second else row for row in apart]
        assert gain == pytest.approx(
            grouped(model, some, apart, shown).likelihood - whole.likelihood, abs=1e-4
        )
    assert min(told) < 0


def test_looks_alone_are_believed_in_proportion_where_strangers_look_alike() -> None:
    ratio = np.array([-20.0, -3.0, 0.0, 3.0, 10.0, 20.0, 40.0])
    told = bounded(ratio)
    assert told[:3] == pytest.approx(ratio[:3], abs=0.01)
    assert told[3] == pytest.approx(3.0, abs=0.05)
    # One pair of strangers in 1 / ALIKE, and of those one in ten has ten times the evidence.
    assert told[4:] == pytest.approx(np.log((1 + ratio[4:]) / ALIKE), abs=0.2)
    assert (np.diff(told) > 0).all()


def test_what_cameras_have_in_common_says_nothing() -> None:
    rng = np.random.default_rng(1)
    some, means = columns(rng.normal(size=(4, 6)), [0, 0, 1, 1]), rng.normal(size=(3, 6))
    shifted = columns(some.looks + means[some.camera], some.camera.tolist())
    plain, centred = model_of(some, GIVEN), model_of(some, GIVEN, means)
    told = (grouped(model, of, [0, 2, 3], [0] * 4) for model, of in ((centred, shifted), (plain, some)))
    first, second = (group.likelihood for group in told)
    assert first == pytest.approx(second, abs=1e-3)


def planted(
    people: int, visits: int, *, dimension: int = 128, seed: int = 0, cameras: int = 3, added: float = 0.2
) -> tuple[Columns, Integers, Doubles]:
    """Everybody on each camera ``visits`` times; means of the cameras, about as long as vectors are."""
    rng = np.random.default_rng(seed)

    def drawn(variance: float, *shape: int) -> Doubles:
        return np.asarray(rng.normal(size=(*shape, dimension)) * np.sqrt(variance / dimension))

    truth, who = drawn(0.1, 1) + drawn(added, cameras), drawn(0.4, people)
    looks, camera, person = [], [], []
    for number in range(people):
        for place in range(cameras):
            view = drawn(0.1)
            for _ in range(visits):
                looks.append(truth[place] + who[number] + view + drawn(0.1))
                camera.append(place)
                person.append(number)
    return columns(np.array(looks), camera), np.array(person), truth


def test_what_cameras_have_in_common_is_found_with_many_people() -> None:
    some, person, truth = planted(200, 1)
    found = camera_means(some, Appearance(), person)
    left = ((found - truth) ** 2).sum(axis=1)
    # Of cameras' differences of 0.2 hardly anything is left; nothing that all have in common is, but
    # a 200th of what people are.
    assert left.max() < 0.02
    between = (found - found.mean(axis=0)) - (truth - truth.mean(axis=0))
    assert (between**2).sum(axis=1).max() < 0.01


def test_with_people_known_cameras_of_different_people_are_told_apart_from_them() -> None:
    # The last camera sees other people than the first two: their looks are theirs, not the camera's.
    some, person, truth = planted(60, 3)
    kept = np.flatnonzero((some.camera < 2) == (person < 40))
    part = columns(some.looks[kept].astype(float), some.camera[kept].tolist())
    told = camera_means(part, Appearance(), person[kept])
    between = (told[0] - told[1]) - (truth[0] - truth[1])
    assert (between**2).sum() < 0.02


def test_of_few_visits_hardly_anything_is_believed() -> None:
    some, person, _ = planted(2, 1, cameras=2)
    found = camera_means(some, Appearance(), person)
    looked = np.stack([some.looks[some.camera == place].mean(axis=0) for place in range(2)])
    # Two visits to each: of how they differ no more than 2 / (2 + 20) is taken for the cameras'.
    believed, whole = (float(np.linalg.norm(means[0] - means[1])) for means in (found, looked))
    assert 0 < believed <= whole * 2 / 22 + 1e-6


@pytest.mark.parametrize("light", [0.5, 2.0])
def test_what_is_mostly_of_the_camera_is_found_with_few_people(light: float) -> None:
    """How much cameras add is told by all of them together: three of each suffice where it is much."""
    some, person, truth = planted(3, 1, cameras=4, added=light)
    found = camera_means(some, Appearance(), person)
    left = (found - found.mean(axis=0)) - (truth - truth.mean(axis=0))
    # A third of what three people and their views differ by (0.4 + 0.1 + 0.1) is in each of the means.
    assert (left**2).sum(axis=1).mean() < 0.25 < light


def test_one_person_alone_is_not_taken_for_what_all_have_in_common() -> None:
    # Six visits of one person: of a vector a share is all people's, not all of it.
    some, person, _ = planted(1, 2)
    found = camera_means(some, Appearance(), person)
    whole = float(np.linalg.norm(some.looks.mean(axis=0)))
    assert whole > 0.6
    assert float(np.linalg.norm(found.mean(axis=0))) == pytest.approx(np.sqrt(Appearance().common), abs=0.02)


USUAL = GIVEN.common / (1.0 - GIVEN.picture)
SHARP = ((1.0 - USUAL) / SPREAD) ** 2
"""As is believed beforehand: how alike strangers are, less pictures' share, and how many of a vector's
numbers are independent.
"""


def strangers(
    common: float = USUAL, *, numbers: float = SHARP, people: int = 400, light: float = 0.0
) -> tuple[Columns, np.ndarray]:
    """Means of many pictures of different people, of unit length less pictures' share: each of four cameras
    sees all of its own at once.

    common: what share of their vectors is everybody's; light: how long what cameras add is.
    """
    rng = np.random.default_rng(0)

    def units(many: int) -> Doubles:
        drawn = rng.normal(size=(many, round(numbers)))
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))

    camera = np.arange(people) % 4
    looks = np.sqrt(common) * units(1) + np.sqrt(1 - common) * units(people)
    looks += light * units(4)[camera]
    looks *= np.sqrt(1 - GIVEN.picture) / np.linalg.norm(looks, axis=1, keepdims=True)
    never = (camera[:, None] == camera[None]) & ~np.eye(people, dtype=bool)
    return columns(looks, camera.tolist()), never


def test_nothing_seen_leaves_what_is_believed_beforehand() -> None:
    some, never = strangers(0.5)
    assert GIVEN.adapted(some, np.zeros_like(never)) == GIVEN


def test_strangers_as_alike_as_usual_change_nothing() -> None:
    found = GIVEN.adapted(*strangers())
    assert found.between == pytest.approx(GIVEN.between, rel=0.03)
    assert found.sharpness == pytest.approx(GIVEN.sharpness, rel=0.1)


def test_alike_strangers_leave_people_less_to_differ_in() -> None:
    # 400 known strangers against the 5 of the beginning: a common share of (5 * USUAL + 400 * 0.5) / 405.
    found = GIVEN.adapted(*strangers(0.5))
    scale = (1 - (5 * USUAL + 400 * 0.5) / 405) / (1 - USUAL)
    assert found.between == pytest.approx(GIVEN.between * scale, rel=0.03)
    assert found.view == pytest.approx(GIVEN.view * scale, rel=0.03)
    assert found.visit == pytest.approx(GIVEN.visit * scale, rel=0.03)


def test_the_wider_strangers_spread_the_less_sharp_are_looks() -> None:
    wide, narrow = (GIVEN.adapted(*strangers(numbers=SHARP * more)).sharpness for more in (0.3, 2.0))
    assert wide < 0.6 * GIVEN.sharpness < 1.4 * GIVEN.sharpness < narrow
    few = GIVEN.adapted(*strangers(numbers=SHARP * 0.3, people=5)).sharpness
    assert few > 0.7 * GIVEN.sharpness  # of 2, little


@pytest.mark.parametrize("common", [0.0, 0.6])
@pytest.mark.parametrize("light", [0.5, 1.0, 2.0])
def test_neither_light_nor_what_all_share_makes_looks_less_sharp(light: float, common: float) -> None:
    """How alike somebody is to what a camera adds varies, too: that is not how people vary."""
    plain, lit = (GIVEN.adapted(*strangers(common, light=some)).sharpness for some in (0.0, light))
    assert lit == pytest.approx(plain, rel=0.25)


def test_what_pictures_of_one_visit_vary_by_is_no_difference_of_people() -> None:
    """Of unit vectors: the more a network's say of the picture, the less is left to tell people by."""
    some, never = strangers()
    less = np.sqrt(0.2 / (1 - GIVEN.picture))  # four fifths of each picture's vector are its own
    kept = {k: getattr(some, k) for k in Columns.__slots__}
    weak = Columns(**{**kept, "looks": some.looks * less, "spread": np.full(len(some), 0.8)})
    found = GIVEN.adapted(weak, never)
    share = (1 - found.picture) / (1 - GIVEN.picture)
    assert found.picture == pytest.approx(0.8, abs=0.04)
    for name in ("between", "view", "look", "visit"):
        assert getattr(found, name) == pytest.approx(getattr(GIVEN, name) * share, rel=0.1)


def test_how_pictures_of_one_visit_vary_is_learned() -> None:
    some = columns(np.eye(40), [0] * 40)
    known = Columns(**{**{k: getattr(some, k) for k in Columns.__slots__}, "spread": np.full(40, 0.4)})
    # (5 * 0.25 + 40 * 0.4) / 45
    assert GIVEN.adapted(known, np.zeros((40, 40), bool)).picture == pytest.approx(0.38333, abs=1e-4)
