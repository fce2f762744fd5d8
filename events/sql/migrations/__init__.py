"""Numbered migrations of the ledger: forward only, each applied once."""
