#!/bin/sh
# local-cluster.sh - several nodes of one cluster on this machine.
#
#     local-cluster.sh start 3     node 1..3, unless they run; start 4 adds the fourth
#     local-cluster.sh status
#     local-cluster.sh stop        the data stays, and so does who they are
#
#     DAEMON  the program                       build/hypercached
#     FOLDER  data, log and process id of each  data/cluster
#     PORT    node i: RESP PORT+i, HTTP PORT+100+i, cluster PORT+200+i        7000
#     ARGS    more arguments for each node
set -eu
DAEMON=${DAEMON:-build/hypercached}
FOLDER=${FOLDER:-data/cluster}
PORT=${PORT:-7000}
ARGS=${ARGS:-}
NODES_MAX=99
TRIES_MAX=600 # tenths of a second

runs() { # node: does its process live?
    [ -s "$FOLDER/node-$1/pid" ] && kill -0 "$(cat "$FOLDER/node-$1/pid")" 2>/dev/null
}

known() { # every node that ever was, by number
    for folder in "$FOLDER"/node-*; do
        [ -d "$folder" ] && echo "${folder##*/node-}"
    done | sort -n
}

seeds() { # of a node: all others, so that it does not matter who starts first
    list=
    i=1
    while [ "$i" -le "$2" ]; do
        [ "$i" = "$1" ] || list="$list${list:+,}127.0.0.1:$((PORT + 200 + i))"
        i=$((i + 1))
    done
    echo "$list"
}

launch() { # node, of how many
    mkdir -p "$FOLDER/node-$1"
    # shellcheck disable=SC2086 # ARGS are words
    setsid "$DAEMON" --node-id "node-$1" --data-dir "$FOLDER/node-$1" --resp-port $((PORT + $1)) \
        --http-port $((PORT + 100 + $1)) --cluster-port $((PORT + 200 + $1)) \
        --cluster.enabled=true --seeds "$(seeds "$1" "$2")" $ARGS \
        </dev/null >>"$FOLDER/node-$1/log" 2>&1 &
    echo $! >"$FOLDER/node-$1/pid"
}

info() { # node, field of INFO cluster
    command -v redis-cli >/dev/null || { echo "?"; return; }
    redis-cli -p $((PORT + $1)) info cluster 2>/dev/null | tr -d '\r' | sed -n "s/^$2://p"
}

wait_ready() { # node
    tries=0
    until case $(info "$1" cluster_state) in ok | '?') true ;; *) false ;; esac; do
        tries=$((tries + 1))
        if ! runs "$1" || [ $tries -gt $TRIES_MAX ]; then
            echo "node $1 did not start; the end of $FOLDER/node-$1/log:" >&2
            tail -n 3 "$FOLDER/node-$1/log" >&2
            exit 1
        fi
        sleep 0.1
    done
}

start() {
    case $1 in '' | *[!0-9]* | 0) echo "say how many nodes, 1 to $NODES_MAX" >&2; exit 2 ;; esac
    [ "$1" -le "$NODES_MAX" ] || { echo "at most $NODES_MAX nodes" >&2; exit 2; }
    i=1
    while [ "$i" -le "$1" ]; do
        runs "$i" || launch "$i" "$1"
        i=$((i + 1))
    done
    i=1
    while [ "$i" -le "$1" ]; do
        wait_ready "$i"
        i=$((i + 1))
    done
    status
    echo "try   redis-cli -p $((PORT + 1)) set greeting hello;  redis-cli -p $((PORT + $1)) get greeting"
    echo "see   http://localhost:$((PORT + 101))/"
    echo "stop  make cluster-stop"
}

status() {
    for i in $(known); do
        if runs "$i"; then
            echo "node $i  port $((PORT + i))  pid $(cat "$FOLDER/node-$i/pid")  state $(info "$i" cluster_state)," \
                "knows $(info "$i" cluster_known_nodes) nodes"
        else
            echo "node $i  does not run"
        fi
    done
}

stop() {
    for i in $(known); do
        runs "$i" && kill "$(cat "$FOLDER/node-$i/pid")"
    done
    for i in $(known); do
        tries=0
        while runs "$i"; do
            tries=$((tries + 1))
            [ $tries -le $TRIES_MAX ] || { echo "node $i does not end" >&2; exit 1; }
            sleep 0.1
        done
        rm -f "$FOLDER/node-$i/pid"
    done
    echo "stopped; the data is in $FOLDER"
}

case ${1:-} in
start) start "${2:-3}" ;;
status) status ;;
stop) stop ;;
*) echo "usage: $0 start [nodes] | status | stop" >&2; exit 2 ;;
esac
