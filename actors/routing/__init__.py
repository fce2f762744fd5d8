"""The routing craft: which of several engines is asked, when the next one is, and which answer counts."""
