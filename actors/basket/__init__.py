"""The basket craft: the catalogue of complementary products and how one is resolved."""
