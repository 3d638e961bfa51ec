"""The ``key=value`` words that could come next: recipe keys, option keys and their values."""

from collections.abc import Iterator, Mapping

from zoo.contracts.recipe import Checkpointing, EarlyStopping, Settings
from zoo.options import Option, schema_of, schema_of_settings
from zoo.registry import Registry


def candidates(
    incomplete: str, chosen: Mapping[str, str | None], registry: Registry, kinds: Mapping[str, str]
) -> list[str]:
    """Every word that a recipe could hold and that begins as the incomplete one.

    Args:
        incomplete: What has been typed of the word.
        chosen: Entries chosen so far by key, for example ``{"model": "mlp"}``.
        registry: Where names are looked up.
        kinds: Kind of entry by recipe key.
    """
    key, equals, _ = incomplete.partition("=")
    if equals:
        return [f"{key}={value}" for value in _values(key, chosen, registry, kinds)]
    return [f"{word}=" for word in _keys(key, chosen, registry, kinds)]


def _keys(
    typed: str, chosen: Mapping[str, str | None], registry: Registry, kinds: Mapping[str, str]
) -> Iterator[str]:
    yield from kinds
    yield from (option.name for option in schema_of_settings(Settings).options)
    for section, settings in _SECTIONS.items():
        yield from (f"{section}.{option.name}" for option in schema_of_settings(settings).options)
    # An entry's options cost the import of its library, so only those that are asked for.
    for key in kinds:
        if typed.startswith(f"{key}."):
            yield from (f"{key}.{option.name}" for option in _options(key, chosen, registry, kinds))


def _values(
    key: str, chosen: Mapping[str, str | None], registry: Registry, kinds: Mapping[str, str]
) -> list[str]:
    if key in kinds:
        return registry.names(kinds[key])
    section, _, name = key.rpartition(".")
    if section in kinds:
        options = _options(section, chosen, registry, kinds)
    else:
        options = schema_of_settings(_SECTIONS.get(section, Settings)).options
    if key == "metrics":
        return registry.names("metric")
    return [choice for option in options if option.name == name for choice in option.choices]


def _options(
    key: str, chosen: Mapping[str, str | None], registry: Registry, kinds: Mapping[str, str]
) -> tuple[Option, ...]:
    name = chosen.get(key) or _DEFAULTS.get(key)
    if not name:
        return ()
    if key == "data":
        from zoo.data import options_of

        return options_of(name, registry)
    return schema_of(registry.load(registry.get(kinds[key], name))).options


_SECTIONS: dict[str, type] = {"early_stopping": EarlyStopping, "checkpoint": Checkpointing}
_DEFAULTS = {"optimizer": "adamw", "schedule": "cosine", "objective": "supervised"}
