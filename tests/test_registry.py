import os
import subprocess
import sys
from importlib import metadata

import pytest

from zoo.contracts.entries import Architecture, Loss, Optimizer
from zoo.discovery import describe
from zoo.errors import EnvironmentFault, PluginError, UsageError
from zoo.registry import Registry

LION = Optimizer(name="lion", factory="torch.optim:SGD", summary="A lion")
ROAR = Loss(name="roar", factory="nowhere:Roar", summary="A roar", fits=("classes",), expects="logits")


def discover(*names):
    return Registry.discover({"ZOO_PLUGINS": ",".join(names)})


def plugin(registry, name):
    [found] = [each for each in registry.plugins if each.distribution == name]
    return found


# Registries made by hand


def test_a_registry_of_two_entries_finds_both_by_kind_and_name():
    registry = Registry([LION, ROAR])
    assert registry.get("optimizer", "lion").entry is LION
    assert registry.get("loss", "roar").entry is ROAR
    assert [each.entry for each in registry] == [ROAR, LION]
    assert registry.names("schedule") == []


def test_entries_of_different_kinds_may_share_a_name():
    roar = Optimizer(name="roar", factory="torch.optim:SGD", summary="Another roar")
    registry = Registry([ROAR, roar])
    assert registry.get("loss", "roar").entry is ROAR
    assert registry.get("optimizer", "roar").entry is roar


def test_an_unknown_name_suggests_the_nearest_of_its_kind():
    with pytest.raises(UsageError) as caught:
        Registry([LION, ROAR]).get("optimizer", "loin")
    assert caught.value.message == "there is no optimizer 'loin'"
    assert caught.value.fix == "did you mean 'lion'?"


def test_an_unknown_name_far_from_all_lists_what_there_is():
    with pytest.raises(UsageError) as caught:
        Registry([LION]).get("optimizer", "xxxxxxxx")
    assert caught.value.fix == "known: lion"


def test_an_unknown_name_mentions_broken_plugins(site):
    site.install("zoo-sick", "import nothing_of_this_name")
    with pytest.raises(UsageError, match="broken plugins: zoo-sick .*nothing_of_this_name"):
        discover("zoo-sick").get("loss", "roar")


@pytest.mark.parametrize("name", ["Lion", "lion king", "", "löwe", "-lion", "lion/king"])
def test_an_entry_refuses_a_name_that_is_not_kebab_case(name):
    with pytest.raises(ValueError, match="lower-case words"):
        Optimizer(name=name, factory="torch.optim:SGD", summary="")


@pytest.mark.parametrize("factory", ["torch.optim.SGD", "torch.optim:", ":SGD", "a b:c", "a:b:c"])
def test_an_entry_refuses_a_factory_that_is_not_module_and_attribute(factory):
    with pytest.raises(ValueError, match="package.module:attribute"):
        Optimizer(name="lion", factory=factory, summary="")


# Discovery


def test_the_built_in_entries_come_from_the_core_distribution():
    registry = discover()
    assert [each.distribution for each in registry.plugins] == ["zoo-core"]
    assert registry.get("optimizer", "sgd").qualified_name == "zoo-core/sgd"
    assert str(registry.get("optimizer", "sgd")).startswith("optimizer 'sgd' of zoo-core ")


def test_an_installed_distribution_is_found_with_its_version(site):
    site.install("zoo-lion", version="2.3")
    found = discover("zoo-lion").get("loss", "roar").plugin
    assert (found.distribution, found.version, found.status) == ("zoo-lion", "2.3", "ok")


def test_registration_does_not_import_factories(site):
    source = """
    from zoo.plugin import Loss, hookimpl

    @hookimpl
    def zoo_register():
        return (Loss(name="roar", factory="zoo_lion_heavy:make", summary="s", fits=("classes",), expects="logits"),)
    """
    site.install("zoo-lion", source)
    (site.path / "zoo_lion_heavy.py").write_text("def make(): pass")
    registry = discover("zoo-lion")
    found = registry.get("loss", "roar")
    assert "zoo_lion_heavy" not in sys.modules
    assert registry.load(found).__name__ == "make"


def test_two_plugins_of_one_name_stay_reachable_by_distribution(site):
    site.install("zoo-lion")
    site.install("tiger", version="2.0")
    registry = discover("zoo-lion", "tiger")
    with pytest.raises(UsageError) as caught:
        registry.get("loss", "roar")
    assert caught.value.message == "loss 'roar' is offered by 2 plugins: tiger 2.0, zoo-lion 1.0"
    assert caught.value.fix == "write 'tiger/roar' or 'zoo-lion/roar'"
    assert registry.get("loss", "zoo-lion/roar").plugin.distribution == "zoo-lion"
    assert registry.get("loss", "tiger/roar").plugin.distribution == "tiger"
    assert {"tiger/roar", "zoo-lion/roar"} <= set(registry.names("loss"))
    assert "roar" not in registry.names("loss")


def test_a_plugin_cannot_take_a_name_of_zoo_itself_from_those_who_use_it(site):
    site.install("zoo-lion", entry="cross-entropy")
    registry = discover("zoo-lion")
    assert registry.get("loss", "cross-entropy").plugin.distribution == "zoo-core"
    assert registry.get("loss", "zoo-lion/cross-entropy").plugin.distribution == "zoo-lion"
    assert {"cross-entropy", "zoo-lion/cross-entropy"} <= set(registry.names("loss"))


def test_a_distribution_may_be_named_without_its_zoo_prefix_and_in_any_spelling(site):
    site.install("zoo-big_cats")
    registry = discover("zoo-big-cats")
    for spelling in ("zoo-big_cats/roar", "big-cats/roar", "Zoo.Big.Cats/roar"):
        assert registry.get("loss", spelling).plugin.distribution == "zoo-big_cats"


def test_a_distribution_named_in_full_comes_before_one_with_a_zoo_prefix(site):
    site.install("lion")
    site.install("zoo-lion")
    registry = discover("lion", "zoo-lion")
    assert registry.get("loss", "lion/roar").plugin.distribution == "lion"
    assert registry.get("loss", "zoo-lion/roar").plugin.distribution == "zoo-lion"


@pytest.mark.parametrize("name", ["bear/roar", "zoo-bear/roar", "Zoo_Bear/roar"])
def test_an_unknown_distribution_before_the_slash_says_what_to_install(site, name):
    site.install("zoo-lion")
    with pytest.raises(PluginError) as caught:
        discover("zoo-lion").get("loss", name)
    assert caught.value.message == f"there is no loss {name!r}: no plugin zoo-bear is installed"
    assert caught.value.fix.startswith("`zoo install zoo-bear`")


@pytest.mark.parametrize("name", ["lion/purr", "zoo-lion/purr"])
def test_an_unknown_name_of_an_installed_distribution_suggests_the_nearest(site, name):
    site.install("zoo-lion", entry="purrr")
    with pytest.raises(UsageError) as caught:
        discover("zoo-lion").get("loss", name)
    assert caught.value.message == f"there is no loss {name!r}"


def test_an_entry_of_a_broken_distribution_says_that_it_is_broken(site):
    site.install("zoo-lion", "raise RuntimeError('no luck')")
    with pytest.raises(UsageError) as caught:
        discover("zoo-lion").get("loss", "lion/roar")
    assert "broken plugins: zoo-lion (RuntimeError: no luck)" in caught.value.fix


def test_the_order_of_installation_decides_nothing(site):
    names = ("zoo-b", "zoo-a", "zoo-c")
    for name in names:
        site.install(name)
    expected = ["zoo-core", "zoo-a", "zoo-b", "zoo-c"]
    assert [each.distribution for each in discover(*names).plugins] == expected
    assert [each.distribution for each in discover(*reversed(names)).plugins] == expected


def test_zoo_plugins_chooses_by_distribution_or_entry_point(site):
    site.install("zoo-a")
    site.install("zoo-b", points={"bee": "zoo_b"})
    site.install("zoo-c")
    chosen = discover("zoo_a", " BEE ")
    assert [each.distribution for each in chosen.plugins] == ["zoo-core", "zoo-a", "zoo-b"]


def test_without_zoo_plugins_everything_is_loaded(site):
    site.install("zoo-a")
    names = [each.distribution for each in Registry.discover({}).plugins]
    assert names[0] == "zoo-core"
    assert "zoo-a" in names


# Broken plugins: (source, words of the cause)

BROKEN = {
    "raises": ("raise RuntimeError('no luck')", "RuntimeError: no luck"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "is-not-python": ("def (:", "SyntaxError: "),
    "lacks-a-dependency": ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
    "registers-and-raises": (
        "from zoo.plugin import hookimpl\n@hookimpl\ndef zoo_register():\n    raise KeyError('lost')",
        "KeyError: 'lost'",
    ),
    "registers-and-exits": (
        "from zoo.plugin import hookimpl\n@hookimpl\ndef zoo_register():\n    raise SystemExit",
        "SystemExit",
    ),
    "returns-nothing": (
        "from zoo.plugin import hookimpl\n@hookimpl\ndef zoo_register():\n    pass",
        "zoo_register of zoo-broken:zoo-broken returned NoneType, not a list of entries",
    ),
    "returns-strings": (
        "from zoo.plugin import hookimpl\n@hookimpl\ndef zoo_register():\n    return ['lion']",
        "returned list, not a list of entries",
    ),
    "knows-no-such-hook": (
        "from zoo.plugin import hookimpl\n@hookimpl\ndef zoo_roar():\n    pass",
        "unknown hook 'zoo_roar'",
    ),
    "asks-for-no-such-argument": (
        "from zoo.plugin import hookimpl\n@hookimpl\ndef zoo_run_started(volume):\n    pass",
        "volume",
    ),
    "offers-one-name-twice": (
        "from zoo.plugin import Schedule, hookimpl\n@hookimpl\ndef zoo_register():\n"
        "    return [Schedule(name='s', factory='a:b', summary='')] * 2",
        "offers the schedule 's' twice",
    ),
    "names-badly": (
        "from zoo.plugin import Schedule, hookimpl\n@hookimpl\ndef zoo_register():\n"
        "    return [Schedule(name='My Schedule', factory='a:b', summary='')]",
        "'My Schedule' is not lower-case words",
    ),
    "forgets-a-field": (
        "from zoo.plugin import Loss, hookimpl\n@hookimpl\ndef zoo_register():\n"
        "    return [Loss(name='s', factory='a:b', summary='')]",
        "missing 2 required keyword-only arguments: 'fits' and 'expects'",
    ),
}


@pytest.mark.parametrize(("source", "cause"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_listed_with_its_cause_and_disturbs_no_other(site, source, cause):
    site.install("zoo-broken", source)
    site.install("zoo-lion")
    registry = discover("zoo-broken", "zoo-lion")
    broken = plugin(registry, "zoo-broken")
    assert (broken.status, broken.version, broken.entries) == ("broken", "1.0", ())
    assert cause in broken.cause
    assert plugin(registry, "zoo-lion").status == "ok"
    assert registry.names("loss").count("roar") == 1
    assert registry.get("optimizer", "adamw")


def test_the_hooks_of_a_broken_plugin_are_not_called(site):
    source = """
    from zoo.plugin import hookimpl

    @hookimpl
    def zoo_commands():
        raise AssertionError("called")

    @hookimpl
    def zoo_metrics_logged(volume):
        pass
    """
    site.install("zoo-broken", source)
    registry = discover("zoo-broken")
    assert plugin(registry, "zoo-broken").status == "broken"
    assert registry.hooks.hook.zoo_commands() == []


def test_one_module_offered_twice_is_broken_once(site):
    site.install("zoo-lion", points={"first": "zoo_lion", "second": "zoo_lion"})
    registry = discover("zoo-lion")
    assert sorted(each.status for each in registry.plugins if each.distribution == "zoo-lion") == [
        "broken",
        "ok",
    ]
    assert plugin_causes(registry) == ["its module is registered by zoo-lion:first already"]
    assert registry.get("loss", "roar")


def plugin_causes(registry):
    return [plugin.cause for plugin in registry.plugins if plugin.cause]


def test_a_plugin_for_a_newer_contract_is_refused_before_it_is_imported(site):
    site.install("zoo-future", "raise AssertionError('imported')", requires=["torch", "zoo-core>=9"])
    assert plugin(discover("zoo-future"), "zoo-future").cause.startswith("needs zoo-core >=9, have ")
    assert "zoo_future" not in sys.modules


def test_requirements_of_an_extra_or_of_another_system_are_no_requirements(site):
    site.install(
        "zoo-lion",
        requires=["zoo_core[train]>=0.0.1", "zoo-core>=9; extra == 'x'", "zoo-core>=9; python_version<'3'"],
    )
    assert plugin(discover("zoo-lion"), "zoo-lion").status == "ok"


@pytest.mark.parametrize(
    ("requirement", "status"),
    [
        ("zoo-core", "ok"),
        ("zoo-core>=0", "ok"),
        ("zoo-core>={}", "ok"),
        ("Zoo_Core[train] >= {}", "ok"),
        ("zoo-core>={}.0", "ok"),
        ("zoo-core=={}", "ok"),
        ("zoo-core<99,>={}", "ok"),
        ("zoo-core-extras>=99", "ok"),
        ("zoo-core>={}.1", "broken"),
        ("zoo-core>=99", "broken"),
        ("zoo-core<{}", "broken"),
        ("zoo-core!={}", "broken"),
        ("zoo-core>=0,<0.0.1", "broken"),
    ],
)
def test_a_plugin_is_compatible_when_its_requirement_holds_the_installed_version(site, requirement, status):
    site.install("zoo-lion", requires=[requirement.format(metadata.version("zoo-core"))])
    assert plugin(discover("zoo-lion"), "zoo-lion").status == status


def test_a_requirement_that_cannot_be_read_makes_the_plugin_broken(site):
    site.install("zoo-lion", requires=["zoo-core >>> 1"])
    assert plugin(discover("zoo-lion"), "zoo-lion").cause.startswith("InvalidRequirement: ")


def test_an_entry_point_that_names_nothing_makes_the_plugin_broken(site):
    site.install("zoo-lion", points={"lion": "zoo_tiger"})
    assert "zoo_tiger" in plugin(discover("zoo-lion"), "zoo-lion").cause


def test_a_distribution_without_metadata_disturbs_no_other(site):
    info = site.install("zoo-bare")
    (info / "METADATA").unlink()
    site.install("zoo-lion", entry="purr")
    registry = Registry.discover({})
    assert registry.get("loss", "purr").plugin.distribution == "zoo-lion"
    assert plugin(registry, "zoo_bare").version == "unknown"


def test_a_keyboard_interrupt_is_never_swallowed(site):
    site.install("zoo-slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        discover("zoo-slow")


# Factories


def registered(factory):
    registry = Registry([Optimizer(name="lion", factory=factory, summary="")])
    return registry, registry.get("optimizer", "lion")


def test_a_nested_attribute_is_a_factory():
    registry, lion = registered("collections:OrderedDict.fromkeys")
    assert registry.build(lion, ["a"]) == {"a": None}


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("nothing_of_this_name:Lion", "No module named 'nothing_of_this_name'"),
        ("json:Lion", "has no attribute 'Lion'"),
    ],
)
def test_a_factory_that_cannot_be_imported_names_the_plugin_and_the_cause(factory, words):
    registry, lion = registered(factory)
    with pytest.raises(PluginError) as caught:
        registry.load(lion)
    assert words in caught.value.message
    assert caught.value.message.startswith("the optimizer 'lion' of local 0 cannot be imported: ")
    assert caught.value.exit_code == 5


def test_what_is_offered_by_name_alone_is_listed_and_refused_with_the_plugins_reason():
    entry = Optimizer(name="lion", factory="nowhere:Lion", summary="A lion", unsupported="it needs a savanna")
    registry = Registry([entry])
    assert registry.names("optimizer") == ["lion"]
    with pytest.raises(UsageError, match="optimizer 'lion' of local 0 cannot be used: it needs a savanna"):
        registry.load(registry.get("optimizer", "lion"))


def test_a_factory_module_that_exits_is_an_error_of_the_plugin(site):
    (site.path / "zoo_exit.py").write_text("raise SystemExit(0)")
    registry, lion = registered("zoo_exit:Lion")
    with pytest.raises(PluginError, match="cannot be imported: SystemExit: 0"):
        registry.load(lion)


def test_a_factory_that_needs_the_train_extra_says_what_to_install(site):
    (site.path / "zoo_needs_torch.py").write_text("raise ModuleNotFoundError(name='torch')")
    registry, lion = registered("zoo_needs_torch:Lion")
    with pytest.raises(EnvironmentFault) as caught:
        registry.load(lion)
    assert "needs torch, which is not installed" in caught.value.message
    assert caught.value.fix == "pip install 'zoo-core[train]'"


def test_a_factory_that_raises_names_the_entry_and_how_to_see_its_options():
    registry, lion = registered("math:sqrt")
    with pytest.raises(PluginError) as caught:
        registry.build(lion, -1.0)
    assert caught.value.message == "the optimizer 'lion' of local 0 failed: ValueError: math domain error"
    assert "`zoo show lion`" in caught.value.fix


def test_an_error_that_a_factory_raises_on_purpose_passes_through(site):
    (site.path / "zoo_picky.py").write_text(
        "from zoo.plugin import DataError\ndef make():\n    raise DataError('wrong')"
    )
    registry, lion = registered("zoo_picky:make")
    with pytest.raises(Exception, match="^wrong$"):
        registry.build(lion)


def test_discovery_in_a_new_process_reads_the_environment(site):
    site.install("zoo-lion")
    script = "from zoo import Registry; print([p.distribution for p in Registry.discover().plugins])"
    env = {**os.environ, "PYTHONPATH": str(site.path), "ZOO_PLUGINS": "zoo-lion"}
    result = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "['zoo-core', 'zoo-lion']"


def test_an_architecture_knows_its_only_player_by_default():
    entry = Architecture(name="net", factory="a:b", summary="", accepts=("vector",), predicts=("values",))
    assert (entry.players, entry.objective, entry.exports) == (("model",), "supervised", "model")


def test_an_error_of_pytorch_is_described_without_its_frames():
    error = TypeError("bad size Exception raised from unpack at numbers.h:79 frame #0: c10::Error")
    assert describe(error) == "TypeError: bad size"
