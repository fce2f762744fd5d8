"""Clients' frames on their way to sessions: what it costs how often the loop is woken for them."""
