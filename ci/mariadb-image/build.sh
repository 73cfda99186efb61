#!/bin/sh
# Builds a small image of this machine's MariaDB that behaves like the official one, without any registry.
#
#   build.sh [TAG]     TAG: the image's name, by default mariadb:10.11-local
set -eu

tag=${1:-mariadb:10.11-local}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# shellcheck source=ci/image-files.sh
. "$here/../image-files.sh"
skeleton

place_linked "$(command -v mariadbd || echo /usr/sbin/mariadbd)"
place "$(command -v mariadb-install-db)"
for program in mariadb my_print_defaults; do
    place_linked "$(command -v "$program")"
done
for program in sh cat chmod chown dirname env grep hostname id ls mkdir mv rm sed setpriv sleep tail uname; do
    place_linked "$(command -v "$program")"
done
mkdir -p "$root/usr/share/mysql" "$root/usr/lib/mysql/plugin" "$root/var/lib/mysql" "$root/run/mysqld"
cp -R /usr/share/mysql/. "$root/usr/share/mysql/"
account mysql /var/lib/mysql

image "$tag" "$here"
