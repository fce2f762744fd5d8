"""The demonstration: a recorded counter, streamed through a server of its own."""
