#!/bin/sh
# Makes the database cluster on the first start, then becomes the server. The settings are the official image's:
# POSTGRES_PASSWORD[_FILE], POSTGRES_USER, POSTGRES_DB, POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD, PGDATA,
# and the scripts of /docker-entrypoint-initdb.d.
set -eu

case ${1:-} in
    '' | -*) set -- postgres "$@" ;;
    postgres) ;;
    *) exec "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /run/postgresql
    chown -R postgres:postgres "$PGDATA" /run/postgresql
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi

if [ -s "$PGDATA/PG_VERSION" ]; then
    exec "$@"
fi

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
password=${POSTGRES_PASSWORD:-}
if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
    password=$(cat "$POSTGRES_PASSWORD_FILE")
fi
if [ -z "$password" ] && [ "$method" != trust ]; then
    echo 'the superuser has no password: set POSTGRES_PASSWORD, or POSTGRES_HOST_AUTH_METHOD=trust' >&2
    exit 1
fi

secret=/tmp/password.$$
(umask 077 && printf '%s\n' "$password" >"$secret")
# shellcheck disable=SC2086 # The setting is a list of arguments.
if [ -n "$password" ]; then
    initdb --username="$user" --pwfile="$secret" ${POSTGRES_INITDB_ARGS:-}
else
    initdb --username="$user" ${POSTGRES_INITDB_ARGS:-}
fi
rm "$secret"
printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

# Without a log file the server's messages go to standard output: only the final server speaks on standard error.
run() { PGUSER=$user psql -v ON_ERROR_STOP=1 --no-psqlrc "$@"; }
pg_ctl -w -o "-c listen_addresses=''" start
if [ "$database" != postgres ]; then
    echo 'CREATE DATABASE :"name"' | run -d postgres -v name="$database"
fi
for script in /docker-entrypoint-initdb.d/*; do
    case $script in
        *.sh) . "$script" ;;
        *.sql) run -d "$database" -f "$script" ;;
    esac
done
pg_ctl -w -m fast stop

echo
echo 'PostgreSQL init process complete; ready for start up.'
echo
exec "$@"
