"""Synthetic Portuguese speech of our own: scripts, voices, room tone and assembly."""
