"""The image's own steps, run in a root of Debian where no container engine is: `python -m tests.image --help`."""
