//! The shell scripts under which servers run.

/// The beginning of every script: creates a temporary folder, which is removed when the script ends, and reads the password, the first
/// line of its input.
const BEGIN: &str = r#"
dir=$(mktemp -d "${TMPDIR:-/tmp}/selfsame-server.XXXXXX") || dir=$(mktemp -d /tmp/selfsame-server.XXXXXX) || exit 1
cd "$dir" || exit 1
trap '[ -z "$pid" ] || { kill -9 -- -"$pid" || kill -9 "$pid"; wait "$pid"; } 2>/dev/null; cd /; rm -rf "$dir"' EXIT
trap : HUP INT TERM PIPE
failed() { { grep -e ERROR -e rror: log || cat log; } | tail -n 4 | tr '\n' ' '; exit 1; }
read -r password
umask 077
# A server that starts removes the temporary tables that it finds, of whomever.
mkdir tmp && TMPDIR=$dir/tmp && export TMPDIR || exit 1
printf "CREATE USER selfsame IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO selfsame WITH GRANT OPTION;\n" "$password" >init.sql
"#;

/// The end of every script: reports when the server is ready, and runs until its input is closed, which happens however this process
/// ends.
const END: &str = r#"
pid=$!
for _ in $(seq 900); do
  grep -q "$ready" log && grep -q 'd: ready for connections' log && { echo ready; read -r _; exit 0; }
  kill -0 "$pid" 2>/dev/null || failed
  sleep 0.1
done
failed
"#;

/// Returns the script that runs a server: `start` starts it in the background, logs to `log`, and may set `ready` to the text that the
/// log contains when the server can be used. `arguments` assigns the script's arguments to variables.
pub(super) fn script(arguments: &str, start: &str) -> String {
    format!("{arguments}{BEGIN}{start}{END}")
}
