"""What a weights file says of itself: how pictures go in, what comes out, where it is from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from reid.preprocess import Preprocess

FORMAT = 1


class ReidError(Exception):
    """What the user can mend; the message is one sentence that says what is wrong and what to do."""


class WeightsError(ReidError):
    """A file of weights that cannot be used."""


class DeviceError(ReidError):
    """A device that is not there."""


@dataclass(frozen=True, slots=True)
class Card:
    """A network's card. It travels inside every file of its weights.

    name: for people. fingerprint: 12 hex digits over weights and preprocessing; vectors may be compared only
    where it is the same. dimension: of the vector. last_stride to ibn: see reid.model.BNNeck.
    data, recipe, commit: what it was trained on, how, and by which version of the code.
    scores: name -> number, e.g. {"market1501_rank1": 0.945}.
    appearance: how much vectors vary within and between people, where a model of looks begins: "within",
    "between", "within_dimensions", "between_dimensions", "people" (training.appearance), of those trained on,
    and the same with "test_" before them, of others; empty where that was not measured.
    terms: the licence, or what its data allow.
    """

    name: str
    preprocess: Preprocess
    backbone: str
    dimension: int
    last_stride: int = 1
    caffe_stride: bool = False
    pooling: str = "average"
    non_local: bool = False
    ibn: bool = False
    data: str = ""
    recipe: str = ""
    commit: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    appearance: dict[str, float] = field(default_factory=dict)
    terms: str = ""
    fingerprint: str = ""

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True)

    @staticmethod
    def from_json(text: str, path: Path) -> Card:
        """Raises WeightsError where the text, found in path, is no card of this format."""
        try:
            told: dict[str, Any] = json.loads(text)
            if (made_for := told.pop("format")) != FORMAT:
                raise WeightsError(
                    f"The card in {path} has format {made_for}, not {FORMAT}: update sightline."
                )
            return Card(**{**told, "preprocess": Preprocess.from_dict(told["preprocess"])})
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            why = str(error).partition("\n")[0][:200]
            raise WeightsError(f"The card in {path} does not read ({why}): make the file again.") from error


def read_card(path: Path) -> Card:
    """The card in a .safetensors file, without loading its weights.

    Raises WeightsError where the file is missing, damaged or without a card.
    """
    if not path.is_file():
        raise WeightsError(f"There are no weights at {path}: name a file that exists.")
    try:
        with safe_open(path, framework="numpy") as file:
            told = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is damaged or no .safetensors file: fetch it again.") from error
    if "card" not in told:
        raise WeightsError(f"{path} carries no card of sightline: save it with reid.model.save.")
    return Card.from_json(told["card"], path)
