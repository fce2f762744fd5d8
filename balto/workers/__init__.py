"""A server of several processes: one parent, workers that share its port, and one process with the local ear."""
