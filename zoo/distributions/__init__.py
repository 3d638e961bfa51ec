"""Writes what pip installs: a new plugin for its author to fill, a trained model for others to use."""
