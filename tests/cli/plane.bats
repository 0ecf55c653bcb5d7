#!/usr/bin/env bats
# The local plane: started when it is needed, once; ended when it is asked to, or idle.

load helper

setup() { own_home; }
teardown() { end_plane; }

@test "the first command starts it, serve --status tells, serve --stop ends it" {
    run -0 --separate-stderr moonfleet serve --status --json
    [ "$(jq .listening <<<"$output")" = false ]
    run -0 moonfleet list
    run -0 --separate-stderr moonfleet serve --status --json
    [ "$(jq .listening <<<"$output")" = true ]
    [ "$(jq -r .driver <<<"$output")" = simulated ]
    local pid
    pid=$(jq .pid <<<"$output")
    kill -0 "$pid"
    [ -s "$XDG_STATE_HOME/moonfleet/plane.log" ]
    run -0 --separate-stderr moonfleet serve --stop
    eventually gone "$pid"
    run -0 --separate-stderr moonfleet serve --stop
    says "no plane runs"
}

@test "ten commands at once start one plane" {
    local pids=() i
    for i in {1..10}; do
        moonfleet list --json >"out.$i" 2>"err.$i" 3>&- &
        pids+=("$!")
    done
    for i in "${pids[@]}"; do
        wait "$i"
    done
    [ "$(grep -c ' listening on ' "$XDG_STATE_HOME/moonfleet/plane.log")" = 1 ]
    [ "$(cat out.* | jq -s 'all(.instances == [])')" = true ]
}

@test "what it holds survives its end, and kill -9" {
    two_instances
    moonfleet apply fleet.lua --yes
    moonfleet serve --stop
    [ "$(moonfleet list --json | jq '.instances | length')" = 2 ]
    local pid
    pid=$(moonfleet serve --status --json | jq .pid)
    kill -9 "$pid"
    eventually gone "$pid"
    [ "$(moonfleet list --json | jq '.instances | length')" = 2 ]
}

@test "a plane that cannot start says why, in the command that needed it" {
    MOONFLEET_DRIVER=nonsense run -1 --separate-stderr moonfleet list
    says "the driver is auto, oci or simulated"
    run -0 moonfleet list
}

@test "an idle plane ends by itself, one with running instances does not" {
    two_instances
    "$MOONFLEET" serve --driver simulated --idle-exit 1s 2>serve.log 3>&- &
    local plane=$!
    eventually listening
    moonfleet apply fleet.lua --yes
    sleep 2
    kill -0 "$plane"
    moonfleet stop --all
    eventually gone "$plane"
    grep -q "nobody has asked" serve.log
}

@test "SIGTERM ends it cleanly" {
    "$MOONFLEET" serve --driver simulated 2>serve.log 3>&- &
    local plane=$!
    eventually listening
    kill -TERM "$plane"
    wait "$plane"
    [ ! -S "$XDG_RUNTIME_DIR/moonfleet/plane.sock" ]
}

@test "two planes on one socket: the second says so" {
    moonfleet list
    run -1 moonfleet serve --data "$BATS_TEST_TMPDIR/other"
    [ -n "$output" ]
}

@test "--data and --socket make a plane of its own" {
    "$MOONFLEET" serve --data "$BATS_TEST_TMPDIR/own" --socket "$BATS_TEST_TMPDIR/own.sock" 2>serve.log 3>&- &
    local plane=$!
    eventually moonfleet list --context "unix:$BATS_TEST_TMPDIR/own.sock"
    two_instances
    moonfleet apply fleet.lua --yes --context "unix:$BATS_TEST_TMPDIR/own.sock"
    [ "$(moonfleet list --json | jq '.instances | length')" = 0 ]
    moonfleet serve --stop --socket "$BATS_TEST_TMPDIR/own.sock"
    wait "$plane"
}

@test "doctor tells what this machine has" {
    run --separate-stderr moonfleet doctor --json
    [ "$status" -le 1 ]
    jq -e '.checks | map(.check) | index("oci driver") != null' <<<"$output"
    jq -e '.checks | all(.status == "ok" or .advice != null)' <<<"$output"
}
