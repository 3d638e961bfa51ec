import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Categorical, kl_divergence

from zoo.plugin import Batch
from zoo_distillation.objective import distillation
from zoo_distillation.teacher import Teacher


class Constant(torch.nn.Module):
    """Answers with its own weights, whatever it is given."""

    def __init__(self, scores):
        super().__init__()
        self.scores = torch.nn.Parameter(scores.clone())

    def forward(self, features):
        return self.scores


def cross_entropy(scores, target):
    return F.cross_entropy(scores, target, reduction="none")


def binary_cross_entropy(scores, target):
    values = F.binary_cross_entropy_with_logits(scores, target, reduction="none")
    return values.flatten(1).sum(1) if values.ndim > 1 else values


def squared_error(scores, target):
    return (scores - target).square()


def play(kind, student, teacher, target, loss, **options):
    models = {"model": Constant(student), "teacher": Teacher(Constant(teacher), kind)}
    (turn,) = distillation(
        models, Batch((torch.zeros(len(student), 1),), target), loss, teacher=Path(), **options
    )
    return models, turn


def scores_of(*shape):
    return torch.randn(*shape, dtype=torch.float64) * 2


def test_classes_mix_softened_divergence_and_cross_entropy():
    student, teacher, target = scores_of(5, 3), scores_of(5, 3), torch.tensor([0, 1, 2, 0, 1])
    _, turn = play("classes", student, teacher, target, cross_entropy, temperature=3.0, weight=0.7)
    soft = kl_divergence(Categorical(logits=teacher / 3), Categorical(logits=student / 3))
    torch.testing.assert_close(turn.loss, 0.7 * 9 * soft + 0.3 * cross_entropy(student, target))
    assert turn.player == "model"
    assert turn.loss.shape == (5,)


@pytest.mark.parametrize(("kind", "shape"), [("binary", (5,)), ("labels", (5, 2))])
def test_yes_or_no_mixes_bernoulli_divergences_summed_over_labels(kind, shape):
    student, teacher, target = scores_of(*shape), scores_of(*shape), torch.ones(shape, dtype=torch.float64)
    _, turn = play(kind, student, teacher, target, binary_cross_entropy, temperature=2.0, weight=0.5)
    soft = kl_divergence(Bernoulli(logits=teacher / 2), Bernoulli(logits=student / 2)).reshape(5, -1).sum(1)
    torch.testing.assert_close(turn.loss, 0.5 * 4 * soft + 0.5 * binary_cross_entropy(student, target))


def test_values_mix_two_squared_distances():
    student, teacher, target = scores_of(5, 2), scores_of(5, 2), scores_of(5, 2)
    _, turn = play("values", student, teacher, target, squared_error, weight=0.25)
    expected = 0.25 * (student - teacher).square().mean(1) + 0.75 * (student - target).square().mean(1)
    torch.testing.assert_close(turn.loss.mean(1), expected)


def test_all_weight_on_the_data_is_the_loss_alone_and_all_on_the_teacher_is_none_of_it():
    student, teacher, target = scores_of(5, 3), scores_of(5, 3), torch.tensor([0, 1, 2, 0, 1])
    _, turn = play("classes", student, teacher, target, cross_entropy, weight=0.0)
    torch.testing.assert_close(turn.loss, cross_entropy(student, target))
    _, turn = play("classes", student, student, target, cross_entropy, weight=1.0)
    torch.testing.assert_close(turn.loss, torch.zeros(5, dtype=torch.float64))


def test_at_a_high_temperature_the_gradient_is_that_of_matching_logits():
    # arXiv:1503.02531, equation 4, times T² and the number of classes: z - v for logits of zero mean.
    student, teacher = (each - each.mean(1, keepdim=True) for each in (scores_of(1, 4), scores_of(1, 4)))
    models, turn = play(
        "classes", student, teacher, torch.tensor([0]), cross_entropy, temperature=1e3, weight=1.0
    )
    turn.loss.sum().backward()
    torch.testing.assert_close(4 * models["model"].scores.grad, student - teacher, rtol=0, atol=0.02)


def test_the_teacher_gets_no_gradients_and_the_student_does():
    models, turn = play(
        "classes", scores_of(5, 3), scores_of(5, 3), torch.tensor([0, 1, 2, 0, 1]), cross_entropy
    )
    turn.loss.mean().backward()
    assert models["teacher"].module.scores.grad is None
    assert models["model"].scores.grad.abs().max() > 0


def test_a_loss_that_weighs_examples_weighs_the_teachers_answers_alike():
    student, teacher, target = scores_of(3, 3), scores_of(3, 3), torch.tensor([0, 1, 2])
    weights = torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64)
    _, turn = play(
        "classes",
        student,
        teacher,
        target,
        lambda *given: (cross_entropy(*given), weights),
        temperature=1.0,
        weight=0.5,
    )
    values, given = turn.loss
    assert torch.equal(given, weights)
    soft = kl_divergence(Categorical(logits=teacher), Categorical(logits=student))
    torch.testing.assert_close(values, 0.5 * soft + 0.5 * cross_entropy(student, target))


def test_scores_that_are_very_sure_stay_finite():
    student = torch.tensor([[1e4, -1e4, 0.0]])
    for kind, loss, target in (
        ("classes", cross_entropy, torch.tensor([1])),
        ("labels", binary_cross_entropy, torch.ones(1, 3)),
    ):
        models, turn = play(kind, student, -student, target, loss)
        turn.loss.sum().backward()
        assert turn.loss.isfinite().all()
        assert models["model"].scores.grad.isfinite().all()


def test_judging_works_without_gradients_and_changes_nothing():
    student, teacher, target = scores_of(5, 3), scores_of(5, 3), torch.tensor([0, 1, 2, 0, 1])
    _, played = play("classes", student, teacher, target, cross_entropy)
    with torch.no_grad():
        models, judged = play("classes", student, teacher, target, cross_entropy)
    assert torch.equal(judged.loss, played.loss)
    assert torch.equal(models["model"].scores, student)


def test_a_student_learns_what_only_its_teacher_knows():
    """The data holds no example of class 2; the teacher's ranking of the other two tells where it lies."""

    def teach(weight):
        torch.manual_seed(0)
        rule = torch.nn.Linear(2, 3)
        with torch.no_grad():
            angles = torch.tensor([0.0, 2 * math.pi / 3, 4 * math.pi / 3])
            rule.weight.copy_(3 * torch.stack((angles.cos(), angles.sin()), 1))
            rule.bias.zero_()
        points = torch.randn(1000, 2)
        truth = rule(points).argmax(1)
        known = truth != 2
        models = {"model": torch.nn.Linear(2, 3), "teacher": Teacher(rule, "classes")}
        optimizer = torch.optim.Adam(models["model"].parameters(), 0.05)
        for _ in range(200):
            batch = Batch((points[known],), truth[known])
            next(
                distillation(models, batch, cross_entropy, teacher=Path(), weight=weight)
            ).loss.mean().backward()
            optimizer.step()
            optimizer.zero_grad()
        return (models["model"](points[~known]).argmax(1) == 2).float().mean().item()

    assert teach(0.0) < 0.1
    assert teach(0.9) > 0.9
