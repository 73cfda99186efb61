#!/usr/bin/env bash
# Compares the public API of the published crates with the lists in docs/public-api, so that no change goes unnoticed.
# `--bless` writes the lists instead.
#
# Needs cargo-public-api. rustdoc's JSON is unstable, hence RUSTC_BOOTSTRAP and a separate target folder, which keeps the flag out of other builds.
set -euo pipefail
cd "$(dirname "$0")/.."

lists=docs/public-api
if ! command -v cargo-public-api >/dev/null; then
    echo 'cargo-public-api not found: cargo install --locked cargo-public-api' >&2
    exit 2
fi
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/public-api

changed=0
for crate in selfsame selfsame-sqlite selfsame-postgres selfsame-mariadb selfsame-conformance selfsame-gate; do
    RUSTC_BOOTSTRAP=1 cargo rustdoc --quiet -p "$crate" --lib -- -Z unstable-options --output-format json
    list=$(cargo public-api -sss --rustdoc-json "$CARGO_TARGET_DIR/doc/${crate//-/_}.json")
    if [ "${1-}" = --bless ]; then
        mkdir -p "$lists"
        printf '%s\n' "$list" >"$lists/$crate.txt"
    elif ! diff -u "$lists/$crate.txt" <(printf '%s\n' "$list"); then
        changed=1
    fi
done
if [ "$changed" != 0 ]; then
    echo 'the public API has changed: if this is intended, run ci/public-api.sh --bless and add a line to CHANGELOG.md'
    exit 1
fi
