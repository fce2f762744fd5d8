"""Sessions under kill -9: two servers on one database, killed in turn while clients stream."""
