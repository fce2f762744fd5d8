"""The understanding craft: the port, its engines, and the actor that calls them."""
