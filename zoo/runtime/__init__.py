"""Predicts with exported models and verifies them, without PyTorch."""

from zoo.runtime.predictor import Predictor, load

__all__ = ["Predictor", "load"]
