"""The session: pure decisions on a fold of events, and the actor that acts on them."""
