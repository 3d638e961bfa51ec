"""Builds what training needs from a recipe: the split, the networks and their players."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.optim import swa_utils

from zoo import postprocessing
from zoo.contracts.entries import Architecture, Optimizer
from zoo.contracts.entries import Objective as ObjectiveEntry
from zoo.contracts.examples import Examples, Splits
from zoo.contracts.recipe import Choice, Recipe
from zoo.contracts.signature import Signature
from zoo.data.batches import derive_seed
from zoo.errors import PluginError, UsageError
from zoo.options import schema_of
from zoo.postprocessing import Answers
from zoo.preprocessing import Preprocessing
from zoo.registry import Registered, Registry
from zoo.training.devices import choose_device
from zoo.training.distributed import Team
from zoo.training.encoded import EncodedSplit
from zoo.training.evaluation import Judge
from zoo.training.initialization import initialize
from zoo.training.objectives import Objective, SeveralLosses
from zoo.training.player import Player, has_two_modes
from zoo.training.precision import build_scaler, choose_format, lay_out
from zoo.training.sharding import are_spread, shard
from zoo.training.updating import leave_compiler_alone

Networks = dict[str, torch.nn.Module]
_FUSED_ON_THE_CPU_ALONE = (torch.optim.Adagrad,)


@dataclass(frozen=True)
class Prepared:
    """Everything a trainer needs, checked and built.

    Attributes:
        recipe: The complete recipe.
        registry: Where its entries came from.
        device: Where training runs.
        players: By name.
        objective: Yields the turns of a batch.
        train: The training split.
        validation: The validation split.
        test: The test split, judged when training has ended.
        judge: How the answering network is judged.
        team: The processes that train together.
    """

    recipe: Recipe
    registry: Registry
    device: torch.device
    players: dict[str, Player]
    objective: Objective
    train: EncodedSplit
    validation: EncodedSplit
    test: EncodedSplit
    judge: Judge
    team: Team

    @property
    def may_defer(self) -> bool:
        """Whether a step that is not finite may be found some steps later: where to ask means to wait."""
        return self.device.type == "cuda" and self.recipe.settings.on_nonfinite == "stop"

    @property
    def defers(self) -> bool:
        """Whether it will be: the optimizers themselves then leave everything alone."""
        trained = [player for player in self.players.values() if player.optimizer is not None]
        return self.may_defer and all(player.is_gated and player.scaler is None for player in trained)


def prepare(
    recipe: Recipe,
    preprocessing: Preprocessing,
    splits: Splits,
    registry: Registry,
    team: Team | None = None,
) -> Prepared:
    """Builds the networks and encodes the splits.

    Raises:
        ZooError: Something does not fit; nothing was written.
    """
    team = team or Team()
    team.require_share(recipe.settings.batch_size)
    if not recipe.settings.compile:
        leave_compiler_alone()
    device = choose_device(recipe.settings.device)
    networks = build_networks(recipe, preprocessing.encoded, registry)
    networks |= build_further_players(recipe, preprocessing.encoded, registry)
    judge = build_judge(recipe, preprocessing, registry, device)
    held_out = {"validation": splits.validation, "test": splits.test}
    encoded = {
        name: EncodedSplit(preprocessing, _required(name, split), device) for name, split in held_out.items()
    }
    players = build_players(networks, recipe, registry, device, team)
    if team.is_several:
        _spread(players, team)
    return Prepared(
        recipe=recipe,
        registry=registry,
        device=device,
        players=players,
        objective=judge.objective,
        train=EncodedSplit(preprocessing, splits.train, device),
        **encoded,
        judge=judge,
        team=team,
    )


def _required(name: str, split: Examples | None) -> Examples:
    if split is None or not len(split):
        purpose = "to choose the best checkpoint by" if name == "validation" else "to prove an export on"
        raise UsageError(f"data.{name}=0 leaves nothing {purpose}", fix=f"for example data.{name}=0.1")
    return split


def build_judge(
    recipe: Recipe, preprocessing: Preprocessing, registry: Registry, device: torch.device
) -> Judge:
    """How the run's networks are judged."""
    return Judge(
        registry=registry,
        recipe=recipe,
        player=find_architecture(recipe, registry).exports,
        target=preprocessing.encoded.target,
        answers=Answers(postprocessing.build(preprocessing)),
        objective=build_objective(recipe, registry, build_loss(recipe, registry)),
        device=device,
    )


def find_architecture(recipe: Recipe, registry: Registry) -> Architecture:
    """The entry of the recipe's network."""
    entry = registry.get("architecture", recipe.model.name).entry
    assert isinstance(entry, Architecture)
    return entry


def build_loss(recipe: Recipe, registry: Registry) -> Any:
    """The recipe's loss; of several targets the weighted sum of the parts'."""
    if not recipe.losses:
        return build("loss", recipe.loss, registry)
    losses = [build("loss", part.loss, registry) for part in recipe.losses.values()]
    return SeveralLosses(losses, [part.weight for part in recipe.losses.values()])


def build(kind: str, choice: Choice, registry: Registry, *arguments: Any) -> Any:
    """The thing an entry makes with the recipe's options."""
    registered = registry.get(kind, choice.name)
    options = schema_of(registry.load(registered)).arguments(choice.options, where=f"{kind}.")
    return registry.build(registered, *arguments, **options)


def build_networks(recipe: Recipe, signature: Signature, registry: Registry) -> Networks:
    """The networks by player, drawn from the recipe's seed; global random state is left alone.

    Raises:
        PluginError: The factory did not return a module for each player.
    """
    registered = registry.get("architecture", recipe.model.name)
    entry = find_architecture(recipe, registry)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(recipe.settings.seed, "weights"))
        built = build("architecture", recipe.model, registry, signature)
        networks = _by_player(built, registered, entry.players)
        for network in networks.values():
            initialize(network, recipe.initialization, registry)
    return networks


def build_further_players(recipe: Recipe, signature: Signature, registry: Registry) -> Networks:
    """The players that an objective brings, built with those of its options that they name."""
    registered = registry.get("objective", recipe.objective.name)
    entry = registered.entry
    assert isinstance(entry, ObjectiveEntry)
    options = schema_of(registry.load(registered)).arguments(recipe.objective.options, where="objective.")
    networks = {}
    for name, factory in entry.players.items():
        brought = replace(registered, entry=replace(entry, factory=factory))
        wanted = {option.name for option in schema_of(registry.load(brought)).options}
        chosen = {key: value for key, value in options.items() if key in wanted}
        networks[name] = registry.build(brought, signature, **chosen)
    return networks


def build_players(
    networks: Networks, recipe: Recipe, registry: Registry, device: torch.device, team: Team
) -> dict[str, Player]:
    """Each network with its own optimizer, schedule and average."""
    return {
        name: _build_player(name, network, recipe, registry, device, team)
        for name, network in networks.items()
    }


def _spread(players: Mapping[str, Player], team: Team) -> None:
    """Where one player learns, its gradients are exchanged while backward still runs.

    Where several do, one player's turn runs through the networks of others, whose gradients nobody wants
    then; theirs are summed when the turn's backward pass has ended.
    """
    trained = [player for player in players.values() if player.optimizer is not None]
    if len(trained) == 1 and not trained[0].is_sharded:
        trained[0].called = team.spread(trained[0].module)


def build_objective(recipe: Recipe, registry: Registry, loss: Any) -> Objective:
    """The recipe's objective with its loss and options bound."""
    registered = registry.get("objective", recipe.objective.name)
    factory = registry.load(registered)
    options = schema_of(factory).arguments(recipe.objective.options, where="objective.")
    return lambda models, batch: factory(models, batch, loss, **options)


def _by_player(built: Any, registered: Registered, players: tuple[str, ...]) -> Networks:
    networks = {players[0]: built} if isinstance(built, torch.nn.Module) and len(players) == 1 else built
    if not isinstance(networks, Mapping) or set(networks) != set(players):
        raise PluginError(
            f"the {registered} returned {type(built).__name__}, not a module for {', '.join(players)}"
        )
    for name, network in networks.items():
        if not isinstance(network, torch.nn.Module):
            raise PluginError(
                f"the {registered} returned {type(network).__name__} for {name!r}, not a torch module"
            )
    return {name: networks[name] for name in players}


def _build_player(
    name: str,
    network: torch.nn.Module,
    recipe: Recipe,
    registry: Registry,
    device: torch.device,
    team: Team,
) -> Player:
    settings = recipe.settings
    network.to(device)
    if name not in recipe.optimizers:
        network.requires_grad_(False)
        return Player(name=name, module=network, optimizer=None, schedule=lambda step, num_steps: 1.0)
    if settings.shard and team.is_several:
        _require_shardable(recipe)
        shard(network, device, team.size)
    optimizer = registry.get("optimizer", recipe.optimizers[name].name).entry
    assert isinstance(optimizer, Optimizer)
    if optimizer.needs_closure and settings.precision == "fp16":
        raise UsageError(
            f"{optimizer.name} evaluates the loss several times a step, and fp16 scales its gradients once",
            fix="precision=bf16, or another optimizer",
        )
    # Such optimizers see all gradients as one vector, which needs them as they are written.
    if not optimizer.needs_closure and not (settings.shard and team.is_several):
        lay_out(network, choose_format(settings.memory_format, device, settings.precision))
    built = _build_optimizer(network, recipe.optimizers[name], registry, device, is_compiled=settings.compile)
    return Player(
        name=name,
        module=network,
        optimizer=built,
        schedule=build("schedule", recipe.schedules[name], registry),
        needs_closure=optimizer.needs_closure,
        clip_norm=settings.clip_norm,
        scaler=build_scaler(device, settings.precision),
        average=_average(network, settings.ema, built)
        if name == find_architecture(recipe, registry).exports
        else None,
    )


def _require_shardable(recipe: Recipe) -> None:
    if recipe.settings.ema is not None:
        raise UsageError(
            "ema keeps a whole copy of the weights, which shard=true spreads", fix="leave out one"
        )
    if recipe.settings.precision == "fp16":
        raise UsageError("fp16 scales gradients that shard=true spreads", fix="precision=bf16")


def _average(
    network: torch.nn.Module, decay: float | None, optimizer: torch.optim.Optimizer
) -> swa_utils.AveragedModel | None:
    """The moving average of the network that answers, or room for what the optimizer has in its place."""
    if has_two_modes(optimizer):
        if decay is not None:
            raise UsageError(
                f"ema averages weights, and {type(optimizer).__name__} does so itself", fix="ema=none"
            )
        if are_spread(dict(network.named_parameters())):
            raise UsageError(
                f"{type(optimizer).__name__} has a second set of weights, which shard=true cannot spread",
                fix="leave out shard",
            )
        average = swa_utils.AveragedModel(network)
    elif decay is None:
        return None
    else:
        ema = swa_utils.get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        average = swa_utils.AveragedModel(network, multi_avg_fn=ema)
    for module in average.modules():
        if isinstance(module, torch.nn.RNNBase):
            module.flatten_parameters()  # a copy's weights are not one piece of memory, as cuDNN wants them
    return average


def _build_optimizer(
    network: torch.nn.Module, choice: Choice, registry: Registry, device: torch.device, *, is_compiled: bool
) -> torch.optim.Optimizer:
    is_sharded = are_spread(dict(network.named_parameters()))
    registered = registry.get("optimizer", choice.name)
    factory = registry.load(registered)
    options = schema_of(factory).arguments(choice.options, where="optimizer.")
    # torch leaves the fused update off by default; it is the same arithmetic in one pass. What it is for
    # a compiled step, the compiler decides; not every optimizer has one for weights that are spread.
    is_left_open = options.get("fused", False) is None and not options.get("foreach")
    has_fused = device.type == "cpu" or (device.type == "cuda" and factory not in _FUSED_ON_THE_CPU_ALONE)
    if has_fused and is_left_open and not is_compiled and not is_sharded:
        options["fused"] = True
    # A CUDA graph holds nothing that counts on the CPU.
    if device.type == "cuda" and is_compiled and options.get("capturable") is False:
        options["capturable"] = True
    trainable = [
        (name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad
    ]
    if not trainable:
        raise PluginError(f"the {type(network).__name__} of this recipe has no parameter to train")
    return registry.build(registered, trainable, **options)  # type: ignore[no-any-return]
