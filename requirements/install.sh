#!/bin/sh
# Installs one lock file and the project itself into the environment of $PYTHON; one clear line where it can't.
set -u
lock=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT

echo "Installing what $lock names (a minute or two the first time)…"
pip="$PYTHON -m pip --disable-pip-version-check --quiet"
if ! $pip install --require-hashes --no-deps --requirement "$lock" 2>"$log"; then
    if grep -qiE 'connection|resolve|timed? ?out|unreachable|proxy' "$log"; then
        echo "The package index cannot be reached: Balto needs the network once, to install its packages." >&2
    else
        line=$(grep -iE '^ERROR' "$log" | head -n 1)
        echo "${line:-$(tail -n 1 "$log")}" >&2
    fi
    exit 1
fi
if ! $pip install --no-deps --no-build-isolation --editable . 2>"$log"; then
    tail -n 1 "$log" >&2
    exit 1
fi
# As pip does with what it installs, but not with what stays where it is: else every start compiles all modules anew
# wherever Python may not write, or was told not to.
if ! "$PYTHON" -m compileall -q events actors projections balto >"$log" 2>&1; then
    tail -n 1 "$log" >&2
    exit 1
fi
