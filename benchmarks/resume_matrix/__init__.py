"""Bitwise resume of every architecture, optimizer and schedule that is installed, with every option that adds state."""
