"""The door and the roof: everything a person or a network touches."""

__version__ = "0.1.0"
