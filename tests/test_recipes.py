import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo import recipes
from zoo.contracts.entries import Architecture, Loss
from zoo.contracts.recipe import Choice
from zoo.contracts.targets import Binary, Classes, Labels, Values
from zoo.errors import UsageError
from zoo.recipes import DataFacts, complete, differences, write
from zoo.registry import Plugin, Registry
from zoo.words import merge, read_file, read_value, read_words, write_value

CLASSES = DataFacts(Classes(("a", "b", "c")), 1000)
VALUES = DataFacts(Values(("price",)), 1000)
IRIS = Choice("iris", {"validation": 0.1})


@pytest.fixture(scope="module")
def registry():
    """The built-in entries, with networks that nothing builds."""
    networks = (
        Architecture(
            name="net",
            factory="zoo.builtin.schedules:cosine",
            summary="Takes the options of a schedule",
            accepts=("vector",),
            predicts=("classes", "binary", "labels", "values"),
        ),
        Architecture(
            name="classifier",
            factory="zoo.builtin.schedules:constant",
            summary="Takes no options",
            accepts=("vector",),
            predicts=("classes",),
            recipe={"clip_norm": 1.0, "optimizer.lr": 0.01, "batch_size": 7, "optimizer": "adam"},
        ),
    )
    core = Registry.discover({"ZOO_PLUGINS": ""}).plugins
    return Registry(plugins=[*core, Plugin("zoo-test", "1.0", "test", networks)])


def refused(given, facts, registry):
    with pytest.raises(UsageError) as caught:
        complete({"model": "net", **given}, facts, IRIS, registry)
    return caught.value


# Words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20", 20),
        ("-1", -1),
        ("1_000", 1000),
        ("3e-4", 3e-4),
        ("0.5", 0.5),
        ("true", True),
        ("False", False),
        ("None", "none"),
        ("none", "none"),
        ("adamw", "adamw"),
        ("'3'", "3"),
        ('"a b"', "a b"),
        ("", ""),
        ("007", "007"),
        ("2020-01-01", "2020-01-01"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("a/b.csv", "a/b.csv"),
        ("#", "#"),
        ("[128, 64]", [128, 64]),
        ("[]", []),
        ("[label,text]", ["label", "text"]),
        ("[1, none, 'a,b']", [1, "none", "a,b"]),
        ("[[1,2],[a,b]]", [[1, 2], ["a", "b"]]),
        ("{a = 1}", {"a": 1}),
        ("{a = b, c = [x]}", {"a": "b", "c": ["x"]}),
        ("[1, 2", "[1, 2"),
    ],
)
def test_a_value_is_read_as_toml_or_else_as_words(text, value):
    found = read_value(text)
    assert found == value
    assert type(found) is type(value)


plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
)
words = st.from_regex(r"[b-m][a-z_]{0,6}[b-m]", fullmatch=True).filter(
    lambda word: word not in {"false", "none"}
)


@given(st.recursive(plain | words, lambda inner: st.lists(inner, max_size=4), max_leaves=8))
def test_a_written_value_reads_back(value):
    def with_none(value):
        if isinstance(value, list):
            return [with_none(each) for each in value]
        return "none" if value is None else value

    assert read_value(write_value(value)) == with_none(value)


@given(st.text())
def test_any_text_is_some_value(text):
    read_value(text)


@given(st.lists(st.text(), max_size=3))
def test_any_words_are_read_or_refused_as_words(given):
    try:
        read_words(given)
    except UsageError as error:
        assert "is not of the form key=value" in error.message


@pytest.mark.parametrize("word", ["epochs", "=3", "a b=3", "a.=3", "head.*=3", "#=3", ""])
def test_a_word_that_is_not_key_and_value_is_refused(word):
    with pytest.raises(UsageError) as caught:
        read_words([word])
    assert caught.value.message == f"{word!r} is not of the form key=value"
    assert "epochs=20" in caught.value.fix


def test_dotted_keys_nest_and_quoted_parts_keep_their_dots():
    tree = read_words(
        ["optimizer.lr=0.1", 'initialization.parameters."head.*"=zeros', "epochs=3", "epochs=4"]
    )
    assert tree == {
        "optimizer": {"lr": 0.1},
        "initialization": {"parameters": {"head.*": "zeros"}},
        "epochs": 4,
    }


def test_the_order_of_an_entry_and_its_options_does_not_matter():
    expected = {"optimizer": {"name": "sgd", "lr": 0.1}}
    assert read_words(["optimizer=sgd", "optimizer.lr=0.1"]) == expected
    assert read_words(["optimizer.lr=0.1", "optimizer=sgd"]) == expected


# Merging


@pytest.mark.parametrize(
    ("below", "above", "merged"),
    [
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, {"a": 1, "b": 3, "c": 4}),
        ({"o": "sgd"}, {"o": {"lr": 1}}, {"o": {"name": "sgd", "lr": 1}}),
        ({"o": {"lr": 1}}, {"o": "sgd"}, {"o": {"name": "sgd", "lr": 1}}),
        ({"o": {"name": "sgd", "lr": 1}}, {"o": "sgd"}, {"o": {"name": "sgd", "lr": 1}}),
        ({"o": {"name": "sgd", "lr": 1}}, {"o": "adam"}, {"o": {"name": "adam"}}),
        (
            {"o": {"name": "sgd", "lr": 1}},
            {"o": {"name": "adam", "eps": 2}},
            {"o": {"name": "adam", "eps": 2}},
        ),
        ({"o": {"name": "sgd", "lr": 1, "m": 2}}, {"o": {"lr": 3}}, {"o": {"name": "sgd", "lr": 3, "m": 2}}),
        ({"s": "none"}, {"s": {"patience": 3}}, {"s": {"patience": 3}}),
        ({"s": {"patience": 3}}, {"s": "none"}, {"s": "none"}),
        ({"h": [1, 2]}, {"h": [3]}, {"h": [3]}),
        ({"i": {"weights": "zeros"}}, {"i": {"biases": 0}}, {"i": {"weights": "zeros", "biases": 0}}),
    ],
)
def test_later_layers_win_and_another_entry_drops_the_options_of_the_one_before(below, above, merged):
    assert merge(below, above) == merged


trees = st.recursive(
    st.integers(0, 3) | st.sampled_from(["none", "sgd", "adam"]),
    lambda inner: st.dictionaries(st.sampled_from(["name", "lr", "x"]), inner, max_size=3),
    max_leaves=6,
)
layers = st.dictionaries(st.sampled_from(["a", "b"]), trees)


@given(layers)
def test_merging_nothing_changes_nothing(layer):
    assert merge({}, layer) == merge(layer, {}) == layer


@given(layers, layers)
def test_merging_leaves_its_layers_alone(below, above):
    copies = str(below), str(above)
    merge(below, above)
    assert (str(below), str(above)) == copies


# Files


def test_a_recipe_file_that_is_missing_or_not_toml_is_named(tmp_path):
    with pytest.raises(UsageError, match="nowhere.toml cannot be read: No such file"):
        read_file(tmp_path / "nowhere.toml")
    path = tmp_path / "bad.toml"
    path.write_text("epochs = 3\nepochs 4\n")
    with pytest.raises(UsageError, match=r"bad.toml is not TOML: .*line 2"):
        read_file(path)
    path.write_bytes(b"name = 'caf\xe9'")
    with pytest.raises(UsageError, match=r"bad.toml is not TOML"):
        read_file(path)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (CLASSES, {}),
        (VALUES, {"optimizer": {"name": "sgd", "momentum": 0.9}, "schedule": "constant"}),
        (
            CLASSES,
            {
                "initialization": {
                    "weights": "xavier-uniform",
                    "parameters": {"head.*": 0.5, "0.bias": "zeros"},
                },
                "early_stopping": {"patience": 3},
                "clip_norm": 2,
                "loss": {"label_smoothing": 0.1, "class_weights": "none"},
            },
        ),
    ],
)
def test_a_written_recipe_completes_to_itself(tmp_path, registry, facts, said):
    recipe = complete({"model": "net", **said}, facts, IRIS, registry)
    path = tmp_path / "recipe.toml"
    path.write_text(write(recipe))
    read = read_file(path)
    assert complete(read, facts, IRIS, registry) == recipe
    assert write(complete(read, facts, IRIS, registry)) == path.read_text()


# Completing


def test_defaults_follow_the_data(registry):
    recipe = complete({"model": "net"}, CLASSES, IRIS, registry)
    assert recipe.model == Choice("net", {"warmup": 0.05, "final": 0.0})
    assert recipe.data is IRIS
    assert (recipe.loss.name, recipe.optimizers["model"].name, recipe.schedules["model"].name) == (
        "cross-entropy",
        "adamw",
        "cosine",
    )
    assert recipe.objective == Choice("supervised", {})
    assert recipe.settings.metrics == ("accuracy", "macro_f1")
    # 1000 examples in batches of 32 are 32 steps; 3000 steps are 93 epochs.
    assert (recipe.settings.batch_size, recipe.settings.epochs) == (32, 93)


@pytest.mark.parametrize(
    ("num_train", "batch_size", "epochs"),
    [(1, 32, 100), (960, 32, 100), (1000, 32, 93), (4000, 128, 93), (10**6, 128, 5)],
)
def test_the_number_of_epochs_falls_with_the_size_of_the_data(registry, num_train, batch_size, epochs):
    settings = complete({"model": "net"}, DataFacts(CLASSES.target, num_train), IRIS, registry).settings
    assert (settings.batch_size, settings.epochs) == (batch_size, epochs)


@pytest.mark.parametrize(
    ("target", "loss", "metric"),
    [
        (Classes(("a", "b", "c")), "cross-entropy", "accuracy"),
        (Binary(("no", "yes")), "binary-cross-entropy", "accuracy"),
        (Labels(("a", "b")), "binary-cross-entropy", "micro_f1"),
        (Values(("x",)), "mean-squared-error", "rmse"),
    ],
)
def test_the_target_decides_loss_and_metrics(registry, target, loss, metric):
    recipe = complete({"model": "net"}, DataFacts(target, 100), IRIS, registry)
    assert recipe.loss.name == loss
    assert recipe.settings.metrics[0] == metric


def test_the_user_comes_before_the_architecture_and_the_architecture_before_the_defaults(registry):
    recipe = complete({"model": "classifier", "clip_norm": 5}, CLASSES, IRIS, registry)
    assert recipe.settings.clip_norm == 5.0
    assert recipe.settings.batch_size == 7
    assert (recipe.optimizers["model"].name, recipe.optimizers["model"].options["lr"]) == ("adam", 0.01)


def test_another_optimizer_drops_the_rate_that_the_architecture_suggests(registry):
    recipe = complete({"model": "classifier", "optimizer": "sgd"}, CLASSES, IRIS, registry)
    assert (recipe.optimizers["model"].name, recipe.optimizers["model"].options["lr"]) == ("sgd", 0.001)


def test_a_loss_that_does_not_fit_the_target_names_those_that_do(registry):
    error = refused({"loss": "mean-squared-error"}, CLASSES, registry)
    assert (
        error.message
        == "loss 'mean-squared-error' is for values or forecast, but the data's target is classes"
    )
    assert error.fix == "losses that fit classes: cross-entropy, focal, hinge, kullback-leibler"


def test_a_loss_that_expects_probabilities_is_refused_for_logits(registry):
    brier = Loss(name="brier", factory="a:b", summary="", fits=("classes",), expects="probabilities")
    both = Registry([brier], plugins=registry.plugins)
    error = refused({"loss": "brier"}, CLASSES, both)
    assert error.message == "loss 'brier' expects probabilities, but for classes a network emits logits"
    assert error.fix == "losses that fit classes: cross-entropy, focal, hinge, kullback-leibler"


def test_an_architecture_that_cannot_predict_the_target_names_those_that_can(registry):
    error = refused({"model": "classifier"}, VALUES, registry)
    assert error.message == "architecture 'classifier' predicts classes, but the data's target is values"
    assert error.fix == "architectures that predict values: net"


@pytest.mark.parametrize(
    ("given", "message", "fix"),
    [
        ({"epoch": 3}, "unknown key 'epoch'", "did you mean 'epochs'?"),
        ({"model": "nett"}, "there is no architecture 'nett'", "did you mean 'net'?"),
        ({"model": ""}, "the recipe names no model", "known: classifier, net"),
        ({"model": {"warmup": 0.1}}, "the recipe names no model", "known: classifier, net"),
        ({"model": {"name": "net", "finall": 1}}, "unknown key 'model.finall'", "did you mean 'final'?"),
        ({"optimizer": "adamww"}, "there is no optimizer 'adamww'", "did you mean 'adamw'?"),
        ({"optimizer": {"lrr": 1}}, "unknown key 'optimizer.lrr'", "did you mean 'lr'?"),
        ({"schedule": {"warmup": 2}}, "schedule.warmup=2: ", "schedule.warmup is float ≥ 0, ≤ 1"),
        ({"epochs": 0}, "epochs=0: input should be greater than or equal to 1", "epochs is int ≥ 1"),
        (
            {"batch_size": 0},
            "batch_size=0: input should be greater than or equal to 1",
            "batch_size is int ≥ 1",
        ),
        ({"batch_size": "many"}, "batch_size=many: ", "batch_size is int ≥ 1"),
        ({"clip_norm": 0}, "clip_norm=0: input should be greater than 0", "clip_norm is float | none > 0"),
        ({"ema": 1}, "ema=1: input should be less than 1", "ema is float | none > 0, < 1"),
        ({"device": "gpu"}, "device=gpu: ", "device is auto | cpu | cuda | mps"),
        ({"metrics": ["acuracy"]}, "there is no metric 'acuracy'", "did you mean 'accuracy'?"),
        (
            {"metrics": ["rmse"]},
            "metric 'rmse' is for values or forecast, but the data's target is classes",
            "accuracy, macro_f1",
        ),
        ({"metrics": "accuracy"}, "metrics=accuracy: ", "metrics is [str, …]"),
        ({"early_stopping": 5}, "early_stopping=5 is not a table", "early_stopping.patience=5"),
        (
            {"early_stopping": {"patient": 5}},
            "unknown key 'early_stopping.patient'",
            "did you mean 'patience'?",
        ),
        ({"checkpoint": {"keep": 0}}, "checkpoint.keep=0: ", "checkpoint.keep is int ≥ 1"),
        (
            {"checkpoint": {"best": "rmse"}},
            "checkpoint.best=rmse is not among the metrics of this recipe",
            "known: accuracy, last, loss, macro_f1",
        ),
        (
            {"initialization": "zeros"},
            "initialization='zeros' is not a table",
            "initialization.weights=xavier-uniform",
        ),
        ({"initialization": {"weight": 0}}, "unknown key 'initialization.weight'", "did you mean 'weights'?"),
        ({"initialization": {"weights": "zero"}}, "there is no initializer 'zero'", "did you mean 'zeros'?"),
        (
            {"initialization": {"weights": {"std": 1}}},
            "'initialization.weights' names no initializer",
            "xavier-uniform",
        ),
        (
            {"initialization": {"biases": {"name": "constant", "valu": 1}}},
            "unknown key 'initialization.biases.valu'",
            "did you mean 'value'?",
        ),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named_with_the_fix(registry, given, message, fix):
    error = refused(given, CLASSES, registry)
    assert error.message.startswith(message)
    assert fix in error.fix
    assert error.exit_code == 2


def test_the_best_checkpoint_may_be_chosen_by_the_loss_or_a_reported_metric(registry):
    for name in ("loss", "macro_f1"):
        recipe = complete({"model": "net", "checkpoint": {"best": name}}, CLASSES, IRIS, registry)
        assert recipe.settings.checkpoint.best == name


def test_initializers_are_chosen_by_role_pattern_or_number(registry):
    given = {
        "weights": "xavier-uniform",
        "biases": 0.5,
        "parameters": {"head.*": {"name": "normal", "std": 0.02}},
    }
    found = complete({"model": "net", "initialization": given}, CLASSES, IRIS, registry).initialization
    assert found.weights == Choice("xavier-uniform", {"gain": 1.0})
    assert found.biases == Choice("constant", {"value": 0.5})
    assert found.parameters == {"head.*": Choice("normal", {"mean": 0.0, "std": 0.02})}


def test_one_line_of_words_draws_small_weights_and_constant_biases(registry):
    given = read_words(
        ["initialization.weights=normal", "initialization.weights.std=0.01", "initialization.biases=0.1"]
    )
    found = complete({"model": "net", **given}, CLASSES, IRIS, registry).initialization
    assert found.weights.options["std"] == 0.01
    assert found.biases.options["value"] == 0.1


@pytest.mark.parametrize("seed", [-1, "x", 1.5, "none"])
def test_a_seed_is_a_whole_number_from_zero_up(seed):
    with pytest.raises(UsageError, match="seed="):
        recipes.check_seed(seed)


# Differences


def test_differences_name_dotted_keys_with_both_values():
    before = {"epochs": 2, "model": {"name": "net", "hidden": (1, 2)}, "gone": 1}
    after = {"epochs": 3, "model": {"name": "net", "hidden": [1, 2], "depth": 4}}
    assert differences(before, after) == {
        "epochs": "epochs was 2, is 3",
        "model.depth": "model.depth was None, is 4",
        "gone": "gone was 1, is None",
    }


@given(layers)
def test_nothing_differs_from_itself(layer):
    assert differences(layer, layer) == {}


def test_the_plugins_of_a_recipe_are_those_of_every_entry_it_names(registry):
    recipe = complete({"model": "net"}, CLASSES, IRIS, registry)
    [core, test] = recipes.plugins_of(recipe, registry)
    assert core["distribution"] == "zoo-core"
    assert test == {"distribution": "zoo-test", "version": "1.0"}


def test_a_recipe_file_is_toml_without_nulls(registry):
    recipe = complete({"model": "net"}, CLASSES, IRIS, registry)
    document = tomllib.loads(write(recipe))
    assert document["clip_norm"] == document["early_stopping"] == "none"
    assert document["optimizer"]["name"] == "adamw"
