"""Which frames of a clip a network sees: evenly spaced ones, said once, for the graph and for those who read files."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import onnxruntime
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.preprocessing.graphs import build, open_session


def places(given: spox.Var, num_frames: int) -> spox.Var:
    """The places of ``num_frames`` frames in a clip of ``given`` ones, int64 ``[num_frames]``.

    They are the middles of ``num_frames`` equal parts of the clip (Wang et al. 2016, arXiv:1608.00859, with
    parts for segments); of a shorter clip all frames, the last one repeated. With ``n`` frames given and
    ``t`` wanted, place ``k`` is ``min(floor((2k + 1) max(n, t) / 2t), n - 1)``, so that of ``t`` frames each
    is taken once: to choose before a clip is read, or once more in the graph, is the same.

    Args:
        given: int64 scalar, at least 1.
        num_frames: How many are wanted.
    """
    odd = op.constant(value=np.arange(num_frames, dtype=np.int64) * 2 + 1)
    parts = op.max([given, _integer(num_frames)])
    middles = op.div(op.mul(odd, parts), _integer(2 * num_frames))
    return op.min([middles, op.sub(given, _integer(1))])


def chooser(num_frames: int) -> Callable[[int], Sequence[int]]:
    """The same places for those who read files, so that frames that nobody will see are not decoded."""
    given = spox.argument(spox.Tensor(np.int64, ()))
    session = open_session(build({"given": given}, {"places": places(given, num_frames)}), num_threads=1)
    return partial(_run, session)


def _run(session: onnxruntime.InferenceSession, given: int) -> Sequence[int]:
    (chosen,) = session.run(None, {"given": np.array(given, np.int64)})
    return [int(place) for place in chosen]


def _integer(value: int) -> spox.Var:
    return op.constant(value=np.array(value, np.int64))
