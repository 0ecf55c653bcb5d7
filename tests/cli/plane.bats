#!/usr/bin/env bats
# The local plane: started when it is needed, once; ended when it is asked to, or idle.

load ../helpers

setup() { own_folders; }
teardown() { stop_plane; }

@test "the first command starts it, serve --status tells, serve --stop ends it" {
    run -0 --separate-stderr mf serve --status --json
    [ "$(jq .listening <<<"$output")" = false ]
    run -0 mf list
    run -0 --separate-stderr mf serve --status --json
    [ "$(jq .listening <<<"$output")" = true ]
    [ "$(jq -r .driver <<<"$output")" = simulated ]
    local pid
    pid=$(jq .pid <<<"$output")
    kill -0 "$pid"
    [ -s "$XDG_STATE_HOME/moonfleet/plane.log" ]
    run -0 --separate-stderr mf serve --stop
    wait_until gone "$pid"
    run -0 --separate-stderr mf serve --stop
    says "no plane runs"
}

@test "ten commands at once start one plane" {
    local pids=() i
    for i in {1..10}; do
        mf list --json >"out.$i" 2>"err.$i" 3>&- &
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
    mf apply fleet.lua --yes --force-checks assigned
    mf serve --stop
    [ "$(mf list --json | jq '.instances | length')" = 2 ]
    local pid
    pid=$(mf serve --status --json | jq .pid)
    kill -9 "$pid"
    wait_until gone "$pid"
    [ "$(mf list --json | jq '.instances | length')" = 2 ]
}

@test "a plane that cannot start says why, in the command that needed it" {
    MOONFLEET_DRIVER=nonsense run -1 --separate-stderr mf list
    says "the driver is auto, oci or simulated"
    run -0 mf list
}

@test "an idle plane ends by itself, one with running instances does not" {
    two_instances
    "$MOONFLEET" serve --driver simulated --idle-exit 1s --log-level debug 2>serve.log 3>&- &
    local plane=$!
    wait_until listening
    mf apply fleet.lua --yes --force-checks assigned
    wait_until grep "not idle" serve.log
    kill -0 "$plane"
    mf stop --all
    wait_until gone "$plane"
    grep -q "nobody has asked" serve.log
}

@test "SIGTERM ends it cleanly" {
    "$MOONFLEET" serve --driver simulated 2>serve.log 3>&- &
    local plane=$!
    wait_until listening
    kill -TERM "$plane"
    wait "$plane"
    [ ! -S "$XDG_RUNTIME_DIR/moonfleet/plane.sock" ]
}

@test "two planes on one socket: the second says so" {
    mf list
    run -1 mf serve --data "$BATS_TEST_TMPDIR/other"
    [ -n "$output" ]
}

@test "--data and --socket make a plane of its own" {
    "$MOONFLEET" serve --data "$BATS_TEST_TMPDIR/own" --socket "$BATS_TEST_TMPDIR/own.sock" 2>serve.log 3>&- &
    local plane=$!
    wait_until mf list --context "unix:$BATS_TEST_TMPDIR/own.sock"
    two_instances
    mf apply fleet.lua --yes --force-checks assigned --context "unix:$BATS_TEST_TMPDIR/own.sock"
    [ "$(mf list --json | jq '.instances | length')" = 0 ]
    mf serve --stop --socket "$BATS_TEST_TMPDIR/own.sock"
    wait "$plane"
}

@test "doctor tells what this machine has" {
    run --separate-stderr mf doctor --json
    [ "$status" -le 1 ]
    jq -e '.checks | map(.check) | index("oci driver") != null' <<<"$output"
    jq -e '.checks | all(.status == "ok" or .advice != null)' <<<"$output"
}

@test "a plane that is just ending is not taken for one that runs" {
    command -v perl >/dev/null || skip "no perl"
    mkdir -p "$XDG_RUNTIME_DIR/moonfleet"
    # listens, and hangs up on the first that comes
    perl -MIO::Socket::UNIX -e '
        my $socket = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die;
        my $peer = $socket->accept; unlink $ARGV[0];' "$XDG_RUNTIME_DIR/moonfleet/plane.sock" 3>&- &
    wait_until test -S "$XDG_RUNTIME_DIR/moonfleet/plane.sock"
    run -0 --separate-stderr mf list
    [ "$stderr" = "no instances" ]
}

@test "a plane that ended while apply asked its question is started again" {
    command -v script >/dev/null || skip "no script(1)"
    two_instances
    start_plane --driver simulated --idle-exit 1s
    answer() {
        wait_until grep -q 'y/N' out.txt
        wait_until gone "$plane"
        echo y
    }
    answer | script -qec "\"$MOONFLEET\" apply fleet.lua --force-checks assigned" /dev/null >out.txt
    grep -q "2 done" out.txt
}
