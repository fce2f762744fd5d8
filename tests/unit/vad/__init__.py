"""Tests of the voice-activity craft."""
