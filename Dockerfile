# The server with its local engines; PostgreSQL runs beside it (docker-compose.yml).
FROM python:3.12-slim AS build
WORKDIR /app
COPY requirements/runtime.txt requirements/
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements/runtime.txt
COPY pyproject.toml README.md cestas.json ./
COPY events events
COPY actors actors
COPY projections projections
COPY balto balto
RUN .venv/bin/pip install --no-deps --no-build-isolation --editable .

FROM python:3.12-slim
RUN useradd --system --home-dir /data balto && install -d -o balto /data
COPY --from=build /app /app
USER balto
WORKDIR /app
EXPOSE 8765
CMD ["/app/.venv/bin/balto", "serve"]
