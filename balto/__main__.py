"""`python -m balto`."""

from balto.cli import main

main()
