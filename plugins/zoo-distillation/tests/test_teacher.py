from pathlib import Path

import pytest
import torch

from zoo.plugin import Binary, Classes, Labels, UsageError, Values
from zoo_distillation.teacher import load

ANIMALS = Classes(("cat", "dog", "owl"))
TARGETS = [ANIMALS, Binary(("no", "yes")), Labels(("red", "green")), Values(("height", "weight"))]


def network(num_features=4, num_scores=3):
    return torch.nn.Sequential(
        torch.nn.Linear(num_features, 8),
        torch.nn.BatchNorm1d(8),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(8, num_scores),
    )


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.kind)
def test_the_trained_network_answers_as_it_is(target, signature_of, trained):
    module = network().eval()
    trained(module, signature_of(target))
    teacher = load(signature_of(target), teacher=Path("runs/big"))
    features = torch.randn(5, 4)
    assert torch.equal(teacher(features), module(features))
    assert teacher.kind == target.kind


def test_a_teacher_has_nothing_to_train_and_gives_no_gradients(signature_of, trained):
    trained(network(), signature_of(ANIMALS))
    teacher = load(signature_of(ANIMALS), teacher=Path("runs/big"))
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    assert not teacher(torch.randn(5, 4, requires_grad=True)).requires_grad


def test_a_teacher_stays_in_eval_mode_whatever_is_asked(signature_of, trained):
    trained(network().train(), signature_of(ANIMALS))
    teacher = load(signature_of(ANIMALS), teacher=Path("runs/big"))
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    features = torch.randn(64, 4) + 5
    first = teacher(features)
    teacher.train()
    assert not any(module.training for module in teacher.modules())
    assert torch.equal(teacher(features), first)
    assert all(torch.equal(value, before[key]) for key, value in teacher.state_dict().items())


def test_a_teacher_of_other_inputs_is_refused_with_both_shown(signature_of, trained):
    trained(network(7), signature_of(ANIMALS, num_features=7))
    with pytest.raises(UsageError) as refusal:
        load(signature_of(ANIMALS), teacher=Path("runs/big"))
    assert (
        "objective.teacher=runs/big takes features (vector [7]), "
        "but the network to be trained takes features (vector [4])"
    ) in str(refusal.value)


def test_a_teacher_of_another_column_is_refused(signature_of, trained):
    trained(network(), signature_of(ANIMALS, name="colours"))
    with pytest.raises(UsageError, match="takes colours .* takes features"):
        load(signature_of(ANIMALS), teacher=Path("runs/big"))


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (Classes(("dog", "cat", "owl")), "predicts classes dog, cat, owl"),
        (Classes(("cat", "dog")), "predicts classes cat, dog,"),
        (Labels(("cat", "dog", "owl")), "predicts labels cat, dog, owl"),
        (Classes(tuple(map(str, range(12)))), "predicts classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"),
    ],
    ids=["another order", "fewer", "another kind", "many"],
)
def test_a_teacher_that_answers_something_else_is_refused_with_both_shown(
    target, shown, signature_of, trained
):
    trained(network(), signature_of(target))
    with pytest.raises(UsageError) as refusal:
        load(signature_of(ANIMALS), teacher=Path("runs/big"))
    assert shown in str(refusal.value)
    assert "but the data asks for classes cat, dog, owl" in str(refusal.value)


def test_thresholds_that_the_teacher_was_tuned_to_do_not_matter(signature_of, trained):
    trained(network(num_scores=2), signature_of(Labels(("red", "green"), thresholds=(0.3, 0.6))))
    assert load(signature_of(Labels(("red", "green"))), teacher=Path("runs/big")).kind == "labels"
