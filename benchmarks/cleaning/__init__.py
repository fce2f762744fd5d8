"""What speech-to-text is to hear: words lost raw and cleaned, and what examining a phrase costs."""
