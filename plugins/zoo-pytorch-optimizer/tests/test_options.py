import inspect

import pytest
import torch

from zoo.options import schema_of
from zoo.plugin import UsageError
from zoo_pytorch_optimizer import facts, optimizers

USED = [name for name in optimizers.classes() if name not in facts.REASONS]


def schema(name):
    return schema_of(getattr(optimizers, name))


def by_name(name):
    return {option.name: option for option in schema(name).options}


@pytest.mark.parametrize("name", USED)
def test_a_recipe_with_every_option_written_out_means_the_same(name):
    required = {option.name: 7 for option in schema(name).options if option.is_required}
    written = schema(name).complete(required, where="optimizer.")
    again = schema(name).arguments(written, where="optimizer.")
    assert again == schema(name).arguments(required, where="optimizer.")


def test_options_have_the_names_types_defaults_and_meanings_of_the_class():
    options = by_name("lion")
    assert options["lr"].default == 1e-4
    assert options["betas"].default == (0.9, 0.99)
    assert options["weight_decouple"].type == "bool"
    assert options["weight_decay"].meaning == "Weight decay coefficient"


def test_choices_are_listed():
    assert by_name("mars")["mars_type"].choices == ("adamw", "lion", "shampoo")


def test_number_formats_are_words(build):
    assert by_name("fadam")["momentum_dtype"].default == "float32"
    weight = torch.zeros(2, requires_grad=True)
    assert build("fadam", [("weight", weight)], momentum_dtype="bfloat16").momentum_dtype is torch.bfloat16


def test_what_no_recipe_can_hold_is_no_option():
    for name in USED:
        for parameter in inspect.signature(getattr(optimizers, name)).parameters.values():
            assert parameter.name not in {"params", "model", "optimizer", "base_optimizer", "process_group"}
            assert parameter.default is inspect.Parameter.empty or not callable(parameter.default)


def test_what_the_class_cannot_do_without_must_be_given():
    with pytest.raises(UsageError, match="'optimizer.num_iterations' must be given"):
        schema("ranger21").arguments({}, where="optimizer.")


def test_a_value_of_another_type_is_refused_in_words():
    with pytest.raises(UsageError) as caught:
        schema("lion").arguments({"lr": "fast"}, where="optimizer.")
    assert caught.value.message.startswith("optimizer.lr=fast: input should be a valid number")


def test_a_value_that_the_class_refuses_is_refused_in_its_words(build):
    weight = torch.zeros(2, requires_grad=True)
    with pytest.raises(UsageError) as caught:
        build("lion", [("weight", weight)], betas=(1.5, 0.9))
    assert caught.value.message == "Lion refuses its options: beta1 must be in the range [0.0, 1.0)"
    assert caught.value.fix == "zoo show pytorch-optimizer/lion lists them"
    with pytest.raises(UsageError, match="Lion refuses its options: .*-1"):
        build("lion", [("weight", weight)], lr=-1.0)


def test_a_name_that_the_library_has_not_is_no_attribute():
    assert not hasattr(optimizers, "lino")
