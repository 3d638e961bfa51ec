"""Initializers: every distribution and pattern of ``torch.nn.init``, filling a tensor in place.

Weights have the shape ``[outputs, inputs, *kernel]``; fan-in is inputs times kernel size, fan-out outputs
times kernel size. Defaults are fit for weights where those of ``torch.nn.init`` are not.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

from torch import Tensor
from torch.nn import init

from zoo.errors import UsageError
from zoo.plugin import Ge, Gt, Lt

Fill = Callable[[Tensor], Tensor]
Fan = Literal["fan_in", "fan_out"]
Nonlinearity = Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]


def uniform(*, low: float = -0.05, high: float = 0.05) -> Fill:
    """Uniform between two bounds.

    Args:
        low: Lower bound.
        high: Upper bound.
    """
    return partial(init.uniform_, a=low, b=high)


def normal(*, mean: float = 0.0, std: Annotated[float, Ge(0)] = 0.01) -> Fill:
    """Normal distribution.

    Args:
        mean: Mean.
        std: Standard deviation.
    """
    return partial(init.normal_, mean=mean, std=std)


def trunc_normal(
    *, mean: float = 0.0, std: Annotated[float, Gt(0)] = 0.02, cut: Annotated[float, Gt(0)] = 2.0
) -> Fill:
    """Normal distribution without its tails.

    Args:
        mean: Mean.
        std: Standard deviation before the tails are cut.
        cut: Where they are cut, in standard deviations from the mean (not absolute, as in PyTorch).
    """
    return partial(init.trunc_normal_, mean=mean, std=std, a=mean - cut * std, b=mean + cut * std)


def constant(*, value: float = 0.0) -> Fill:
    """One number everywhere.

    Args:
        value: The number.
    """
    return partial(init.constant_, val=value)


def ones() -> Fill:
    """Ones."""
    return init.ones_


def zeros() -> Fill:
    """Zeros."""
    return init.zeros_


def eye() -> Fill:
    """The identity matrix: a linear layer starts by passing on what it is given."""
    return _of_dimensions("eye", (2,), init.eye_)


def dirac(*, groups: Annotated[int, Ge(1)] = 1) -> Fill:
    """The Dirac delta: a convolution starts by passing on its channels.

    Args:
        groups: Groups of the convolution; each preserves its own channels.
    """

    def fill(tensor: Tensor) -> Tensor:
        if tensor.shape[0] % groups:
            raise UsageError(
                f"initializer 'dirac' with groups={groups} cannot fill a tensor of shape "
                f"{tuple(tensor.shape)}",
                fix="groups must divide the number of output channels",
            )
        return init.dirac_(tensor, groups=groups)

    return _of_dimensions("dirac", (3, 4, 5), fill)


def xavier_uniform(*, gain: Annotated[float, Gt(0)] = 1.0) -> Fill:
    """Uniform within gain · sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 16).

    Args:
        gain: Factor for the nonlinearity that follows.
    """
    return _of_weights("xavier-uniform", init.xavier_uniform_, gain=gain)


def xavier_normal(*, gain: Annotated[float, Gt(0)] = 1.0) -> Fill:
    """Normal with variance gain² · 2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 12).

    Args:
        gain: Factor for the nonlinearity that follows.
    """
    return _of_weights("xavier-normal", init.xavier_normal_, gain=gain)


def kaiming_uniform(*, a: float = 0.0, mode: Fan = "fan_in", nonlinearity: Nonlinearity = "relu") -> Fill:
    """Uniform with variance gain² / fan (He et al. 2015, arXiv:1502.01852).

    Args:
        a: Negative slope where the nonlinearity is leaky_relu.
        mode: Keeps the variance of activations (fan_in) or of gradients (fan_out).
        nonlinearity: What follows the layer; decides the gain.
    """
    return _of_weights("kaiming-uniform", init.kaiming_uniform_, a=a, mode=mode, nonlinearity=nonlinearity)


def kaiming_normal(*, a: float = 0.0, mode: Fan = "fan_in", nonlinearity: Nonlinearity = "relu") -> Fill:
    """Normal with variance gain² / fan: 2 / fan_in before a ReLU (He et al. 2015, arXiv:1502.01852, eq. 10).

    Args:
        a: Negative slope where the nonlinearity is leaky_relu.
        mode: Keeps the variance of activations (fan_in) or of gradients (fan_out).
        nonlinearity: What follows the layer; decides the gain.
    """
    return _of_weights("kaiming-normal", init.kaiming_normal_, a=a, mode=mode, nonlinearity=nonlinearity)


def orthogonal(*, gain: Annotated[float, Gt(0)] = 1.0) -> Fill:
    """Orthonormal rows or columns, whichever are fewer, times gain (Saxe et al. 2014, arXiv:1312.6120).

    Args:
        gain: Factor for the nonlinearity that follows.
    """
    return _of_weights("orthogonal", init.orthogonal_, gain=gain)


def sparse(*, sparsity: Annotated[float, Ge(0), Lt(1)] = 0.9, std: Annotated[float, Gt(0)] = 0.01) -> Fill:
    """Normal weights, of which a share in each column is zero (Martens 2010).

    Args:
        sparsity: Share of zeros.
        std: Standard deviation of the others.
    """
    return _of_dimensions("sparse", (2,), partial(init.sparse_, sparsity=sparsity, std=std))


def _of_weights(name: str, function: Callable[..., Tensor], **options: Any) -> Fill:
    """For what is defined from two dimensions on: tensors with inputs and outputs."""
    return _of_dimensions(name, range(2, 65), partial(function, **options))


def _of_dimensions(name: str, allowed: tuple[int, ...] | range, function: Fill) -> Fill:
    """``function``, refusing tensors whose number of dimensions is not ``allowed``."""
    words = "2 or more" if isinstance(allowed, range) else " or ".join(str(number) for number in allowed)

    def fill(tensor: Tensor) -> Tensor:
        if tensor.ndim not in allowed:
            raise UsageError(
                f"initializer {name!r} fills tensors of {words} dimensions; "
                f"this one has shape {tuple(tensor.shape)}",
                fix="keep it to weights of such a shape and take 'zeros' or 'constant' for the others",
            )
        return function(tensor)

    return fill
