"""Tests of the audio craft."""
