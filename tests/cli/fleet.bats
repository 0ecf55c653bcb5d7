#!/usr/bin/env bats
# plan, apply, destroy against the local plane with the simulated driver.

load ../helpers

setup() {
    own_folders
    team_may
}
teardown() { stop_plane; }

# Are so many instances being created?
in_creation() {
    [ "$(mf list --json | jq '.instances | map(select(.provisioningState == "Creating")) | length')" = "$1" ]
}

@test "plan, apply, apply again, destroy" {
    two_instances
    run -0 --separate-stderr mf plan fleet.lua
    says "+ create"
    says "2 to create"
    [ "$(mf list --json | jq '.instances | length')" = 0 ]
    run -0 --separate-stderr mf apply fleet.lua --yes
    says "2 done"
    [ "$(mf list --json | jq -c '.instances | map(.state)')" = '["Running","Running"]' ]
    run -0 --separate-stderr mf apply fleet.lua --yes
    says "nothing to change"
    run -0 --separate-stderr mf destroy fleet.lua --yes
    says "2 to delete"
    [ "$(mf list --json | jq '.instances | length')" = 0 ]
}

@test "apply --json twice: the second time zero changes" {
    two_instances
    run -0 --separate-stderr mf apply fleet.lua --yes --json
    [ "$(jq .changes <<<"$output")" = 2 ]
    run -0 --separate-stderr mf apply fleet.lua --yes --json
    [ "$(jq .changes <<<"$output")" = 0 ]
    [ "$(jq .counts.unchanged <<<"$output")" = 2 ]
}

@test "--detailed-exitcode tells changes" {
    two_instances
    run -2 --separate-stderr mf plan fleet.lua --detailed-exitcode
    run -0 mf apply fleet.lua --yes
    run -0 --separate-stderr mf plan fleet.lua --detailed-exitcode
    says "nothing to change"
}

@test "a change says why, old and new, and is made in place" {
    two_instances
    mf apply fleet.lua --yes
    two_instances 'idle_shutdown = "2h",'
    run -0 --separate-stderr mf plan fleet.lua
    says "~ update"
    says "idle_shutdown: 1h → 2h"
    run -0 --separate-stderr mf apply fleet.lua --yes
    says "1 done"
    [ "$(mf list team-grace --json | jq -r '.instances[0].idleShutdown')" = PT120M ]
    run -0 --separate-stderr mf plan fleet.lua --detailed-exitcode
}

@test "a replacement is refused without --replace, and done with it" {
    two_instances
    mf apply fleet.lua --yes
    two_instances 'size = "Standard_DS12_v2",'
    run -1 --separate-stderr mf apply fleet.lua --yes
    says "--replace team-grace"
    [ "$(mf list team-grace --json | jq -r '.instances[0].size | ascii_downcase')" = standard_ds3_v2 ]
    run -0 --separate-stderr mf apply fleet.lua --yes --replace team-grace
    says "1 done"
    [ "$(mf list team-grace --json | jq -r '.instances[0].size | ascii_downcase')" = standard_ds12_v2 ]
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
    run -1 --separate-stderr mf apply bad.lua --yes
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
    [ "$(mf list --json | jq '.instances | length')" = 0 ]
    run -1 --separate-stderr mf plan bad.lua --json
    [ "$(jq '.error.details | length' <<<"$output")" = 5 ]
    jq -e '.error.details | all(.file == "bad.lua" and .line > 0)' <<<"$output"
}

@test "a recipe that is no Lua is one error with its line" {
    printf 'fleet "x" {}\nthis is not Lua\n' >bad.lua
    run -1 --separate-stderr mf plan bad.lua
    says "bad.lua:2: "
    run -1 --separate-stderr mf plan none.lua
    says "none.lua"
}

@test "a saved plan is applied as it was reviewed" {
    two_instances
    run -0 --separate-stderr mf plan fleet.lua --out reviewed.plan
    [ "$(stat -c %a reviewed.plan)" = 600 ]
    echo 'this is not Lua' >fleet.lua
    run -0 --separate-stderr mf apply reviewed.plan --yes
    says "2 done"
}

@test "a saved plan is refused when the world has moved" {
    two_instances
    mf plan fleet.lua --out reviewed.plan
    mf apply fleet.lua --yes
    mf delete team-ada --yes
    run -1 --separate-stderr mf apply reviewed.plan --yes
    says "moved"
    [ "$(mf list --json | jq '.instances | length')" = 1 ]
}

@test "without a terminal nothing is asked: --yes or an error" {
    two_instances
    run -64 --separate-stderr mf apply fleet.lua
    says "--yes"
    [ "$(mf list --json | jq '.instances | length')" = 0 ]
    run -0 mf apply fleet.lua --yes
    run -64 --separate-stderr mf destroy fleet.lua
    says "--yes"
    [ "$(mf list --json | jq '.instances | length')" = 2 ]
}

@test "on a terminal apply asks, and no means no" {
    command -v script >/dev/null || skip "no script(1)"
    two_instances
    run -1 bash -c "echo n | script -qec '\"$MOONFLEET\" apply fleet.lua' /dev/null"
    says "[y/N]"
    says "nothing was changed"
    [ "$(mf list --json | jq '.instances | length')" = 0 ]
    run -0 bash -c "echo y | script -qec '\"$MOONFLEET\" apply fleet.lua' /dev/null"
    [ "$(mf list --json | jq '.instances | length')" = 2 ]
}

@test "output to a pipe holds no escape sequences" {
    two_instances
    run -0 mf apply fleet.lua --yes
    [[ "$output" != *$'\033'* ]]
    run -0 mf list
    [[ "$output" != *$'\033'* ]]
}

@test "one that fails does not stop the others" {
    mf serve --stop
    "$MOONFLEET" serve --driver simulated --fail-creation 'team-ada' 2>serve.log 3>&- &
    wait_until listening
    cat >fleet.lua <<'RECIPE'
fleet "team" { defaults = { size = "Standard_DS3_v2" } }
local hello = setup_script "hello.sh" {}
instance "team-ada" { setup = hello }
instance "team-grace" { setup = hello }
RECIPE
    printf '#!/bin/sh\necho hello\n' >hello.sh
    run -1 --separate-stderr mf apply fleet.lua --yes
    says "fleet.lua:3: "
    says "1 done, 1 failed"
    [ "$(mf list team-grace --json | jq -r '.instances[0].state')" = Running ]
}

@test "Ctrl-C stops issuing, waits for what is in flight and tells what is left" {
    mf serve --stop
    "$MOONFLEET" serve --driver simulated --simulate create=1s 2>serve.log 3>&- &
    wait_until listening
    two_instances
    "$MOONFLEET" apply fleet.lua --yes --parallel 1 >out.txt 2>err.txt 3>&- &
    local apply=$!
    wait_until in_creation 1
    kill -INT "$apply"
    local status=0
    wait "$apply" || status=$?
    [ "$status" = 130 ]
    grep -q "1 done, 1 left" out.txt
    grep -q "left undone: team-" err.txt
    [ "$(mf list --json | jq -c '.instances | map(.state)')" = '["Running"]' ]
    run -0 --separate-stderr mf apply fleet.lua --yes
    says "1 done"
    run -0 --separate-stderr mf plan fleet.lua --detailed-exitcode
}

@test "the second Ctrl-C leaves at once, and the next apply converges" {
    mf serve --stop
    "$MOONFLEET" serve --driver simulated --simulate create=3s 2>serve.log 3>&- &
    wait_until listening
    two_instances
    "$MOONFLEET" apply fleet.lua --yes >out.txt 2>err.txt 3>&- &
    local apply=$!
    wait_until in_creation 2
    kill -INT "$apply"
    wait_until grep -q "interrupted" err.txt
    kill -INT "$apply"
    local status=0
    wait "$apply" || status=$?
    [ "$status" = 130 ]
    run -0 --separate-stderr mf apply fleet.lua --yes
    [ "$(mf list --json | jq -c '.instances | map(.state)')" = '["Running","Running"]' ]
    run -0 --separate-stderr mf plan fleet.lua --detailed-exitcode
}

@test "a saved plan that was edited is refused" {
    two_instances
    mf plan fleet.lua --out reviewed.plan
    sed 's/ada@moonfleet/ida@moonfleet/' reviewed.plan >edited.plan
    run -1 --separate-stderr mf apply edited.plan --yes
    says "changed after it was saved"
    head -c 300 reviewed.plan >cut.plan
    run -1 --separate-stderr mf apply cut.plan --yes
    says "not JSON"
    [ "$(mf list --json | jq '.instances | length')" = 0 ]
}

@test "destroy takes no plan that creates, and apply takes one that destroys" {
    two_instances
    mf plan fleet.lua --out create.plan
    run -64 --separate-stderr mf destroy create.plan --yes
    says "destroys nothing"
    [ "$(mf list --json | jq '.instances | length')" = 0 ]
    mf apply create.plan --yes
    mf plan fleet.lua --destroy --out destroy.plan
    run -0 mf destroy destroy.plan --yes
    [ "$(mf list --json | jq '.instances | length')" = 0 ]
}

@test "parameters that are none are told" {
    two_instances
    for parameter in team =x $'team=\xff'; do
        run -64 --separate-stderr mf plan fleet.lua -p "$parameter"
        says "-p takes name=value"
    done
    run -1 --separate-stderr mf plan fleet.lua -p team=x
    says "no parameter 'team'"
}

@test "what a recipe says never controls the terminal" {
    cat >fleet.lua <<'RECIPE'
print("print \27[31m\7\u{9b}31m")
fleet "team" { defaults = { size = "Standard_DS3_v2", ["\27]0;x\7"] = 1 } }
instance "a\27[31m" {}
output("out", "\27[31m\u{9b}")
error("\27[31mraised")
RECIPE
    run -1 --separate-stderr mf plan fleet.lua
    says "print"
    says "raised"
    [[ "$output$stderr" != *[$'\033\007']* && "$output$stderr" != *$'\u9b'* ]]
    run -1 --separate-stderr mf plan $'no\033[31m.lua'
    [[ "$output$stderr" != *$'\033'* ]]
}

@test "recipes that are none: empty, a folder, bytes, too large, Windows text" {
    : >empty.lua
    run -1 --separate-stderr mf plan empty.lua
    says "empty.lua: this recipe declares no fleet"
    mkdir folder.lua
    run -1 --separate-stderr mf plan folder.lua
    says "is a folder"
    head -c 1000 /dev/urandom | tr -d '\n' >bytes.lua
    run -1 --separate-stderr mf plan bytes.lua
    says "bytes.lua:1: "
    head -c 5000000 /dev/zero | tr '\0' '-' >large.lua
    run -1 --separate-stderr mf plan large.lua
    says "larger than 4194304 bytes"
    printf '\xef\xbb\xbffleet "w" { defaults = { size = "Standard_DS3_v2" } }\r\ninstance "w-one" {\r\n siez = 1 }\r\n' \
        >windows.lua
    run -1 --separate-stderr mf plan windows.lua
    says "windows.lua:2: instance 'w-one': unknown field 'siez', did you mean 'size'?"
}

@test "a full disk under standard output is no success" {
    two_instances
    run -1 bash -c '"$MOONFLEET" plan fleet.lua --context memory >/dev/full'
    run -1 bash -c '"$MOONFLEET" plan fleet.lua --context memory --json >&-'
    run -0 bash -c 'set -o pipefail; "$MOONFLEET" plan fleet.lua | head -1'
}

@test "two applies at once converge" {
    fleet_recipe 40 fleet.lua
    mf apply fleet.lua --yes >one.log 2>&1 3>&- &
    local one=$! status=0
    mf apply fleet.lua --yes >two.log 2>&1 || status=$?
    wait "$one" || true
    run -0 mf apply fleet.lua --yes
    run -0 mf plan fleet.lua --detailed-exitcode
    [ "$(mf list --json | jq '.instances | length')" = 40 ]
}
