"""Raw examples to what a network sees, written once: the ONNX graph that encodes the training data ships.

``fit`` learns statistics from the training split and builds the graph, ``Encoder`` runs it with ONNX
Runtime. There is no second implementation that could drift from it.
"""

from zoo.preprocessing.encoder import Encoder
from zoo.preprocessing.image import Geometry, Standard
from zoo.preprocessing.pipeline import Preprocessing, Wishes, fit
from zoo.preprocessing.text import Tokenisation

__all__ = ["Encoder", "Geometry", "Preprocessing", "Standard", "Tokenisation", "Wishes", "fit"]
