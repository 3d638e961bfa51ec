"""Turns a recipe into a trained run."""
