"""Advice on labelled sentences: what is understood of them, written and as heard, and what is kept silent."""
