"""The ledger: what can happen, and the store that never forgets."""
