# Sourced by the scripts that build images of this machine's servers, without any registry: their files are gathered in "$root".
# shellcheck shell=sh

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
    libraries=$(for file in "$@"; do ldd "$file" || true; done | grep -o '/[^ ]*' | sort -u)
    for library in $libraries; do
        [ -e "$root$(cd "$(dirname "$library")" && pwd -P)/$(basename "$library")" ] || place "$library"
    done
}

# Makes the folders, and one user beside root: begin NAME HOME.
begin() {
    mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/usr/sbin" "$root/usr/share" "$root/etc" "$root/tmp" \
        "$root/var/lib" "$root/docker-entrypoint-initdb.d"
    for folder in bin lib lib64 sbin; do
        ln -s "usr/$folder" "$root/$folder"
    done
    chmod 1777 "$root/tmp"
    printf 'root:x:0:0:root:/root:/bin/sh\n%s:x:999:999::%s:/bin/sh\n' "$1" "$2" >"$root/etc/passwd"
    printf 'root:x:0:\n%s:x:999:\n' "$1" >"$root/etc/group"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
    mkdir -p "$root/run"
    ln -s ../run "$root/var/run"
}

# Builds the image: finish TAG FOLDER BIN, with the Dockerfile and the entry point of the folder. An image with nothing but files cannot
# name its stop signal: that takes a build on top of it.
finish() {
    base=${1%:*}-base:${1##*:}
    tar -C "$root" --owner=0 --group=0 -c . | docker import - "$base" >/dev/null
    mkdir "$work/context"
    cp "$2/docker-entrypoint.sh" "$work/context/"
    sed "s|@BASE@|$base|; s|@BIN@|$3|" "$2/Dockerfile" >"$work/context/Dockerfile"
    DOCKER_BUILDKIT=0 docker build -q -t "$1" "$work/context"
}
