"""Checks of an architecture: it builds, learns, keeps its state, and can be exported."""

import safetensors.torch
import torch
from torch import Tensor

from zoo.testing.checks import Inapplicable, expect
from zoo.testing.exporting import require_export
from zoo.testing.learning import require_gradients, require_half_precision, require_overfit
from zoo.testing.networks import NetworkSubject, distance, for_each
from zoo.testing.registration import suite
from zoo.testing.specimens import Specimen, kinds, longer

_EXACT = 1e-9
_CLOSE = 1e-4


def builds_from_every_signature(subject: NetworkSubject) -> None:
    """Each pair of an input and a target that it claims builds with default options and gives scores of the right shape."""
    entry = subject.architecture
    inputs, targets = kinds()
    for claimed, known in ((entry.accepts, inputs), (entry.predicts, targets)):
        unknown = [kind for kind in claimed if kind not in known]
        expect(not unknown, f"kinds among {', '.join(known)}", ", ".join(unknown))
    claims = f"accepts {', '.join(entry.accepts)} and predicts {', '.join(entry.predicts)}"
    expect(bool(subject.claimed), "an input and a target that go together", claims)
    faults = [f"{signature}: {fault}" for signature, fault in subject.faults.items()]
    expect(not faults, f"{len(subject.claimed)} signatures to build", "; ".join(faults))


def follows_the_seed(subject: NetworkSubject) -> None:
    """Built twice from one seed it has the same weights and buffers."""

    def look(specimen: Specimen) -> None:
        one, other = (subject.build(specimen).networks for _ in range(2))
        for player, network in one.items():
            states = network.state_dict(), other[player].state_dict()
            apart = [name for name in states[0] if not torch.equal(states[0][name], states[1][name])]
            expect(not apart, "the same weights from the same seed", f"others in {', '.join(apart[:3])}")

    for_each(subject.sound, look)


def gradients_reach_every_parameter(subject: NetworkSubject) -> None:
    """After one round of its objective every parameter that is to learn has a gradient that is not all zero."""
    for_each(subject.principal, lambda specimen: require_gradients(subject, specimen))


def overfits_one_batch(subject: NetworkSubject) -> None:
    """With its own objective, loss and the trainer's step the loss on four examples is halved.

    Where several players take turns no loss has to fall: then each player's weights move, and all stays finite.
    """
    for_each(subject.principal, lambda specimen: require_overfit(subject, specimen))


def a_single_example_agrees(subject: NetworkSubject) -> None:
    """In eval mode an example alone scores as in a batch."""

    def look(specimen: Specimen) -> None:
        built = subject.build(specimen)
        inputs = specimen.batch.inputs
        built.network.double()
        whole, single = (
            built.answer(*(_double(each[:size]) for each in inputs)) for size in (len(inputs[0]), 1)
        )
        apart = distance([each[:1] for each in whole], single)
        expect(apart <= _EXACT, "the same scores alone and in a batch", f"{apart:.1e} apart in float64")

    for_each(subject.sound, look)


def padding_does_not_matter(subject: NetworkSubject) -> None:
    """Of tokens and series, more padding behind the end leaves the scores as they are."""
    padded = [specimen for specimen in subject.sound if specimen.has_lengths]
    if not padded:
        raise Inapplicable(f"its inputs are not padded: {', '.join(subject.architecture.accepts)}")

    def look(specimen: Specimen) -> None:
        built = subject.build(specimen)
        built.network.double()
        given = built.answer(*map(_double, specimen.batch.inputs))
        seen = built.answer(*map(_double, longer(specimen, 3).batch.inputs))
        if specimen.target.kind == "tokens":
            is_text = specimen.batch.inputs[0] != 0
            given, seen = (
                tuple(each[:, : is_text.shape[1]][is_text] for each in scores) for scores in (given, seen)
            )
        apart = distance(given, seen)
        expect(apart <= _EXACT, "the same scores with three steps more of padding", f"{apart:.1e} apart")

    for_each(padded, look)


def state_round_trips(subject: NetworkSubject) -> None:
    """Weights and buffers, written as safetensors and read into a network of another seed, make it the same."""

    def look(specimen: Specimen) -> None:
        built, other = subject.build(specimen), subject.build(specimen, seed=1)
        written = safetensors.torch.save(
            {name: each.contiguous().clone() for name, each in built.network.state_dict().items()}
        )
        other.network.load_state_dict(safetensors.torch.load(written))
        given, seen = built.answer(), other.answer()
        is_same = all(torch.equal(*pair) for pair in zip(given, seen, strict=True))
        expect(is_same, "the same scores from the same state", f"{distance(given, seen):.1e} apart")
        ties = [len(list(each.network.parameters())) for each in (built, other)]
        expect(ties[0] == ties[1], f"{ties[0]} parameters", f"{ties[1]} after loading")

    for_each(subject.sound, look)


def survives_half_precision(subject: NetworkSubject) -> None:
    """A round of its objective with products in bfloat16 gives finite losses and gradients."""
    for_each(subject.principal, lambda specimen: require_half_precision(subject, specimen))


def compiles(subject: NetworkSubject) -> None:
    """Traced by torch.compile it gives the same scores."""

    def look(specimen: Specimen) -> None:
        built = subject.build(specimen)
        given = built.answer()
        torch.compiler.reset()
        compiled = torch.compile(built.network, backend="aot_eager")
        with torch.no_grad():
            emitted = compiled(*specimen.batch.inputs)
        scores = emitted if isinstance(emitted, tuple) else (emitted,)
        apart = distance(given, scores[: len(given)])
        expect(apart <= _CLOSE, "the same scores when compiled", f"{apart:.1e} apart")

    for_each(subject.principal, look)


def exports(subject: NetworkSubject) -> None:
    """Exported with dynamic axes it agrees in ONNX Runtime at batch sizes 1, 2 and 5, and at other lengths."""
    for_each(subject.principal, lambda specimen: require_export(subject, specimen))


def _double(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


SUITE = suite(
    builds_from_every_signature,
    follows_the_seed,
    gradients_reach_every_parameter,
    a_single_example_agrees,
    padding_does_not_matter,
    state_round_trips,
    survives_half_precision,
    overfits_one_batch,
    compiles,
    exports,
    subject=NetworkSubject,
)
