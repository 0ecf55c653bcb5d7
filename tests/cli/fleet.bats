#!/usr/bin/env bats
# plan, apply, destroy against the local plane with the simulated driver.

load helper

setup() { own_home; }
teardown() { end_plane; }

# Are so many instances being created?
in_creation() {
    [ "$(moonfleet list --json | jq '.instances | map(select(.provisioningState == "Creating")) | length')" = "$1" ]
}

@test "plan, apply, apply again, destroy" {
    two_instances
    run -0 --separate-stderr moonfleet plan fleet.lua
    says "+ create"
    says "2 to create"
    [ "$(moonfleet list --json | jq '.instances | length')" = 0 ]
    run -0 --separate-stderr moonfleet apply fleet.lua --yes
    says "2 done"
    [ "$(moonfleet list --json | jq -c '.instances | map(.state)')" = '["Running","Running"]' ]
    run -0 --separate-stderr moonfleet apply fleet.lua --yes
    says "nothing to change"
    run -0 --separate-stderr moonfleet destroy fleet.lua --yes
    says "2 to delete"
    [ "$(moonfleet list --json | jq '.instances | length')" = 0 ]
}

@test "apply --json twice: the second time zero changes" {
    two_instances
    run -0 --separate-stderr moonfleet apply fleet.lua --yes --json
    [ "$(jq .changes <<<"$output")" = 2 ]
    run -0 --separate-stderr moonfleet apply fleet.lua --yes --json
    [ "$(jq .changes <<<"$output")" = 0 ]
    [ "$(jq .counts.unchanged <<<"$output")" = 2 ]
}

@test "--detailed-exitcode tells changes" {
    two_instances
    run -2 --separate-stderr moonfleet plan fleet.lua --detailed-exitcode
    run -0 moonfleet apply fleet.lua --yes
    run -0 --separate-stderr moonfleet plan fleet.lua --detailed-exitcode
    says "nothing to change"
}

@test "a change says why, old and new, and is made in place" {
    two_instances
    moonfleet apply fleet.lua --yes
    two_instances 'idle_shutdown = "2h",'
    run -0 --separate-stderr moonfleet plan fleet.lua
    says "~ update"
    says "idle_shutdown: 1h → 2h"
    run -0 --separate-stderr moonfleet apply fleet.lua --yes
    says "1 done"
    [ "$(moonfleet list team-grace --json | jq -r '.instances[0].idleShutdown')" = PT120M ]
    run -0 --separate-stderr moonfleet plan fleet.lua --detailed-exitcode
}

@test "a replacement is refused without --replace, and done with it" {
    two_instances
    moonfleet apply fleet.lua --yes
    two_instances 'size = "Standard_DS12_v2",'
    run -1 --separate-stderr moonfleet apply fleet.lua --yes
    says "--replace team-grace"
    [ "$(moonfleet list team-grace --json | jq -r '.instances[0].size | ascii_downcase')" = standard_ds3_v2 ]
    run -0 --separate-stderr moonfleet apply fleet.lua --yes --replace team-grace
    says "1 done"
    [ "$(moonfleet list team-grace --json | jq -r '.instances[0].size | ascii_downcase')" = standard_ds12_v2 ]
}

@test "five mistakes in one run, each with file and line, and nothing is created" {
    cat >bad.lua <<'RECIPE'
fleet "bad" { defaults = { size = "Standard_DS3_v2" } }
instance "bad-one" {
  idle_shutdwon = "1h",
}
instance "bad-two" {
  size = "Standard_DS3_v3000",
}
instance "bad-three-with-a-name-that-is-too-long" {
}
instance "bad-four" {
  setup = setup_script "missing.sh" {},
}
instance "bad-five" {}
instance "bad-five" {}
RECIPE
    run -1 --separate-stderr moonfleet apply bad.lua --yes
    [ "$(grep -c '^moonfleet: bad.lua:[0-9]*: ' <<<"$stderr")" = 5 ]
    says "did you mean 'idle_shutdown'"
    says "Standard_DS3_v3000"
    says "bad-three-with-a-name-that-is-too-long"
    says "missing.sh"
    says "bad-five"
    for line in 2 5 8 11 14; do
        [[ "$stderr" == *"bad.lua:$line: "* ]] || {
            echo "no mistake at line $line: $stderr"
            false
        }
    done
    [ "$(moonfleet list --json | jq '.instances | length')" = 0 ]
    run -1 --separate-stderr moonfleet plan bad.lua --json
    [ "$(jq '.error.details | length' <<<"$output")" = 5 ]
    jq -e '.error.details | all(.file == "bad.lua" and .line > 0)' <<<"$output"
}

@test "a recipe that is no Lua is one error with its line" {
    printf 'fleet "x" {}\nthis is not Lua\n' >bad.lua
    run -1 --separate-stderr moonfleet plan bad.lua
    says "bad.lua:2: "
    run -1 --separate-stderr moonfleet plan none.lua
    says "none.lua"
}

@test "a saved plan is applied as it was reviewed" {
    two_instances
    run -0 --separate-stderr moonfleet plan fleet.lua --out reviewed.plan
    [ "$(stat -c %a reviewed.plan)" = 600 ]
    echo 'this is not Lua' >fleet.lua
    run -0 --separate-stderr moonfleet apply reviewed.plan --yes
    says "2 done"
}

@test "a saved plan is refused when the world has moved" {
    two_instances
    moonfleet plan fleet.lua --out reviewed.plan
    moonfleet apply fleet.lua --yes
    moonfleet delete team-ada --yes
    run -1 --separate-stderr moonfleet apply reviewed.plan --yes
    says "moved"
    [ "$(moonfleet list --json | jq '.instances | length')" = 1 ]
}

@test "without a terminal nothing is asked: --yes or an error" {
    two_instances
    run -64 --separate-stderr moonfleet apply fleet.lua
    says "--yes"
    [ "$(moonfleet list --json | jq '.instances | length')" = 0 ]
    run -0 moonfleet apply fleet.lua --yes
    run -64 --separate-stderr moonfleet destroy fleet.lua
    says "--yes"
    [ "$(moonfleet list --json | jq '.instances | length')" = 2 ]
}

@test "on a terminal apply asks, and no means no" {
    command -v script >/dev/null || skip "no script(1)"
    two_instances
    run -1 bash -c "echo n | script -qec '\"$MOONFLEET\" apply fleet.lua' /dev/null"
    says "[y/N]"
    says "nothing was changed"
    [ "$(moonfleet list --json | jq '.instances | length')" = 0 ]
    run -0 bash -c "echo y | script -qec '\"$MOONFLEET\" apply fleet.lua' /dev/null"
    [ "$(moonfleet list --json | jq '.instances | length')" = 2 ]
}

@test "output to a pipe holds no escape sequences" {
    two_instances
    run -0 moonfleet apply fleet.lua --yes
    [[ "$output" != *$'\033'* ]]
    run -0 moonfleet list
    [[ "$output" != *$'\033'* ]]
}

@test "one that fails does not stop the others" {
    "$MOONFLEET" serve --driver simulated --fail-creation 'team-ada' 2>serve.log 3>&- &
    eventually listening
    cat >fleet.lua <<'RECIPE'
fleet "team" { defaults = { size = "Standard_DS3_v2" } }
local hello = setup_script "hello.sh" {}
instance "team-ada" { setup = hello }
instance "team-grace" { setup = hello }
RECIPE
    printf '#!/bin/sh\necho hello\n' >hello.sh
    run -1 --separate-stderr moonfleet apply fleet.lua --yes
    says "fleet.lua:3: "
    says "1 done, 1 failed"
    [ "$(moonfleet list team-grace --json | jq -r '.instances[0].state')" = Running ]
}

@test "Ctrl-C stops issuing, waits for what is in flight and tells what is left" {
    "$MOONFLEET" serve --driver simulated --simulate create=1s 2>serve.log 3>&- &
    eventually listening
    two_instances
    "$MOONFLEET" apply fleet.lua --yes --parallel 1 >out.txt 2>err.txt 3>&- &
    local apply=$!
    eventually in_creation 1
    kill -INT "$apply"
    local status=0
    wait "$apply" || status=$?
    [ "$status" = 130 ]
    grep -q "1 done, 1 left" out.txt
    grep -q "left undone: team-" err.txt
    [ "$(moonfleet list --json | jq -c '.instances | map(.state)')" = '["Running"]' ]
    run -0 --separate-stderr moonfleet apply fleet.lua --yes
    says "1 done"
    run -0 --separate-stderr moonfleet plan fleet.lua --detailed-exitcode
}

@test "the second Ctrl-C leaves at once, and the next apply converges" {
    "$MOONFLEET" serve --driver simulated --simulate create=3s 2>serve.log 3>&- &
    eventually listening
    two_instances
    "$MOONFLEET" apply fleet.lua --yes >out.txt 2>err.txt 3>&- &
    local apply=$!
    eventually in_creation 2
    kill -INT "$apply"
    eventually grep -q "interrupted" err.txt
    kill -INT "$apply"
    local status=0
    wait "$apply" || status=$?
    [ "$status" = 130 ]
    run -0 --separate-stderr moonfleet apply fleet.lua --yes
    [ "$(moonfleet list --json | jq -c '.instances | map(.state)')" = '["Running","Running"]' ]
    run -0 --separate-stderr moonfleet plan fleet.lua --detailed-exitcode
}
