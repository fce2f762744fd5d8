"""Recorded sessions heard again: how fast, and whether the same comes of them every time."""
