"""Balto beside what people would pick instead: the same audio and instant engines, taking turns on one machine."""
