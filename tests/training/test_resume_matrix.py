"""A slice of ``make resume-matrix``: everything that is installed at least once, and the matrix itself."""

from itertools import combinations, product

import pytest

from benchmarks.bridges import registry_without_bridges
from benchmarks.families import write
from benchmarks.resume_matrix import design, trial
from benchmarks.resume_matrix.__main__ import summary
from benchmarks.resume_matrix.design import PLAIN, Cell
from benchmarks.resume_matrix.trial import Outcome
from zoo.training import state


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("families"))


@pytest.fixture(scope="module")
def cells(folder):
    return design.slice_of(folder, registry_without_bridges())


def cell(place=0, data="iris", **values):
    plain = {"architecture": "mlp", "optimizer": "adamw", "schedule": "cosine", **PLAIN}
    return Cell({**plain, **values}, data, place)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", registry_without_bridges().names("architecture"))
def test_it_is_stopped_and_resumed_to_the_same_bytes(architecture, cells, folder):
    own = [each for each in cells if each.values["architecture"] == architecture]
    outcomes = [trial.attempt(each, folder) for each in own]
    assert [each for each in outcomes if each.differing] == []
    refused = [each.refused for each in outcomes if each.refused]
    assert len(refused) < len(outcomes)
    known = (*trial.REFUSED, "fp16 scales its gradients once")
    assert all(any(reason in said for reason in known) for said in refused)


def test_the_slice_holds_everything_that_is_installed_but_the_bridges(cells):
    for kind in ("architecture", "optimizer", "schedule"):
        assert {each.values[kind] for each in cells} == set(registry_without_bridges().names(kind))
    for name, values in design.OPTIONS.items():
        assert {each.values[name] for each in cells} == set(values)
    assert {each.data for each in cells} == set(design.DATA)
    assert {each.crashes for each in cells} == {True, False}


def test_every_pair_meets_in_few_cells():
    factors = {"a": list("pqrs"), "b": list("xyz"), "c": list("123"), "d": list("kl"), "e": list("mn")}
    found = list(design.covering(factors))
    for one, other in combinations(factors, 2):
        met = {(each[one], each[other]) for each in found}
        assert met == set(product(factors[one], factors[other]))
    assert len(found) <= 14


def test_an_error_that_is_not_known_of_pytorch_counts_as_a_fault(folder, monkeypatch):
    refused = cell(optimizer="sparse-adam")
    assert "SparseAdam does not support" in trial.attempt(refused, folder).refused
    monkeypatch.setattr(trial, "REFUSED", ())
    [reason] = trial.attempt(refused, folder).differing
    assert reason.startswith("it cannot be trained: step 0 of mlp")


@pytest.mark.parametrize("place", [1, 2], ids=["signal", "crash"])
def test_state_that_is_not_restored_is_found(place, folder, monkeypatch):
    late = cell(place + 3)
    assert trial.attempt(late, folder) == Outcome(str(late), rewrote=True)
    monkeypatch.setattr(state, "_restore_optimizer", lambda optimizer, checkpoint, name: None)
    differing = trial.attempt(late, folder).differing
    assert "optimizer.safetensors loaded and saved" in differing
    assert "last checkpoint, model.safetensors" in differing


def test_what_differs_and_what_is_refused_is_named_in_the_figures(folder):
    cells = [cell(0), cell(1), cell(2, optimizer="lbfgs", precision="fp16")]
    refused = trial.attempt(cells[2], folder)
    found = summary(cells, [Outcome("a"), Outcome("b", differing=["metrics.jsonl"]), refused], "value")
    assert (found["bitwise"], found["of"]) == (1, 2)
    assert found["differing"] == [{"cell": "b", "differing": ["metrics.jsonl"]}]
    [reason] = found["refused"]
    assert reason["cells"] == ["mlp lbfgs cosine off off off fp16 iris"]
    assert reason["reason"] == (
        "lbfgs evaluates the loss several times a step, and fp16 scales its gradients once"
    )


def test_an_architecture_that_no_data_is_for_is_named(folder, registry, monkeypatch):
    monkeypatch.setattr(design, "DATA", {"iris": design.DATA["iris"]})
    with pytest.raises(LookupError, match="no data of benchmarks.families is for conditional-dcgan"):
        design.networks(folder, registry)
