"""How exactly, how soon and at what cost Balto hears, beside a neural detector that is asked about everything."""
