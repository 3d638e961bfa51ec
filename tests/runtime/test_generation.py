import numpy as np
import pytest

from zoo.contracts.signature import Signature
from zoo.contracts.targets import Classes, Sample
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError, UsageError
from zoo.runtime.generation import Draws, continue_text, draw_latents, initial_states

LATENT = TensorSpec("latent", "latent", "float32", (6,))
LABEL = TensorSpec("label", "category", "string", ())
VOCABULARY = ("", "?", "a", "b", "c")
STATE = (TensorSpec("state_0", "state", "float32", (1,)),)


class Counting:
    """A language model whose next letter is the one after the last, and whose state counts its calls."""

    def __init__(self):
        self.seen = []

    def run(self, names, feed):
        (text,) = feed["text"]
        self.seen.append((text, float(feed["state_0"][0, 0])))
        following = 2 + ("abc".index(text[-1]) + 1) % 3
        probabilities = np.full((1, 5), 0.02)
        probabilities[0, following] = 0.92
        return [probabilities, feed["state_0"] + 1]


def test_a_text_is_continued_piece_by_piece_with_its_state_handed_on():
    model = Counting()
    added = list(continue_text(model, "text", STATE, VOCABULARY, Draws("ca", 4, 0.0, 0)))
    assert added == ["b", "c", "a", "b"]
    assert model.seen == [("ca", 0.0), ("b", 1.0), ("c", 2.0), ("a", 3.0)]


def test_the_same_seed_draws_the_same_text_and_never_an_unknown_token():
    def drawn(seed):
        return list(continue_text(Counting(), "text", STATE, VOCABULARY, Draws("a", 60, 3.0, seed)))

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert set(drawn(1)) <= {"a", "b", "c"}


def test_words_are_joined_by_blanks():
    class Words(Counting):
        def run(self, names, feed):
            return [np.array([[0, 0, 0.1, 0.9]]), feed["state_0"]]

    assert list(continue_text(Words(), "text", STATE, ("", "?", "no", "yes"), Draws("no", 2, 0.0, 0))) == [
        " yes",
        " yes",
    ]


def test_an_empty_prompt_is_refused():
    with pytest.raises(DataError, match="the prompt is empty"):
        next(continue_text(Counting(), "text", STATE, VOCABULARY, Draws("", 4, 0.0, 0)))


@pytest.mark.parametrize("numbers", [(-1, 1.0, 0), (5, -0.1, 0), (5, float("inf"), 0), (5, 1.0, -1)])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(UsageError, match="none of them can be negative"):
        Draws("a", *numbers)


def test_states_begin_as_zeros():
    assert initial_states(STATE, 3)["state_0"].tolist() == [[0.0]] * 3


def test_latent_vectors_follow_the_seed_and_labels_take_turns():
    signature = Signature((LATENT, LABEL), Sample(1, (8, 8)))
    inputs = draw_latents(signature, ("cat", "dog"), 5, 3, None)
    assert inputs["latent"].shape == (5, 6)
    assert inputs["latent"].dtype == np.float32
    assert inputs["label"].tolist() == ["cat", "dog", "cat", "dog", "cat"]
    again = draw_latents(signature, ("cat", "dog"), 5, 3, "dog")
    assert np.array_equal(again["latent"], inputs["latent"])
    assert set(again["label"]) == {"dog"}


def test_a_label_that_the_generator_does_not_know_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="the model generates no 'dgo'") as caught:
        draw_latents(Signature((LATENT, LABEL), Sample(1)), ("cat", "dog"), 1, 0, "dgo")
    assert caught.value.fix == "did you mean 'dog'?"


def test_a_model_that_generates_nothing_says_what_it_answers():
    with pytest.raises(UsageError, match="the model answers classes; it generates no samples"):
        draw_latents(Signature((LATENT,), Classes(("a", "b"))), (), 4, 0, None)
