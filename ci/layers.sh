#!/usr/bin/env bash
# Checks that modules of orm/src use only modules of their own layer and of lower ones, as listed in ci/layers.txt: compares it with the
# `crate::…` paths in the sources, without tests and comments.
#
#     ci/layers.sh [FOLDER WITH SOURCES]      orm/src
set -euo pipefail
cd "$(dirname "$0")/.."

sources=${1:-orm/src}
find "$sources" -name '*.rs' ! -path '*/tests/*' ! -name tests.rs ! -name lib.rs | sort |
    xargs awk -v root="$sources/" '
        # The longest listed module that a path begins with.
        function module(path,    parts, count, name, best, i) {
            count = split(path, parts, "::")
            for (i = 1; i <= count; i++) {
                name = name (i > 1 ? "::" : "") parts[i]
                if (name in layer) best = name
            }
            return best
        }
        function check(path,    target) {
            target = module(path)
            if (target == "") {
                printf "%s:%d: crate::%s is in no layer\n", FILENAME, FNR, path
                wrong = 1
            }
            if (target == "" || layer[target] <= layer[here]) return
            if ((here, target) in up) { used[here, target] = 1; return }
            printf "%s:%d: %s, in layer %d, uses crate::%s, in layer %d\n",
                FILENAME, FNR, here, layer[here], path, layer[target]
            wrong = 1
        }
        FILENAME == "ci/layers.txt" {
            if ($1 == "up") up[$2, $3] = 1
            else if ($1 != "#") { height++; for (i = 1; i <= NF; i++) layer[$i] = height }
            next
        }
        FNR == 1 {
            path = FILENAME
            sub("^" root, "", path); sub(/\.rs$/, "", path); gsub("/", "::", path)
            here = module(path); in_tests = 0; files++
            if (here == "") { printf "%s: in no layer\n", FILENAME; wrong = 1; nextfile }
        }
        /^#\[cfg\(test\)\]/ { in_tests = 1 }
        in_tests || /^[ \t]*\/\// { next }
        /[^$]crate::\{/ {
            printf "%s:%d: write one `use` line per module\n", FILENAME, FNR
            wrong = 1
        }
        {
            line = $0
            while (match(line, /(^|[^A-Za-z0-9_$])crate::[A-Za-z0-9_:]+/)) {
                path = substr(line, RSTART, RLENGTH)
                line = substr(line, RSTART + RLENGTH)
                sub(/^.*crate::/, "", path); sub(/:+$/, "", path)
                check(path)
            }
        }
        END {
            for (pair in up) if (!(pair in used)) {
                split(pair, ends, SUBSEP)
                printf "ci/layers.txt: %s no longer uses %s: remove the exception\n", ends[1], ends[2]
                wrong = 1
            }
            if (files == 0) { print "no sources found"; wrong = 1 }
            exit wrong
        }' ci/layers.txt
