#!/bin/sh
# Builds a small image of this machine's MariaDB that behaves like the official one, without any registry.
#
#   build.sh [TAG]     TAG: the image's name, by default mariadb:10.11-local
set -eu

tag=${1:-mariadb:10.11-local}
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin
# shellcheck source=ci/image.sh
. "$here/../image.sh"

begin mysql /var/lib/mysql
for program in mariadbd mariadb my_print_defaults; do
    place_linked "$(command -v "$program")"
done
place "$(command -v mariadb-install-db)"
for program in sh awk basename cat chmod chown dirname env id ls mkdir rm sed seq setpriv sleep uname; do
    place_linked "$(command -v "$program")"
done
mkdir -p "$root/usr/lib/mysql/plugin" "$root/var/lib/mysql" "$root/run/mysqld"
# Without the messages in other languages.
mkdir "$root/usr/share/mysql"
cp -R /usr/share/mysql/*.sql /usr/share/mysql/charsets /usr/share/mysql/english "$root/usr/share/mysql/"

finish "$tag" "$here" /usr/sbin
