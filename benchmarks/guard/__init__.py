"""What the guard of speech-to-text believes: real names that it must not lose, and noise that it must not believe."""
