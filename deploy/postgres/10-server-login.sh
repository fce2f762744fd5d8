#!/bin/sh
# Run once, when the database is made: the login of the server, which may append and read and change nothing.
set -eu
psql --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
    --set=password="$POSTGRES_SERVER_PASSWORD" <<'SQL'
CREATE ROLE balto_app NOLOGIN;
CREATE ROLE balto_server LOGIN PASSWORD :'password' IN ROLE balto_app;
SQL
