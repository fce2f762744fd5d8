"""A counterful of clients in real time against a real server: what it costs, what it adds, and who falls behind."""
