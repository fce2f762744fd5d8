"""The SQL of the read models: a folder each, with its tables and the statements that fold events into them."""
