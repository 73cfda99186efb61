#!/bin/sh
# Makes the data folder on the first start, then becomes the server. The settings are the official image's: MARIADB_ROOT_PASSWORD,
# MARIADB_ROOT_HOST, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD, MARIADB_DATABASE, MARIADB_USER, MARIADB_PASSWORD, and the scripts of
# /docker-entrypoint-initdb.d.
set -eu

case ${1:-} in
    '' | -*) set -- mariadbd "$@" ;;
    mariadbd) ;;
    *) exec "$@" ;;
esac

data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$data" /run/mysqld
    chown -R mysql:mysql "$data" /run/mysqld
    exec setpriv --reuid=mysql --regid=mysql --clear-groups "$0" "$@"
fi

set -- "$@" --socket="$socket" --datadir="$data"
if [ -d "$data/mysql" ]; then
    exec "$@"
fi

password=${MARIADB_ROOT_PASSWORD:-}
if [ -z "$password" ] && [ -z "${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-}" ]; then
    echo 'root has no password: set MARIADB_ROOT_PASSWORD or MARIADB_ALLOW_EMPTY_ROOT_PASSWORD' >&2
    exit 1
fi

mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve >/dev/null
# The first server has no port; it writes to standard error, as the final one does.
"$@" --skip-networking &
first=$!
run() { mariadb --no-defaults --protocol=socket --socket="$socket" -u root "$@"; }
tries=300
until run -e 'SELECT 1' >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] && kill -0 "$first" || exit 1
    sleep 0.1
done
{
    [ -z "${MARIADB_DATABASE:-}" ] || echo "CREATE DATABASE IF NOT EXISTS \`$MARIADB_DATABASE\`;"
    if [ -n "${MARIADB_USER:-}" ]; then
        echo "CREATE USER '$MARIADB_USER'@'%' IDENTIFIED BY '${MARIADB_PASSWORD:-}';"
        [ -z "${MARIADB_DATABASE:-}" ] || echo "GRANT ALL ON \`$MARIADB_DATABASE\`.* TO '$MARIADB_USER'@'%';"
    fi
} | run
for script in /docker-entrypoint-initdb.d/*; do
    case $script in
        *.sh) . "$script" ;;
        *.sql) run ${MARIADB_DATABASE:+"$MARIADB_DATABASE"} <"$script" ;;
    esac
done
host=${MARIADB_ROOT_HOST:-%}
{
    echo "CREATE USER 'root'@'$host' IDENTIFIED BY '$password';"
    echo "GRANT ALL ON *.* TO 'root'@'$host' WITH GRANT OPTION;"
    echo "ALTER USER 'root'@'localhost' IDENTIFIED BY '$password';"
} | run
kill "$first"
wait "$first" || true

exec "$@"
