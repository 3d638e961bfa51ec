"""One layer of one direction: the three recurrences, and how their weights start."""

from collections.abc import Callable

from torch import nn

from zoo_recurrent.options import Activation

Cell = Callable[[int, int], nn.RNNBase]
"""Makes a layer from the number of features that go in and the number of units."""


def elman(num_in: int, num_units: int, activation: Activation) -> nn.RNNBase:
    """Simple recurrence (Elman 1990): ``h = f(W x + U h' + b)``, ``h'`` being the state before."""
    return started(nn.RNN(num_in, num_units, nonlinearity=activation, batch_first=True))


def long_short_term(num_in: int, num_units: int) -> nn.RNNBase:
    """Long short-term memory (Hochreiter and Schmidhuber 1997) with forget gates (Gers et al. 2000).

    ``i, f, o = sigmoid(W x + U h' + b)`` each with weights of its own, ``c = f c' + i tanh(W x + U h' + b)`` and
    ``h = o tanh(c)``. The forget gate's bias starts at 1, so that the memory is kept until training finds
    a reason not to (Gers et al. 2000, section 4; Jozefowicz et al. 2015, section 2.2).
    """
    layer = started(nn.LSTM(num_in, num_units, batch_first=True))
    _, forget, _, _ = layer.get_parameter("bias_ih_l0").data.split(num_units)  # type: ignore[no-untyped-call]
    nn.init.ones_(forget)
    return layer


def gated(num_in: int, num_units: int) -> nn.RNNBase:
    """Gated recurrent units (Cho et al. 2014, arXiv:1406.1078, equations 5 to 8).

    ``r, z = sigmoid(W x + U h' + b)`` each with weights of its own, ``n = tanh(W x + b + r (U h' + b'))`` and
    ``h = z h' + (1 - z) n``. The reset gate acts on the product ``U h'`` instead of on ``h'`` (the variant
    of arXiv:1412.3555's code and of every fast implementation): one product less a step.
    """
    return started(nn.GRU(num_in, num_units, batch_first=True))


def started(layer: nn.RNNBase) -> nn.RNNBase:
    """The layer with its first weights, gate by gate.

    Recurrent weights are orthogonal, so that a state is neither amplified nor lost over many steps (Saxe
    et al. 2013, arXiv:1312.6120); input weights as in Glorot and Bengio 2010; biases are zero.
    """
    fills = {"weight_ih_l0": nn.init.xavier_uniform_, "weight_hh_l0": nn.init.orthogonal_}
    for name, parameter in layer.named_parameters():
        fill = fills.get(name, nn.init.zeros_)
        for gate in parameter.data.split(layer.hidden_size):  # type: ignore[no-untyped-call]
            fill(gate)
    return layer
