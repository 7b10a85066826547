"""Each loss against a table computed by hand and against its formula written out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from training.distill import cosine_loss, likeness_loss, prototypes, relation_loss
from training.losses import CentreLoss, euclidean, identity_loss, triplet_loss, weighted_triplet_loss

# Four points on a line, two people.
LINE = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
TWO = torch.tensor([0, 0, 1, 1])
# anchor  farthest of its own  nearest other  gap
#   0            1                   3          -2
#   1            1                   2          -1
#   3            4                   2           2
#   7            4                   6          -2
GAPS = (-2.0, -1.0, 2.0, -2.0)


def random_vectors(rows: int = 64, columns: int = 32) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(0))


def test_the_identity_loss_of_two_logits_by_hand() -> None:
    """Targets 0.95 and 0.05; log-softmax of (1, 0) is -0.31326 and -1.31326: 0.36326."""
    loss = identity_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([0]), smoothing=0.1)
    assert loss.item() == pytest.approx(0.95 * 0.313262 + 0.05 * 1.313262, abs=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_the_identity_loss_is_its_formula(smoothing: float) -> None:
    logits, labels = random_vectors(16, 751), torch.arange(16) * 40
    targets = torch.full_like(logits, smoothing / 751)
    targets[torch.arange(16), labels] += 1 - smoothing
    wanted = -(targets * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(identity_loss(logits, labels, smoothing=smoothing), wanted)


def test_smoothing_keeps_a_sure_answer_from_being_free() -> None:
    sure, labels = torch.tensor([[50.0, 0.0]]), torch.tensor([0])
    assert identity_loss(sure, labels, smoothing=0.0).item() == pytest.approx(0, abs=1e-6)
    assert identity_loss(sure, labels, smoothing=0.1).item() == pytest.approx(2.5, abs=1e-3)


def test_the_triplet_loss_of_a_line_by_hand() -> None:
    """With margin 0.3 only the third anchor costs: 2.3 / 4. With margin 1.5: (0 + 0.5 + 3.5 + 0) / 4."""
    assert triplet_loss(LINE, TWO, margin=0.3).item() == pytest.approx(2.3 / 4, abs=1e-5)
    assert triplet_loss(LINE, TWO, margin=1.5).item() == pytest.approx(1.0, abs=1e-5)
    soft = sum(math.log1p(math.exp(gap)) for gap in GAPS) / 4
    assert triplet_loss(LINE, TWO, margin=None).item() == pytest.approx(soft, abs=1e-5)


def test_the_weighted_triplet_loss_of_a_line_by_hand() -> None:
    """Each anchor has one positive, so its weight is 1; of two negatives the nearer weighs more.

    anchor 0: 3 and 7 away, weights 0.98201 and 0.01799: 3.0719; positive 1: gap -2.0719
    anchor 1: 2 and 6 away: 2.0719; positive 1: -1.0719
    anchor 3: 3 and 2 away, weights 0.26894 and 0.73106: 2.2689; positive 4: 1.7311
    anchor 7: 7 and 6 away: 6.2689; positive 4: -2.2689
    """
    gaps = (-2.07194, -1.07194, 1.73106, -2.26894)
    wanted = sum(math.log1p(math.exp(gap)) for gap in gaps) / 4
    assert weighted_triplet_loss(LINE, TWO).item() == pytest.approx(wanted, abs=1e-4)


def test_the_weighted_triplet_loss_is_its_definition() -> None:
    vectors, labels = random_vectors() * 0.3, torch.arange(16).repeat_interleave(4)
    costs = []
    for anchor in range(64):
        away = (vectors - vectors[anchor]).norm(dim=1)
        own = (labels == labels[anchor]) & (torch.arange(64) != anchor)
        other = labels != labels[anchor]
        positive = (away[own].softmax(0) * away[own]).sum()
        negative = ((-away[other]).softmax(0) * away[other]).sum()
        costs.append(math.log1p(math.exp((positive - negative).item())))
    assert weighted_triplet_loss(vectors, labels).item() == pytest.approx(sum(costs) / 64, rel=1e-4)


def test_the_triplet_loss_is_its_definition() -> None:
    vectors, labels = random_vectors() * 3, torch.arange(16).repeat_interleave(4)
    costs = []
    for anchor in range(64):
        away = (vectors - vectors[anchor]).norm(dim=1)
        same = labels == labels[anchor]
        costs.append(max(0.0, (away[same].max() - away[~same].min() + 0.3).item()))
    assert triplet_loss(vectors, labels).item() == pytest.approx(sum(costs) / 64, rel=1e-4)


def test_the_triplet_loss_pulls_own_pictures_together_and_pushes_others_away() -> None:
    moved = LINE.clone().requires_grad_()
    triplet_loss(moved, TWO).backward()
    # Only anchor 3 costs: it is drawn to 7, away from 1; 7 to it; 1 away from it.
    assert moved.grad is not None
    assert moved.grad.ravel().tolist() == pytest.approx([0.0, 0.25, -0.5, 0.25], abs=1e-5)


def test_equal_vectors_have_a_finite_slope() -> None:
    same = torch.ones(4, 8, requires_grad=True)
    triplet_loss(same, TWO).backward()
    assert same.grad is not None
    assert torch.isfinite(same.grad).all()


def test_distances_are_exact_to_a_thousandth_for_vectors_as_long_as_a_networks() -> None:
    vectors = random_vectors(64, 2048).abs() * 2
    wanted = torch.cdist(vectors.double(), vectors.double())
    off_diagonal = ~torch.eye(64, dtype=torch.bool)
    assert (euclidean(vectors).double() - wanted)[off_diagonal].abs().max() < 1e-3


def test_the_centre_loss_by_hand() -> None:
    """Squared distances 25 and 1 to their centres, over a batch of two."""
    loss = CentreLoss(3, 2)
    with torch.no_grad():
        loss.centres.copy_(torch.tensor([[0.0, 0.0], [9.0, 9.0], [1.0, 1.0]]))
    assert loss(torch.tensor([[3.0, 4.0], [1.0, 2.0]]), torch.tensor([0, 2])).item() == 13.0


def test_a_step_moves_a_centre_a_sixteenth_of_the_way_to_its_pictures() -> None:
    vectors, labels = random_vectors(), torch.arange(16).repeat_interleave(4)
    loss = CentreLoss(20, 32)
    before = loss.centres.detach().clone()
    (0.0005 * loss(vectors, labels)).backward()
    loss.descend(lr=0.5, weight=0.0005)
    means = vectors.view(16, 4, 32).mean(1)
    torch.testing.assert_close(loss.centres[:16].detach(), before[:16] + 0.0625 * (means - before[:16]))
    assert torch.equal(loss.centres[16:], before[16:]), "people outside the batch stay where they are"


def test_the_centres_step_is_plain_sgd_of_the_unweighted_loss() -> None:
    vectors, labels = random_vectors(), torch.arange(16).repeat_interleave(4)
    torch.manual_seed(1)
    ours = CentreLoss(16, 32)
    torch.manual_seed(1)
    other = CentreLoss(16, 32)
    sgd = torch.optim.SGD([other.centres], lr=0.5)
    for _ in range(3):
        for loss, weight in ((ours, 0.0005), (other, 1.0)):
            loss.centres.grad = None
            (weight * loss(vectors, labels)).backward()
        ours.descend(lr=0.5, weight=0.0005)
        sgd.step()
    torch.testing.assert_close(ours.centres, other.centres)


def test_the_centre_loss_pulls_vectors_lightly() -> None:
    vectors = random_vectors().requires_grad_()
    loss = CentreLoss(16, 32)
    labels = torch.arange(16).repeat_interleave(4)
    (0.0005 * loss(vectors, labels)).backward()
    wanted = 0.0005 * 2 * (vectors - loss.centres[labels]) / 64
    torch.testing.assert_close(vectors.grad, wanted.detach())


def test_the_teachers_losses_by_hand() -> None:
    a = torch.tensor([[2.0, 0.0], [0.0, 3.0]])  # at right angles
    b = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])  # the same
    assert cosine_loss(a, torch.tensor([[1.0, 0.0], [1.0, 0.0]])).item() == pytest.approx(0.5)
    # The tables of cosines differ by 1 in two of four places.
    assert relation_loss(a, b).item() == pytest.approx(0.5)
    assert relation_loss(a, 5 * a).item() == pytest.approx(0.0, abs=1e-12)


def test_prototypes_are_the_directions_of_each_persons_pictures() -> None:
    taught = torch.tensor([[0.5, 0.5], [1.0, 0.0], [0.0, 2.0]])
    found = prototypes(torch.cat([taught, 9 * taught]).half(), torch.tensor([0, 0, 1]))
    # person 0: (0.5, 0.5) + (1, 0) = (1.5, 0.5); composites behind the labelled ones do not count
    torch.testing.assert_close(found, torch.tensor([[0.94868, 0.31623], [0.0, 1.0]]), rtol=0, atol=1e-4)


def test_the_likeness_loss_by_hand() -> None:
    """Cosines 1 and 0.9 make answers 0.83202 and 0.16798 (a difference of 1.6); logits 0 and 1."""
    of_people = torch.tensor([[1.0, 0.0], [0.9, 0.19**0.5]])
    loss = likeness_loss(torch.tensor([[0.0, 1.0]]), torch.tensor([[3.0, 0.0]]), of_people)
    assert loss.item() == pytest.approx(0.83202 * 1.31326 + 0.16798 * 0.31326, abs=1e-4)
