#!/bin/sh
# Prints a `.env` for docker-compose.yml with fresh secrets: sh deploy/new-env.sh > .env
set -eu
umask 077
secret() { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
cat <<END
# Kept by whoever runs Balto, and in a safe: without BALTO_MASTER_KEY nobody reads what was said again.
POSTGRES_PASSWORD=$(secret)
POSTGRES_SERVER_PASSWORD=$(secret)
BALTO_ADMIN_PASSWORD=$(secret)
BALTO_MASTER_KEY=$(head -c 32 /dev/urandom | base64)

# Where the port is published; with \`--profile tls\` leave it to this machine alone.
PUBLISH=127.0.0.1:8765
# For \`--profile tls\`: the name that browsers use, which points to this machine.
DOMAIN=
# For \`--profile watch\`.
BALTO_METRICS_TOKEN=$(secret)
GRAFANA_PASSWORD=$(secret)

# Providers; without keys Balto hears and understands by itself. .env.example has every other setting.
BALTO_ELEVENLABS_API_KEY=
BALTO_ASSEMBLYAI_API_KEY=
BALTO_OPENAI_API_KEY=
END
