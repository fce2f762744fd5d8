"""`python -m tests.sleeping_child`: a process that comes to nothing, until its parent is gone."""

import sys

if __name__ == "__main__":
    sys.stdin.read()
