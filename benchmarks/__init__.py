"""Benchmarks and the speech that they listen to: development tools, not product."""
