"""One factory for all networks of timm: ``zoo_timm.networks:resnet18`` is that of ``resnet18``."""

from collections.abc import Callable
from typing import Annotated, Any

import timm
from timm.layers import PatchEmbed
from timm.models import PretrainedCfg, get_pretrained_cfg, list_pretrained
from torch import nn

from zoo.plugin import (
    Ge,
    Lt,
    Restandardise,
    Scored,
    Signature,
    UsageError,
    is_restoring,
    misfit,
    num_scores,
    picture_shape,
    require_fit,
)
from zoo_timm.layers import make_exportable

_Rate = Annotated[float, Ge(0), Lt(1)] | None


def __getattr__(name: str) -> Callable[..., Scored]:
    if not timm.is_model(name):
        raise AttributeError(f"timm {timm.__version__} has no network {name!r}")

    def factory(
        signature: Signature,
        *,
        pretrained: bool = False,
        tag: str = "",
        drop_rate: _Rate = None,
        drop_path_rate: _Rate = None,
    ) -> Scored:
        """A network of timm.

        Args:
            signature: One picture ``[channels, height, width]``, and the scores to emit.
            pretrained: Whether to start from timm's weights, which are downloaded once; all but the last layer.
            tag: Which weights, as timm calls them; its default ones if empty.
            drop_rate: Probability with which a feature before the last layer is zeroed; the network's own if none.
            drop_path_rate: Probability with which a residual branch is left out; the network's own if none.

        Raises:
            DataError: The network cannot take pictures of that size.
            UsageError: There are no such weights, they cannot be loaded, or the network lacks an option.
        """
        config = _config(name, tag, pretrained=pretrained)
        rates = {"drop_rate": drop_rate, "drop_path_rate": drop_path_rate}
        network = _create(name, signature, config, pretrained=pretrained, rates=rates)
        return Scored(network, signature.outputs, _restandardise(name, signature, config))

    factory.__name__ = factory.__qualname__ = name
    return factory


def config_of(name: str) -> PretrainedCfg:
    """What timm knows of a network's default weights and of the pictures that it was made for."""
    config = get_pretrained_cfg(name)
    assert config is not None
    return config


def usual_side(config: PretrainedCfg) -> int:
    """Side in pixels of the pictures that a network was made for; the shorter one."""
    return min(config.input_size[1:])


def _config(name: str, tag: str, *, pretrained: bool) -> PretrainedCfg:
    if not pretrained:
        if tag:
            raise UsageError(f"tag={tag!r} names weights that are not asked for", fix="add pretrained=true")
        return config_of(name)
    tags = [full.partition(".")[2] for full in list_pretrained(name)]
    known = f"weights of {name} in timm {timm.__version__}: {', '.join(sorted(tags)) or 'none'}"
    if not tags:
        raise UsageError(f"there are no weights of {name}", fix=f"leave out pretrained=true; {known}")
    if tag and tag not in tags:
        raise UsageError(f"there are no weights {tag!r} of {name}", fix=known)
    config = get_pretrained_cfg(f"{name}.{tag}" if tag else name)
    if config is None or not config.has_weights:
        raise UsageError(f"the default weights of {name} do not exist", fix=f"choose a tag; {known}")
    return config


def _create(
    name: str, signature: Signature, config: PretrainedCfg, *, pretrained: bool, rates: dict[str, Any]
) -> nn.Module:
    channels, height, width = shape = picture_shape(signature)
    arguments: dict[str, Any] = {**rates, "in_chans": channels, "num_classes": num_scores(signature)}
    is_resized = config.fixed_input_size and (height, width) != tuple(config.input_size[1:])
    if is_resized:
        arguments["img_size"] = height if height == width else (height, width)
    try:
        network = timm.create_model(
            name, pretrained=pretrained and not is_restoring(), pretrained_cfg=config.tag or None, **arguments
        )
    except OSError as error:
        raise UsageError(
            f"the weights {config.tag!r} of {name} cannot be loaded: {_first_line(error)}",
            fix="timm downloads them once from huggingface.co: connect to the internet, or leave out pretrained=true",
        ) from error
    except Exception as error:
        unknown = [option for option in rates if f"'{option}'" in str(error)]
        if isinstance(error, TypeError) and unknown:
            raise UsageError(
                f"{name} has no option {unknown[0]!r}", fix=f"leave out model.{unknown[0]}"
            ) from error
        if is_resized:
            raise misfit(name, shape, usual_side(config), error) from error
        raise
    if (height, width) != tuple(config.input_size[1:]):  # some were themselves made for no whole number
        _require_whole_patches(network, name, shape, usual_side(config))
    require_fit(network, shape, name=name, usual=usual_side(config))
    make_exportable(network)
    return network  # type: ignore[no-any-return]


def _require_whole_patches(network: nn.Module, name: str, shape: tuple[int, int, int], usual: int) -> None:
    """Refuses pictures whose right and lower edges timm would leave out without a word."""
    patches = getattr(network, "patch_embed", None)
    if not isinstance(patches, PatchEmbed) or patches.dynamic_img_pad:
        return
    _, *sides = shape
    if any(side % patch for side, patch in zip(sides, patches.patch_size, strict=True)):
        width = patches.patch_size[-1]
        raise misfit(name, shape, usual, ValueError(f"they are no whole number of patches of {width} pixels"))


def _restandardise(name: str, signature: Signature, config: PretrainedCfg) -> nn.Module | None:
    """Preprocessing standardises by the constants of the default weights; other weights may have others."""
    usual = config_of(name)
    given, wanted = (usual.mean, usual.std), (config.mean, config.std)
    channels, *_ = picture_shape(signature)
    if given == wanted or channels not in (1, len(given[0])):
        return None
    return Restandardise(channels, given, wanted)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
