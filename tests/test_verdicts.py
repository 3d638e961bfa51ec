"""Plugins whose import never returns or ends the interpreter: found out in another process, once."""

import json
import sys

import pytest

from zoo.registry import Registry

# Each import leaves a mark, so that imports can be counted.
MARK = "from pathlib import Path\nwith Path(__file__).with_suffix('.log').open('a') as log:\n    log.write('x')\n"
LOSS = """
from zoo.plugin import Loss, hookimpl

@hookimpl
def zoo_register():
    return [Loss(name="roar", factory="a:b", summary="s", fits=("classes",), expects="logits")]
"""
CRASH = "import ctypes\nctypes.string_at(0)"
ENDLESS = "import time\nwhile True:\n    time.sleep(1)"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "zoo" / "plugins.json"


def discover(*names, timeout="20", is_retry=False):
    """As a new process would: nothing of the plugins is imported yet."""
    for name in names:
        sys.modules.pop(name.replace("-", "_"), None)
    environ = {"ZOO_PLUGINS": ",".join(names), "ZOO_PLUGIN_TIMEOUT": timeout}
    registry = Registry.discover(environ, is_retry=is_retry)
    return {plugin.distribution: plugin for plugin in registry.plugins}


def num_imports(site, name):
    return len((site.path / f"{name.replace('-', '_')}.log").read_text())


def test_an_import_without_end_is_ended_and_named_with_its_limit(site):
    site.install("zoo-endless", MARK + ENDLESS)
    found = discover("zoo-endless", timeout="1")["zoo-endless"]
    assert found.cause == "its import has not ended after 1 s (ZOO_PLUGIN_TIMEOUT)"
    assert "zoo_endless" not in sys.modules


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        (CRASH, "its import crashes the interpreter (SIGSEGV)"),
        ("import os\nos.abort()", "its import crashes the interpreter (SIGABRT)"),
        ("import os\nos._exit(0)", "its import ends the interpreter with code 0"),
        (
            "import os\nfrom zoo.plugin import hookimpl\n@hookimpl\ndef zoo_register():\n    os._exit(3)",
            "its import ends the interpreter with code 3",
        ),
        (
            "import os\nfrom zoo.plugin import hookimpl\n@hookimpl\ndef zoo_commands():\n    os._exit(4)",
            "its import ends the interpreter with code 4",
        ),
    ],
)
def test_what_ends_the_interpreter_ends_another_one(site, source, cause):
    site.install("zoo-crash", source)
    assert discover("zoo-crash")["zoo-crash"].cause == cause


def test_plugins_before_and_behind_one_that_crashes_are_as_they_were(site):
    site.install("zoo-a", LOSS)
    site.install("zoo-b", CRASH)
    site.install("zoo-c", LOSS)
    site.install("zoo-d", CRASH)
    site.install("zoo-e", "raise RuntimeError('no luck')")
    found = discover("zoo-a", "zoo-b", "zoo-c", "zoo-d", "zoo-e")
    assert {name: bool(found[f"zoo-{name}"].entries) for name in "abcde"} == {
        "a": True,
        "b": False,
        "c": True,
        "d": False,
        "e": False,
    }
    assert found["zoo-e"].cause == "RuntimeError: no luck"


def test_a_good_plugin_is_tried_once_and_then_only_imported(site):
    site.install("zoo-lion", MARK + LOSS)
    assert discover("zoo-lion")["zoo-lion"].status == "ok"
    assert num_imports(site, "zoo-lion") == 2
    assert discover("zoo-lion")["zoo-lion"].status == "ok"
    assert num_imports(site, "zoo-lion") == 3


def test_a_bad_plugin_is_not_tried_again_until_something_changed(site):
    site.install("zoo-crash", MARK + CRASH)
    for _ in range(2):
        assert discover("zoo-crash")["zoo-crash"].status == "broken"
    assert num_imports(site, "zoo-crash") == 1
    (site.path / "zoo_crash.py").write_text(MARK + LOSS)
    assert discover("zoo-crash")["zoo-crash"].status == "ok"


def test_a_bad_plugin_is_tried_again_once_something_is_installed_beside_it(site):
    site.install("zoo-crash", MARK + CRASH)
    discover("zoo-crash")
    site.install("zoo-lion")
    discover("zoo-crash")
    assert num_imports(site, "zoo-crash") == 2


def test_a_bad_plugin_is_tried_again_on_request_or_with_more_time(site):
    site.install("zoo-endless", MARK + ENDLESS)
    for expected, wish in [
        (1, {"timeout": "1"}),
        (1, {"timeout": "0.5"}),
        (2, {"timeout": "1.5"}),
        (3, {"timeout": "1", "is_retry": True}),
    ]:
        assert discover("zoo-endless", **wish)["zoo-endless"].status == "broken"
        assert num_imports(site, "zoo-endless") == expected


def test_every_file_of_the_plugin_that_registration_reads_counts(site):
    site.install("zoo-lion", points={"lion": "zoo_lions"})
    package = site.path / "zoo_lions"
    package.mkdir()
    (package / "__init__.py").write_text("from zoo_lions.facts import NAME\n" + LOSS)
    (package / "facts.py").write_text("NAME = 'roar'")
    assert discover("zoo-lion")["zoo-lion"].status == "ok"
    for name in ("zoo_lions", "zoo_lions.facts"):
        del sys.modules[name]
    (package / "facts.py").write_text(CRASH)
    assert "SIGSEGV" in discover("zoo-lion")["zoo-lion"].cause


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b'{"format": 2, "verdicts": {}}',
        b'{"format": 1, "verdicts": []}',
        b'{"format": 1, "verdicts": {"a": {"cause": 3, "files": {}, "limit_s": 1}}}',
        b'{"format": 1, "verdicts": {"a": {"cause": "", "files": {}, "limit_s": 1, "code": "x"}}}',
    ],
    ids=lambda content: content[:12].decode(errors="replace"),
)
def test_a_damaged_cache_is_replaced(site, own_cache, content):
    site.install("zoo-crash", CRASH)
    own_cache.parent.mkdir(parents=True)
    own_cache.write_bytes(content)
    assert "SIGSEGV" in discover("zoo-crash")["zoo-crash"].cause
    [verdict] = json.loads(own_cache.read_text())["verdicts"].values()
    assert verdict["cause"] == "its import crashes the interpreter (SIGSEGV)"


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(site, own_cache):
    own_cache.parents[1].write_text("a file where the folder should be")
    site.install("zoo-lion", MARK + LOSS)
    for expected in (2, 4):
        assert discover("zoo-lion")["zoo-lion"].status == "ok"
        assert num_imports(site, "zoo-lion") == expected


def test_verdicts_of_what_is_no_longer_there_are_forgotten(site, own_cache):
    info = site.install("zoo-crash", CRASH)
    discover("zoo-crash")
    (site.path / "zoo_crash.py").unlink()
    for file in info.iterdir():
        file.unlink()
    info.rmdir()
    site.install("zoo-lion", LOSS)
    discover("zoo-lion")
    [key] = json.loads(own_cache.read_text())["verdicts"]
    assert key.endswith("zoo_lion")


@pytest.mark.parametrize("timeout", ["soon", "-1", "0", ""])
def test_a_limit_that_is_none_is_the_usual_one(site, own_cache, timeout):
    site.install("zoo-lion", LOSS)
    assert discover("zoo-lion", timeout=timeout)["zoo-lion"].status == "ok"
    [verdict] = json.loads(own_cache.read_text())["verdicts"].values()
    assert verdict["limit_s"] == 5


def test_what_a_plugin_prints_while_it_is_imported_is_no_result(site, capfd):
    site.install("zoo-loud", "print('loud')\n" + LOSS)
    assert discover("zoo-loud")["zoo-loud"].status == "ok"
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == "loud\n"  # once: what it says in the other process is lost


def test_a_plugin_that_asks_for_the_plugins_starts_no_process_after_another(site):
    source = (
        "from zoo.registry import Registry\nNAMES = [p.distribution for p in Registry.discover().plugins]\n"
    )
    site.install("zoo-curious", MARK + source + LOSS)
    assert discover("zoo-curious")["zoo-curious"].cause == ""
    assert num_imports(site, "zoo-curious") == 2


def test_a_thread_that_a_plugin_leaves_running_keeps_nobody_waiting(site):
    # Only in the other process, which loads no further plugins: this one has to end too.
    source = """
    import os, threading, time
    if os.environ.get("ZOO_PLUGINS") == "":
        threading.Thread(target=time.sleep, args=(600,)).start()
    """
    site.install("zoo-threads", source)
    assert discover("zoo-threads")["zoo-threads"].status == "ok"
