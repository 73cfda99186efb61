#!/usr/bin/env bash
# The check that every change must pass. Names and times its steps, and runs all of them, so that one run reports every failure.
# Two lanes run side by side, one for each profile of Cargo, because builds of one profile wait for each other and often use one core.
# Each line of the release lane begins with a bar.
#
# Needs Rust with clippy and rustfmt, a C compiler, cargo-deny, cargo-public-api, mdbook, valgrind, and PgBouncer, MariaDB with Galera, and
# PostgreSQL: SELFSAME_POSTGRES_URL, Docker, or local binaries. With an image in SELFSAME_MARIADB_CONTAINER, a part of the suite also runs against a server in a container of it. Writes
# the reports of the conformance suite to SELFSAME_REPORTS, by default target/conformance.
set -euo pipefail
cd "$(dirname "$0")/.."

export SELFSAME_REQUIRE=${SELFSAME_REQUIRE-postgres,pgbouncer,mariadb,galera}
target=${CARGO_TARGET_DIR:-target}
reports=${SELFSAME_REPORTS:-$target/conformance}
# What the lanes report: the output of the tests, the times of the steps, the names of those that failed, and what did not run.
notes=$(mktemp -d)
touch "$notes"/{log,times,failed,left_out}

step() {
    local name=$1 begun=$SECONDS code
    shift
    printf '\n== %s\n' "$name"
    # Not as a condition: there the shell would ignore `set -e` and go on after a failed command.
    set +e
    (
        set -e
        "$@"
    )
    code=$?
    set -e
    if [ "$code" != 0 ]; then
        echo "$name" >>"$notes/failed"
    fi
    printf '%5d s  %s\n' $((SECONDS - begun)) "$name" >>"$notes/times"
}

finish() {
    local code=$?
    # Interrupted.
    [ -z "${release-}" ] || kill -- "-$release" 2>/dev/null || true
    printf '\n== times\n'
    cat "$notes/times"
    if [ -s "$notes/log" ]; then
        printf '\n'
        total || code=1
    fi
    if [ -s "$notes/left_out" ]; then
        printf '\n'
        cat "$notes/left_out"
    fi
    if [ -s "$notes/failed" ]; then
        printf '\n'
        sed 's/^/FAILED: /' "$notes/failed"
        code=1
    fi
    rm -r "$notes"
    exit "$code"
}
trap finish EXIT

no_driver() {
    local tree
    tree=$(cargo tree -p selfsame -e normal --prefix none)
    if grep -E '^(rusqlite|libsqlite3-sys|postgres|tokio-postgres|mysql|sqlx)' <<<"$tree"; then
        echo 'selfsame depends on a database driver'
        return 1
    fi
}

# First checks that a violation is detected at all.
layers() {
    local own
    own=$(mktemp -d)
    cp -r orm/src/. "$own"
    sed -i '1i use crate::session::Session;' "$own/value.rs"
    if ci/layers.sh "$own" >/dev/null; then
        echo 'ci/layers.sh does not detect that a value uses the session'
        return 1
    fi
    rm -r "$own"
    ci/layers.sh
}

# The one crate with `unsafe`, under valgrind.
memory() {
    local host
    host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
    env "CARGO_TARGET_${host}_RUNNER=valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite" \
        cargo test -p selfsame-sqlite --lib --test backend
}

# In a new target directory of a new name: Cargo would take an older package of the same version for the new one. Dependencies that are built
# already are linked into it, and built with the workspace's profile.
packages() {
    local own part
    own=$(mktemp -d "$target/packages.XXXXXX")
    mkdir "$own/debug"
    for part in deps build .fingerprint; do
        cp -al "$target/debug/$part" "$own/debug/"
    done
    CARGO_PROFILE_DEV_DEBUG=false cargo package --workspace --allow-dirty --target-dir "$own"
    rm -rf "$own"
}

# The usual faults on a target, with the options of cargo after it. One that never acts is no longer injected anywhere.
faults() {
    local out=$reports/faults-$1.json
    cargo run --release "${@:2}" -- faults "$1" --out "$out"
    ! grep -B 8 '"verdict": "never_acted"' "$out"
}

faults_on_sqlite() {
    faults sqlite
    cargo run --release -- faults sqlite::memory: --all
    # Needs a second connection, which a database in memory does not have.
    cargo run --release -- faults sqlite --all --filter intent_lost
}

tls() {
    cargo test -p selfsame-postgres --features tls --lib
    cargo test -p selfsame-postgres --features tls --test server -- tls
    cargo test -p selfsame-mariadb --features tls,testing --lib
    cargo test -p selfsame-mariadb --features tls,testing --test server --test mysql -- tls
}

tests() {
    cargo test --workspace --no-fail-fast 2>&1 | tee "$notes/log"
}

# MySQL is fetched, as no Debian release has it. Without a network its steps say that they did not run.
fetch_mysql() {
    local code=0
    if [ -z "${SELFSAME_MYSQLD:-}" ]; then
        SELFSAME_MYSQLD=$(ci/mysql-server.sh "$target/mysql") || code=$?
    fi
    if [ "$code" != 0 ]; then
        echo 'NOT RUN: MySQL' | tee -a "$notes/left_out"
        unset SELFSAME_MYSQLD
        # 3: it cannot be fetched.
        [ "$code" = 3 ] || echo 'fetching MySQL' >>"$notes/failed"
        return
    fi
    export SELFSAME_MYSQLD SELFSAME_REQUIRE=$SELFSAME_REQUIRE,mysql
}

# Sums up the results of all test binaries in one line.
total() {
    awk '
        /^test result:/ { binaries++; passed += $4; failed += $6; ignored += $8 }
        END {
            printf "test result: %s. %d passed; %d failed; %d ignored; in %d test binaries\n", failed ? "FAILED" : "ok", passed, failed, ignored, binaries
            exit failed || !passed
        }' "$notes/log"
}

# What is built with the release profile.
release_lane() {
    step 'conformance on SQLite in memory' cargo run --release -- check sqlite::memory:
    step 'conformance on SQLite in a file and PostgreSQL' cargo run --release --features containers -- check sqlite postgres --out "$reports"
    step 'table of rules' diff docs/semantics.md "$reports/rules.md"
    step 'conformance on PostgreSQL behind PgBouncer' cargo run --release --features containers -- check pgbouncer --expect ci/pgbouncer-expected.toml
    step 'conformance on MariaDB' cargo run --release -- check mariadb
    if [ -n "${SELFSAME_MYSQLD:-}" ]; then
        step 'conformance on MySQL' cargo run --release -- check local:mysql
    fi
    if [ -n "${SELFSAME_MARIADB_CONTAINER:-}" ]; then
        # What a container could do otherwise than a local server: how it starts, its files, its end.
        step 'MariaDB in a container' cargo run --release --features containers -- check "docker:$SELFSAME_MARIADB_CONTAINER" \
            --filter schema,transactions,writes
    fi
    step 'counts, growth and allocations' cargo run --release --features containers -- gate
    step 'faults on SQLite' faults_on_sqlite
    step 'faults on PostgreSQL' faults postgres --features containers
    step 'faults on MariaDB' faults mariadb
}

# What is built with the dev profile, or not at all.
dev_lane() {
    step 'format' cargo fmt --all --check
    step 'lints' cargo clippy --workspace --all-targets -- -D warnings
    step 'documentation' env RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps
    step 'the guide' mdbook build --dest-dir "$(cd "$target" && pwd)/guide" docs/guide
    step 'public interface' ci/public-api.sh
    step 'licences and sources' cargo deny check licenses bans sources
    step 'no driver in the ORM' no_driver
    step 'layers of the ORM' layers
    step 'tests' tests
    step 'PostgreSQL, MariaDB and MySQL over TLS' tls
    step 'bugs planted in the session' cargo test -p selfsame-sqlite --features planted-faults --test planted
    step 'memory of the SQLite backend' memory
    step 'packages' packages
}

fetch_mysql
# With a process group of its own, so that it can be ended as a whole.
set -m
release_lane </dev/null > >(sed -u 's/^/| /') 2>&1 &
release=$!
set +m
dev_lane
wait "$release" || echo 'the release lane' >>"$notes/failed"
unset release
