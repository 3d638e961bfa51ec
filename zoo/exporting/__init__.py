"""Exports trained networks as ONNX files that are only written when they are proven."""

from zoo.exporting.pipeline import Exported, export

__all__ = ["Exported", "export"]
