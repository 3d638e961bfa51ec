"""The objective of a detector: boxes become what each location is to answer."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import torch
from torch import nn

from zoo.plugin import Batch, Ge, Gt, Le, Turn, Turns
from zoo_convolutional.assignment import assign
from zoo_convolutional.augmentation import Scene, flip, recolour, zoom

Chance = Annotated[float, Ge(0), Le(1)]


def detection(
    models: Mapping[str, nn.Module],
    batch: Batch,
    loss: Callable[..., Any],
    *,
    radius: Annotated[float, Gt(0)] = 1.5,
    reach: Annotated[float, Gt(0)] = 8.0,
    horizontal_flip: Chance = 0.5,
    vertical_flip: Chance = 0.0,
    scale: Annotated[float, Ge(0)] = 0.25,
    colour: Annotated[float, Ge(0), Le(1)] = 0.1,
) -> Turns:
    """One player learns to answer at each location for the object around it (FCOS, arXiv:1904.01355).

    The network is a ``detector``, or any other that emits scores, boxes and qualities by location and
    tells by ``locations(height, width)`` where these are. Pictures are flipped, zoomed and recoloured in
    training only; without it the network is asked once, with the pictures as they came.

    Args:
        models: The one player, ``"model"``.
        batch: Pictures ``[batch, channels, height, width]``; labels and boxes of the objects in them.
        loss: Of the network's three outputs and what each location is to answer.
        radius: A location answers for an object whose middle is nearer than this many strides.
        reach: A level takes objects whose farthest side is within this many of its strides.
        horizontal_flip: Probability that a picture is mirrored left to right in training.
        vertical_flip: Probability that it is mirrored top to bottom; raise it where up and down mean nothing.
        scale: A picture is enlarged or shrunk by up to a factor of one plus this in training.
        colour: Share by which each channel is brightened or darkened in training.
    """
    model = models["model"]
    pictures = batch.inputs[0]
    scene = Scene(pictures, *batch.target)
    if model.training:
        scene = flip(scene, horizontal=horizontal_flip, vertical=vertical_flip)
        scene = zoom(scene, scale=scale) if scale > 0 else scene
        scene = recolour(scene, strength=colour) if colour > 0 else scene
    prediction = model(scene.pictures)
    locations = model.locations(*pictures.shape[2:], device=pictures.device)  # type: ignore[operator]
    with torch.no_grad():
        target = assign(locations, scene.labels, scene.boxes, radius=radius, reach=reach)
    yield Turn("model", loss(prediction, target))
