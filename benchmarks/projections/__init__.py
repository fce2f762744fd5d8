"""The read models: rebuilding them, keeping them up live, and keeping them right while their projectors are killed."""
