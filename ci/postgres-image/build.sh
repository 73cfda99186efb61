#!/bin/sh
# Builds a small image of this machine's PostgreSQL that behaves like the official one, without any registry.
#
#   build.sh [TAG]     TAG: the image's name, by default postgres:15-local
set -eu

tag=${1:-postgres:15-local}
here=$(cd "$(dirname "$0")" && pwd)
config=$(command -v pg_config || ls /usr/lib/postgresql/*/bin/pg_config | sort -V | tail -n 1)
bin=$("$config" --bindir)
share=$("$config" --sharedir)
modules=$("$config" --pkglibdir)
# shellcheck source=ci/image.sh
. "$here/../image.sh"

begin postgres /var/lib/postgresql
for program in initdb pg_ctl pg_isready postgres psql; do
    place_linked "$(readlink -f "$bin/$program")"
done
for program in sh cat chmod chown env find id ls mkdir mv rm sed setpriv sleep tail; do
    place_linked "$(command -v "$program")"
done
# Just-in-time compilation would bring a compiler of a hundred megabytes; the server does without.
for module in "$modules"/*.so; do
    case $module in
        */llvmjit.so | */sepgsql.so) ;;
        *) place_linked "$module" ;;
    esac
done

mkdir -p "$root$share" "$root/usr/lib/locale"
cp -R "$share/." "$root$share/"
cp -R /usr/share/zoneinfo "$root/usr/share/"
cp -R /usr/lib/locale/C.utf8 "$root/usr/lib/locale/"
# As in the official image: every address is listened on, for the container's port is what is published or not.
sed -i "s/^#listen_addresses = 'localhost'/listen_addresses = '*'/" "$root$share/postgresql.conf.sample"
mkdir -p "$root/var/lib/postgresql/data" "$root/run/postgresql"

finish "$tag" "$here" "$bin"
