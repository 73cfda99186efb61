#!/usr/bin/env bash
# Fetches Debian's MySQL server into a folder, by default target/mysql, and prints the file that runs it, for SELFSAME_MYSQLD:
#
#     SELFSAME_MYSQLD=$(ci/mysql-server.sh) cargo run --release -- check local:mysql
#
# Nothing is installed: apt downloads with a configuration of its own, the packages are extracted, and the server runs with their libraries.
# Exits with 3 if the packages cannot be fetched.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-${CARGO_TARGET_DIR:-target}/mysql}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
server=$folder/mysqld
if [ -x "$server" ]; then
    echo "$server"
    exit
fi

unavailable() {
    tail -n 3 "$folder/log" >&2 || true
    echo "MySQL cannot be fetched: $1" >&2
    exit 3
}

for program in apt-get dpkg-deb; do
    command -v "$program" >/dev/null || unavailable "there is no $program"
done
cd "$folder"
rm -rf packages root
mkdir -p lists/partial cache/archives/partial packages root
: >log
# An empty list of installed packages, so that apt names everything that the server needs.
: >status
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] http://deb.debian.org/debian sid main" >sources.list
cat >apt.conf <<EOF
Dir::State::Lists "$folder/lists";
Dir::State::status "$folder/status";
Dir::Cache "$folder/cache";
Dir::Etc::SourceList "$folder/sources.list";
Dir::Etc::SourceParts "/nonexistent";
Dir::Etc::PreferencesParts "/nonexistent";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
EOF
export APT_CONFIG=$folder/apt.conf
apt-get -q update >log 2>&1 || unavailable 'apt-get update failed'
# Perl is for its scripts.
needed=$(apt-get -q -s install mysql-server-core 2>>log | awk '/^Inst / && $2 !~ /perl/ { print $2 }') || unavailable 'mysql-server-core cannot be installed'
[ -n "$needed" ] || unavailable 'no package mysql-server-core'
# Names of packages have no spaces.
# shellcheck disable=SC2086
(cd packages && apt-get -q download $needed) >log 2>&1 || unavailable 'apt-get download failed'
for package in packages/*.deb; do
    dpkg-deb -x "$package" root
done
rm -rf packages lists cache

loader=$(find root -name 'ld-linux*.so.*' -print -quit)
[ -n "$loader" ] && [ -x root/usr/sbin/mysqld ] || unavailable 'the packages hold no server'
cat >mysqld.new <<EOF
#!/bin/sh
root='$folder/root'
libraries=
for folder in "\$root"/usr/lib/*-linux-gnu* "\$root"/lib/*-linux-gnu* "\$root/usr/lib/mysql/private"; do
    libraries=\$libraries:\$folder
done
exec '$folder/$loader' --library-path "\${libraries#:}" "\$root/usr/sbin/mysqld" "\$@" \\
    --basedir="\$root/usr" --lc-messages-dir="\$root/usr/share/mysql" --character-sets-dir="\$root/usr/share/mysql/charsets"
EOF
chmod +x mysqld.new
./mysqld.new --no-defaults --version >log 2>&1 || unavailable 'the server does not run'
mv mysqld.new mysqld
echo "$server"
