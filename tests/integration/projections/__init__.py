"""The read models, on a real PostgreSQL."""
