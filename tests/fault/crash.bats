#!/usr/bin/env bats
# Killed anywhere, run again: it ends where an undisturbed run would have.

load ../helpers

COUNT=40

setup() {
    own_folders simulated
    fleet_recipe $COUNT fleet.lua
    # Instances take their time, so that there is a middle to be killed in.
    start_slow_plane
}

teardown() {
    stop_plane
}

start_slow_plane() {
    start_plane --driver simulated --simulate create=300ms,start=300ms,stop=300ms,remove=300ms
}

at_least() { # at_least <count>: that many instances are visible
    [ "$("$MOONFLEET" list --json | jq '.instances | length')" -ge "$1" ]
}

undisturbed() {
    "$MOONFLEET" apply fleet.lua --yes
    normal_state >"$BATS_TEST_TMPDIR/expected"
    "$MOONFLEET" destroy fleet.lua --yes
    [ "$("$MOONFLEET" list --json | jq '.instances | length')" -eq 0 ]
}

converges() {
    run mf apply fleet.lua --yes
    [ "$status" -eq 0 ]
    normal_state >"$BATS_TEST_TMPDIR/actual"
    diff "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/actual"
    run mf plan fleet.lua --detailed-exitcode
    [ "$status" -eq 0 ]
}

@test "the client is killed at many points of an apply, and the next one converges" {
    undisturbed
    for point in 1 5 12 20 33 39; do
        "$MOONFLEET" apply fleet.lua --yes --parallel 4 >apply.log 2>&1 3>&- &
        client=$!
        wait_until at_least "$point"
        kill -9 "$client"
        wait "$client" || true
        converges
        "$MOONFLEET" destroy fleet.lua --yes
    done
}

@test "the plane is killed at many points of an apply, and both converge" {
    undisturbed
    for point in 1 7 15 30; do
        "$MOONFLEET" apply fleet.lua --yes --parallel 4 >apply.log 2>&1 3>&- &
        client=$!
        wait_until at_least "$point"
        kill_plane
        kill -9 "$client" 2>/dev/null || true
        wait || true
        start_slow_plane
        converges
        "$MOONFLEET" destroy fleet.lua --yes
    done
}

@test "the plane is killed while the client goes on: it retries and finishes" {
    undisturbed
    "$MOONFLEET" apply fleet.lua --yes --parallel 4 >apply.log 2>&1 3>&- &
    client=$!
    wait_until at_least 10
    kill_plane
    start_slow_plane
    wait "$client" || cat apply.log
    converges
}

@test "the client is killed in the middle of a destroy, and the next one finishes" {
    "$MOONFLEET" apply fleet.lua --yes
    "$MOONFLEET" destroy fleet.lua --yes --parallel 4 >destroy.log 2>&1 3>&- &
    client=$!
    fewer() { [ "$("$MOONFLEET" list --json | jq '.instances | length')" -lt 30 ]; }
    wait_until fewer
    kill -9 "$client"
    wait "$client" || true
    run mf destroy fleet.lua --yes
    [ "$status" -eq 0 ]
    [ "$("$MOONFLEET" list --json | jq '.instances | length')" -eq 0 ]
}

# A role and grants, at the workspace and at each instance.
granting() {
    cat >>fleet.lua <<'EOF'
role "Crash Starter" { actions = { "computes/read", "computes/start" } }
grant { role = "Crash Starter", to = group "data-scientists" }
for i = 1, 40 do
  grant { role = "Reader", to = user "ada@moonfleet.local", scope = ("instance:m%03dx"):format(i) }
end
EOF
}

# how many grants are this fleet's
granted() {
    "$MOONFLEET" grants --json | jq '[.grants[] | select(.fleet == "crash")] | length'
}

@test "grants and roles converge too, made and taken back" {
    granting
    for point in 3 17 30; do
        "$MOONFLEET" apply fleet.lua --yes --parallel 4 >apply.log 2>&1 3>&- &
        client=$!
        wait_until at_least "$point"
        kill -9 "$client"
        wait "$client" || true
        run mf apply fleet.lua --yes
        [ "$status" -eq 0 ]
        run mf plan fleet.lua --detailed-exitcode
        [ "$status" -eq 0 ]
        [ "$(granted)" -eq 41 ]
        "$MOONFLEET" destroy fleet.lua --yes --parallel 4 >destroy.log 2>&1 3>&- &
        client=$!
        fewer() { ! at_least "$point"; }
        wait_until fewer
        kill -9 "$client"
        wait "$client" || true
        "$MOONFLEET" destroy fleet.lua --yes
        [ "$(granted)" -eq 0 ]
        ! "$MOONFLEET" roles "Crash Starter"
    done
}

@test "a plane that was killed says in its log what it found" {
    "$MOONFLEET" apply fleet.lua --yes --parallel 4 >apply.log 2>&1 3>&- &
    client=$!
    wait_until at_least 5
    kill_plane
    kill -9 "$client"
    wait || true
    start_slow_plane
    grep -Ei 'resum|found|failed' plane.log
}
