"""Exports of a read model, in time and memory."""
