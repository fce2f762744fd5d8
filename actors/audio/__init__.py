"""The audio craft: decoding, cleaning and measuring, and the actors that do it."""
