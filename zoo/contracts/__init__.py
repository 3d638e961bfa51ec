"""Frozen data that crosses every boundary of Zoo; standard library only."""
