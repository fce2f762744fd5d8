"""Replay: past sessions told again, run again under other settings, and compared."""
