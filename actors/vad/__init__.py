"""The voice-activity craft: gate, detector and segmenter, and the actor that runs them."""
