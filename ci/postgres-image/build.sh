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
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# Copies files to where they really are, links followed.
place() {
    for file in "$@"; do
        folder=$(cd "$(dirname "$file")" && pwd -P)
        mkdir -p "$root$folder"
        cp -L "$file" "$root$folder/"
    done
}

# Copies programs or modules together with the libraries that they load.
place_linked() {
    place "$@"
    libraries=$(for file in "$@"; do ldd "$file"; done | grep -o '/[^ ]*' | sort -u)
    for library in $libraries; do
        [ -e "$root$(cd "$(dirname "$library")" && pwd -P)/$(basename "$library")" ] || place "$library"
    done
}

mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/usr/sbin" "$root/etc" "$root/tmp" "$root/var/lib" \
    "$root/docker-entrypoint-initdb.d"
for folder in bin lib lib64 sbin; do
    ln -s "usr/$folder" "$root/$folder"
done
chmod 1777 "$root/tmp"

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

mkdir -p "$root$share" "$root/usr/share" "$root/usr/lib/locale"
cp -R "$share/." "$root$share/"
cp -R /usr/share/zoneinfo "$root/usr/share/"
cp -R /usr/lib/locale/C.utf8 "$root/usr/lib/locale/"
# As in the official image: every address is listened on, for the container's port is what is published or not.
sed -i "s/^#listen_addresses = 'localhost'/listen_addresses = '*'/" "$root$share/postgresql.conf.sample"

cat >"$root/etc/passwd" <<EOF
root:x:0:0:root:/root:/bin/sh
postgres:x:999:999::/var/lib/postgresql:/bin/sh
EOF
cat >"$root/etc/group" <<EOF
root:x:0:
postgres:x:999:
EOF
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
mkdir -p "$root/var/lib/postgresql/data" "$root/run/postgresql"
ln -s ../run "$root/var/run"

# An image with nothing but files cannot name its stop signal: that takes a build on top of it.
base=${tag%:*}-base:${tag##*:}
tar -C "$root" --owner=0 --group=0 -c . | docker import - "$base" >/dev/null
mkdir "$work/context"
cp "$here/docker-entrypoint.sh" "$work/context/"
sed "s|@BASE@|$base|; s|@BIN@|$bin|" "$here/Dockerfile" >"$work/context/Dockerfile"
DOCKER_BUILDKIT=0 docker build -q -t "$tag" "$work/context"
