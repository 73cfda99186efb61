#!/usr/bin/env bash
# Arrows between the modules of orm/src run one way: what ci/floors.txt says, from what the sources name as `crate::…`. What tests use is
# not looked at, nor are comments.
#
#     ci/arrows.sh [FOLDER WITH SOURCES]      orm/src
set -euo pipefail
cd "$(dirname "$0")/.."

sources=${1:-orm/src}
find "$sources" -name '*.rs' ! -path '*/tests/*' ! -name tests.rs ! -name lib.rs | sort |
    xargs awk -v root="$sources/" '
        # The longest name of a floor that a path begins with.
        function room(path,    parts, count, name, best, i) {
            count = split(path, parts, "::")
            for (i = 1; i <= count; i++) {
                name = name (i > 1 ? "::" : "") parts[i]
                if (name in floor) best = name
            }
            return best
        }
        function arrow(path,    target) {
            target = room(path)
            if (target == "") {
                printf "%s:%d: no floor has crate::%s\n", FILENAME, FNR, path
                wrong = 1
            }
            if (target == "" || floor[target] <= floor[here]) return
            if ((here, target) in up) { used[here, target] = 1; return }
            printf "%s:%d: %s, on floor %d, uses crate::%s, on floor %d\n",
                FILENAME, FNR, here, floor[here], path, floor[target]
            wrong = 1
        }
        FILENAME == "ci/floors.txt" {
            if ($1 == "up") up[$2, $3] = 1
            else if ($1 != "#") { height++; for (i = 1; i <= NF; i++) floor[$i] = height }
            next
        }
        FNR == 1 {
            path = FILENAME
            sub("^" root, "", path); sub(/\.rs$/, "", path); gsub("/", "::", path)
            here = room(path); in_tests = 0; files++
            if (here == "") { printf "%s: no floor has it\n", FILENAME; wrong = 1; nextfile }
        }
        /^#\[cfg\(test\)\]/ { in_tests = 1 }
        in_tests || /^[ \t]*\/\// { next }
        /[^$]crate::\{/ {
            printf "%s:%d: say what is used of each module in a line of its own\n", FILENAME, FNR
            wrong = 1
        }
        {
            line = $0
            while (match(line, /(^|[^A-Za-z0-9_$])crate::[A-Za-z0-9_:]+/)) {
                path = substr(line, RSTART, RLENGTH)
                line = substr(line, RSTART + RLENGTH)
                sub(/^.*crate::/, "", path); sub(/:+$/, "", path)
                arrow(path)
            }
        }
        END {
            for (pair in up) if (!(pair in used)) {
                split(pair, ends, SUBSEP)
                printf "ci/floors.txt: nothing of %s uses %s any more\n", ends[1], ends[2]
                wrong = 1
            }
            if (files == 0) { print "there are no sources"; wrong = 1 }
            exit wrong
        }' ci/floors.txt
