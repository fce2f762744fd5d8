"""The workshop: the actors that hear, understand and advise, each beside its craft."""
