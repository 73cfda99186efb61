#!/bin/sh
# Starts and stops a Docker daemon for CI. Publishes on the loopback alone. Does nothing when there is nothing to do, and stops
# only the daemon that it started.
#
#   daemon.sh start|stop
set -eu

own=/run/selfsame-dockerd.pid
log=${TMPDIR:-/tmp}/selfsame-dockerd.log

is_running() { docker info >/dev/null 2>&1; }

# Whether the process of this id file is a Docker daemon that lives.
is_daemon() {
    [ -s "$1" ] && [ "$(cat "/proc/$(cat "$1")/comm" 2>/dev/null)" = dockerd ]
}

start() {
    if is_running; then
        return
    fi
    # Left behind by a daemon that was killed; the next one would refuse to start.
    is_daemon /var/run/docker.pid || rm -f /var/run/docker.pid
    setsid dockerd --ip 127.0.0.1 >"$log" 2>&1 &
    echo $! >"$own"
    for _ in $(seq 60); do
        if is_running; then
            return
        fi
        sleep 0.5
    done
    echo "the Docker daemon did not start:" >&2
    tail -n 5 "$log" >&2
    exit 1
}

stop() {
    if ! is_daemon "$own"; then
        rm -f "$own"
        return
    fi
    pid=$(cat "$own")
    kill "$pid"
    for _ in $(seq 60); do
        if ! is_daemon "$own"; then
            rm -f "$own"
            return
        fi
        sleep 0.5
    done
    echo "the Docker daemon $pid does not stop" >&2
    exit 1
}

case ${1:-} in
    start | stop) "$1" ;;
    *)
        echo "usage: daemon.sh start|stop" >&2
        exit 2
        ;;
esac
