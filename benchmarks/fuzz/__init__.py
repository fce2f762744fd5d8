"""Damaged audio, thousands of it, against the decoders."""
