"""What the process tells Prometheus of its sessions and actors, with a session under way."""
