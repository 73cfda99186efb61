# Sourced by the scripts that build images of this machine's servers. The files of the image are below $root.

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

# The folders of every image.
skeleton() {
    mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/usr/sbin" "$root/etc" "$root/tmp" "$root/var/lib" "$root/run" \
        "$root/docker-entrypoint-initdb.d"
    for folder in bin lib lib64 sbin; do
        ln -s "usr/$folder" "$root/$folder"
    done
    ln -s ../run "$root/var/run"
    chmod 1777 "$root/tmp"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
}

# The user and group that the server runs as.
account() {
    cat >"$root/etc/passwd" <<EOF
root:x:0:0:root:/root:/bin/sh
$1:x:999:999::$2:/bin/sh
EOF
    cat >"$root/etc/group" <<EOF
root:x:0:
$1:x:999:
EOF
}

# An image with nothing but files cannot name its stop signal: that takes a build on top of it. Further arguments edit the Dockerfile.
image() {
    tag=$1 here=$2
    shift 2
    base=${tag%:*}-base:${tag##*:}
    tar -C "$root" --owner=0 --group=0 -c . | docker import - "$base" >/dev/null
    mkdir "$work/context"
    cp "$here/docker-entrypoint.sh" "$work/context/"
    sed -e "s|@BASE@|$base|" "$@" "$here/Dockerfile" >"$work/context/Dockerfile"
    DOCKER_BUILDKIT=0 docker build -q -t "$tag" "$work/context"
}
