"""Learning from a teacher: another network's vectors of the same pictures, computed once beforehand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from reid.embedder import Embedder
from reid.preprocess import Image

AT_ONCE = 128
SCALE = 16.0  # of a cosine, before the softmax over people: a typical picture is then 0.9 its own person's

Answers = NDArray[np.float16]
Progress = Callable[[int], None]


def teacher_vectors(teacher: Embedder, pictures: Image, *, progress: Progress | None = None) -> Answers:
    """(N, D) unit rows. Mirrored pictures are not asked for: a student is to give them the same vector.

    pictures: (N, h, w, 3) uint8 BGR.
    """
    found = np.empty((len(pictures), teacher.dimension), np.float16)
    for start in range(0, len(pictures), AT_ONCE):
        part = pictures[start : start + AT_ONCE]
        found[start : start + AT_ONCE] = teacher.embed(list(part))
        if progress is not None:
            progress(start + len(part))
    return found


def prototypes(taught: Tensor, labels: Tensor) -> Tensor:
    """(persons, D) unit rows: the direction of the mean of a person's vectors.

    taught: (N, D) of ``teacher_vectors``. labels: (K,) the persons of the first K.
    """
    known = taught[: len(labels)].float()
    sums = known.new_zeros(int(labels.max()) + 1, known.shape[1]).index_add_(0, labels, known)
    return functional.normalize(sums)


def likeness_loss(logits: Tensor, taught: Tensor, of_people: Tensor) -> Tensor:
    """Cross entropy with the teacher's answer to whom a picture is like, the mean of the batch.

    Hinton et al., "Distilling the Knowledge in a Neural Network" (2015), for a teacher without a classifier:
    its answer is the softmax over SCALE times the cosine with each person's prototype, and it has one for
    pictures of nobody too. logits: (B, persons) of the student. taught: (B, D). of_people: (persons, D).
    """
    answer = (SCALE * functional.normalize(taught) @ of_people.T).softmax(1)
    return functional.cross_entropy(logits, answer)


def cosine_loss(projected: Tensor, taught: Tensor) -> Tensor:
    """1 - cosine of each pair of rows, the mean. projected: (B, D) of the student; taught: (B, D)."""
    return 1 - functional.cosine_similarity(projected, taught, dim=1).mean()


def relation_loss(vectors: Tensor, taught: Tensor) -> Tensor:
    """The mean squared difference of the two tables of cosines within the batch.

    After Park et al., "Relational Knowledge Distillation" (CVPR 2019), with cosines as the relation: they are
    what vectors are compared by. vectors: (B, E) of the student, taught: (B, D) of the teacher; E and D may
    differ.
    """
    own, other = functional.normalize(vectors), functional.normalize(taught)
    return (own @ own.T - other @ other.T).square().mean()
