#!/bin/sh
# Makes the databases on the first start, then becomes the server. The settings are the official image's: MARIADB_ROOT_PASSWORD[_FILE],
# MARIADB_ALLOW_EMPTY_ROOT_PASSWORD, MARIADB_DATABASE, MARIADB_USER, MARIADB_PASSWORD[_FILE],
# and the scripts of /docker-entrypoint-initdb.d.
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

shift
set -- mariadbd --no-defaults --datadir="$data" --socket="$socket" --pid-file=/run/mysqld/mysqld.pid "$@"

if [ -d "$data/mysql" ]; then
    exec "$@"
fi

# The value of a setting, or what the file that it names holds.
setting() {
    eval "value=\${$1:-} file=\${${1}_FILE:-}"
    if [ -n "$file" ]; then
        cat "$file"
    else
        printf '%s' "$value"
    fi
}

# A text as SQL writes it.
quoted() {
    printf '%s' "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g"
}

password=$(setting MARIADB_ROOT_PASSWORD)
if [ -z "$password" ] && [ -z "${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-}" ]; then
    echo 'root has no password: set MARIADB_ROOT_PASSWORD, or MARIADB_ALLOW_EMPTY_ROOT_PASSWORD' >&2
    exit 1
fi

mariadb-install-db --no-defaults --datadir="$data" --force --skip-test-db \
    --auth-root-authentication-method=normal >&2

# A first server, without a port, makes users and databases.
"$@" --skip-networking &
first=$!
run() { mariadb --no-defaults --protocol=socket --socket="$socket" --user=root "$@"; }
for _ in $(seq 600); do
    if run -e 'SELECT 1' >/dev/null 2>&1; then
        break
    fi
    kill -0 "$first" || exit 1
    sleep 0.1
done

{
    echo "SET SESSION sql_mode = '';"
    if [ -n "${MARIADB_DATABASE:-}" ]; then
        echo "CREATE DATABASE IF NOT EXISTS \`$MARIADB_DATABASE\`;"
    fi
    if [ -n "${MARIADB_USER:-}" ]; then
        user=$(quoted "$MARIADB_USER")
        echo "CREATE USER '$user'@'%' IDENTIFIED BY '$(quoted "$(setting MARIADB_PASSWORD)")';"
        if [ -n "${MARIADB_DATABASE:-}" ]; then
            # In this place the name is a pattern.
            pattern=$(printf '%s' "$MARIADB_DATABASE" | sed 's/[_%]/\\&/g')
            echo "GRANT ALL ON \`$pattern\`.* TO '$user'@'%';"
        fi
    fi
} | run
for script in /docker-entrypoint-initdb.d/*; do
    case $script in
        *.sh) . "$script" ;;
        *.sql) run ${MARIADB_DATABASE:+"$MARIADB_DATABASE"} <"$script" ;;
    esac
done
# Besides root@localhost, root has been made for other names of this machine, without a password.
run <<SQL
DELETE FROM mysql.global_priv WHERE user = 'root' AND host <> 'localhost';
FLUSH PRIVILEGES;
CREATE USER 'root'@'%' IDENTIFIED BY '$(quoted "$password")';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
ALTER USER 'root'@'localhost' IDENTIFIED BY '$(quoted "$password")';
SHUTDOWN;
SQL
wait "$first"

echo >&2
echo 'MariaDB init process done. Ready for start up.' >&2
echo >&2
exec "$@"
