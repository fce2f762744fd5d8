"""The reading room: read models built from events, mostly in SQL."""
