import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import tomli_w
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.bridges import registry_without_bridges
from zoo.errors import PluginError, UsageError
from zoo.options import schema_of
from zoo.plugin import Ge, Gt, Le, Lt

REGISTRY = registry_without_bridges()
# A class or count that has no default is given as a reader of its documentation would.
REQUIRED = {
    "prior": 0.1,
    "dims": 2,
    "groups": 1,
    "val": 0.5,
    "value": 0.5,
    "shape": [1],
    "teacher": "runs/big",
}


def make(
    *,
    count: Annotated[int, Ge(1), Le(9)] = 3,
    rate: Annotated[float, Gt(0), Lt(1)] = 0.5,
    is_big: bool = False,
    mode: Literal["fast", "slow", "none"] = "fast",
    sizes: list[int] = [1, 2],  # noqa: B006
    betas: tuple[float, float] = (0.9, 0.999),
    names: tuple[str, ...] = (),
    limit: float | None = None,
    label: str = "x",
):
    """A factory with every kind of option.

    Args:
        count: How many there are. A second sentence that tables leave out.
        rate: How fast, in steps
            a second.
        limit (float, optional): Largest value (default: None).
    """


SCHEMA = schema_of(make)
DEFAULTS = {
    "count": 3,
    "rate": 0.5,
    "is_big": False,
    "mode": "fast",
    "sizes": [1, 2],
    "betas": [0.9, 0.999],
    "names": [],
    "limit": None,
    "label": "x",
}


def refused(schema, **given):
    with pytest.raises(UsageError) as caught:
        schema.arguments(given, where="model.")
    return caught.value


def test_every_default_is_filled_in_the_order_of_the_signature():
    assert list(SCHEMA.complete({}, where="")) == list(DEFAULTS)
    assert SCHEMA.complete({}, where="") == DEFAULTS


def test_arguments_are_python_values_and_complete_is_plain_data():
    assert SCHEMA.arguments({"betas": [0.5, 0.6]}, where="")["betas"] == (0.5, 0.6)
    assert SCHEMA.complete({"betas": (0.5, 0.6)}, where="")["betas"] == [0.5, 0.6]


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("count", 9, 9),
        ("count", "4", 4),
        ("count", 4.0, 4),
        ("rate", 0.25, 0.25),
        ("rate", "1e-3", 0.001),
        ("is_big", True, True),
        ("is_big", "true", True),
        ("mode", "slow", "slow"),
        ("mode", "none", "none"),
        ("sizes", [], []),
        ("sizes", (3, 4, 5), [3, 4, 5]),
        ("names", ["a", "b"], ["a", "b"]),
        ("names", [1], ["1"]),
        ("limit", "none", None),
        ("limit", 2, 2.0),
        ("label", 1980, "1980"),
        ("label", "none", "none"),
    ],
)
def test_a_value_that_fits_is_taken(name, given, value):
    assert SCHEMA.complete({name: given}, where="")[name] == value


@pytest.mark.parametrize(
    ("name", "given", "message", "fix"),
    [
        (
            "count",
            0,
            "model.count=0: input should be greater than or equal to 1",
            "model.count is int ≥ 1, ≤ 9",
        ),
        (
            "count",
            10,
            "model.count=10: input should be less than or equal to 9",
            "model.count is int ≥ 1, ≤ 9",
        ),
        ("count", 2.5, "model.count=2.5: input should be a valid integer", "model.count is int"),
        ("count", "none", "model.count=none: input should be a valid integer", "model.count is int"),
        ("rate", 1.0, "model.rate=1.0: input should be less than 1", "model.rate is float > 0, < 1"),
        ("rate", "quick", "model.rate=quick: input should be a valid number", "model.rate is float"),
        ("rate", float("nan"), "model.rate=nan: input should be", "model.rate is float"),
        ("is_big", "maybe", "model.is_big=maybe: input should be a valid boolean", "model.is_big is bool"),
        ("mode", "quick", "model.mode=quick: input should be 'fast', 'slow' or 'none'", "fast | slow | none"),
        ("sizes", 3, "model.sizes=3: input should be a valid list", "model.sizes is [int, …]"),
        ("sizes", [1, "b"], "model.sizes.1=b: input should be a valid integer", "model.sizes is [int, …]"),
        ("betas", [0.5], "model.betas.1=", "model.betas is [float, float]"),
        ("names", "a", "model.names=a: input should be a valid tuple", "model.names is [str, …]"),
        ("limit", [], "model.limit=[]: input should be a valid number", "model.limit is float | none"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_what_is_allowed(name, given, message, fix):
    error = refused(SCHEMA, **{name: given})
    assert error.message.startswith(message)
    assert fix in error.fix
    assert error.exit_code == 2


def test_an_unknown_key_names_the_nearest():
    error = refused(SCHEMA, raet=0.5)
    assert error.message == "unknown key 'model.raet'"
    assert error.fix == "did you mean 'rate'?"


def test_an_unknown_key_of_a_factory_without_options_says_that_there_are_none():
    assert refused(schema_of(lambda: None), rate=1).fix == "it takes no options"


def test_an_option_without_a_default_must_be_given():
    def factory(*, size: Annotated[int, Ge(1)]):
        pass

    schema = schema_of(factory)
    assert schema.options[0].is_required
    error = refused(schema)
    assert error.message == "'model.size' must be given (int ≥ 1)"
    assert error.fix == "add model.size=…"


def test_meanings_come_from_the_docstring_one_sentence_each():
    meanings = {option.name: option.meaning for option in SCHEMA.options}
    assert meanings["count"] == "How many there are"
    assert meanings["rate"] == "How fast, in steps a second"
    assert meanings["limit"] == "Largest value"
    assert meanings["label"] == ""


def test_types_and_choices_are_in_words():
    options = {option.name: option for option in SCHEMA.options}
    assert options["count"].type == "int ≥ 1, ≤ 9"
    assert options["betas"].type == "[float, float]"
    assert options["limit"].type == "float | none"
    assert options["mode"].choices == ("fast", "slow", "none")
    assert options["is_big"].choices == ("true", "false")
    assert options["limit"].choices == ("none",)


def test_positional_parameters_without_a_default_are_no_options():
    def factory(signature, width=3, *, depth=2, **rest):
        pass

    assert [option.name for option in schema_of(factory).options] == ["width", "depth"]


def test_a_class_is_read_from_its_constructor():
    class Network:
        """A network.

        Args:
            width: Features of a layer.
        """

        def __init__(self, signature, *, width: int = 3):
            """Builds it.

            Args:
                depth: Not an option.
            """

    [width] = schema_of(Network).options
    assert (width.name, width.type, width.default, width.meaning) == (
        "width",
        "int",
        3,
        "Features of a layer",
    )


def test_a_default_of_none_admits_none_whatever_the_annotation_says():
    def factory(*, decay: float = None, anything=None):  # noqa: RUF013
        pass

    schema = schema_of(factory)
    assert schema.complete({}, where="") == {"decay": None, "anything": None}
    assert schema.complete({"decay": "none", "anything": "none"}, where="") == {
        "decay": None,
        "anything": None,
    }
    assert schema.options[0].type == "float | none"


def test_names_that_pydantic_keeps_for_itself_are_options_like_any():
    def factory(*, copy: int = 1, json: int = 2, model_config: int = 3, _private: int = 4):
        pass

    assert schema_of(factory).complete({"json": 5}, where="") == {
        "copy": 1,
        "json": 5,
        "model_config": 3,
        "_private": 4,
    }


def test_tensors_drop_out_of_unions():
    def factory(*, lr: float | torch.Tensor = 0.1, betas: tuple[float | torch.Tensor, float] = (0.1, 0.2)):
        pass

    assert [option.type for option in schema_of(factory).options] == ["float", "[float, float]"]


def test_an_option_called_name_is_an_error_of_the_plugin():
    def factory(*, name: str = "x"):
        pass

    with pytest.raises(PluginError, match="cannot be read: .*no option can be called so"):
        schema_of(factory)


class NotPlain:
    pass


@pytest.mark.parametrize(
    "annotation", [NotPlain, "Missing", "torch.Missing", "not python", list[torch.Tensor]]
)
def test_an_annotation_that_cannot_be_read_is_an_error_of_the_plugin(annotation):
    def factory(*, option=1):
        pass

    factory.__annotations__ = {"option": annotation}
    with pytest.raises(PluginError, match="the options of .*factory cannot be read: "):
        schema_of(factory)


@given(
    count=st.integers(1, 9),
    rate=st.floats(0, 1, exclude_min=True, exclude_max=True),
    is_big=st.booleans(),
    mode=st.sampled_from(["fast", "slow", "none"]),
    sizes=st.lists(st.integers(-(2**40), 2**40)),
    names=st.lists(st.text(st.characters(codec="utf-8"))),
    limit=st.none() | st.floats(allow_nan=False),
)
def test_what_complete_gives_is_its_own_completion(**given):
    # The word "none" stands for null only where null is allowed.
    once = SCHEMA.complete(given, where="")
    assert {name: once[name] for name in given} == given
    assert SCHEMA.complete(once, where="") == once


def with_words_for_none(value: Any) -> Any:
    """As in ``recipe.toml``: TOML has no null."""
    if isinstance(value, dict):
        return {key: with_words_for_none(each) for key, each in value.items()}
    if isinstance(value, list):
        return [with_words_for_none(each) for each in value]
    return "none" if value is None else value


def schema_and_options(registered) -> tuple[Any, dict[str, Any]]:
    schema = schema_of(REGISTRY.load(registered))
    return schema, {option.name: REQUIRED[option.name] for option in schema.options if option.is_required}


@pytest.mark.parametrize("registered", list(REGISTRY), ids=str)
def test_a_completed_entry_survives_a_recipe_file(registered):
    schema, given = schema_and_options(registered)
    complete = schema.complete(given, where="")
    read = tomllib.loads(tomli_w.dumps(with_words_for_none(complete)))
    assert schema.complete(read, where="") == complete
    assert schema.arguments(read, where="") == schema.arguments(given, where="")


@pytest.mark.parametrize(
    "registered", [each for each in REGISTRY if each.entry.factory.startswith("zoo")], ids=str
)
def test_every_option_of_a_first_party_entry_has_a_meaning_and_a_type(registered):
    schema, _ = schema_and_options(registered)
    for option in schema.options:
        assert option.meaning, option.name
        assert option.type != "any", option.name


def test_options_of_torch_optimizers_are_read_as_they_are():
    schema = schema_of(torch.optim.AdamW)
    assert schema.arguments({"lr": "3e-4", "betas": [0.8, 0.9]}, where="")["betas"] == (0.8, 0.9)
    options = {option.name: option for option in schema.options}
    assert options["lr"].meaning == "learning rate"
    assert options["fused"].type == "bool | none"
    assert "params" not in options


def test_a_path_is_made_absolute_so_that_a_recipe_can_be_read_anywhere(tmp_path, monkeypatch):
    def factory(*, teacher: Path):
        """Learns.

        Args:
            teacher: Folder of a run.
        """

    monkeypatch.chdir(tmp_path)
    schema = schema_of(factory)
    assert schema.options[0].type == "Path"
    assert schema.complete({"teacher": "runs/big"}, where="") == {"teacher": str(tmp_path / "runs" / "big")}
    assert schema.arguments({"teacher": "runs/big"}, where="") == {"teacher": tmp_path / "runs" / "big"}
