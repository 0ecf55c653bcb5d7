#!/usr/bin/env bats
# `moonfleet init`: a starter recipe that works as it is.

load helper

setup() { own_home; }
teardown() { end_plane; }

@test "init writes a recipe that plans" {
    run -0 --separate-stderr moonfleet init fleet
    says "wrote fleet.lua"
    [ -x fleet/setup/tools.sh ]
    [ -f fleet/.luarc.json ]
    run -0 --separate-stderr moonfleet plan fleet/fleet.lua --context memory --json
    [ "$(jq .counts.create <<<"$output")" = 2 ]
    run -0 --separate-stderr moonfleet plan fleet/fleet.lua --context memory --json -p team=lab
    [ "$(jq -r '.steps[0].name' <<<"$output")" = lab-ada ]
}

@test "the starter's setup script is clean" {
    command -v shellcheck >/dev/null || skip "no shellcheck"
    moonfleet init fleet
    shellcheck fleet/setup/tools.sh
}

@test "init never overwrites, and writes nothing when it refuses" {
    mkdir fleet
    echo mine >fleet/people.csv
    run -1 --separate-stderr moonfleet init fleet
    says "fleet/people.csv is there already"
    [ "$(cat fleet/people.csv)" = mine ]
    [ "$(ls fleet)" = people.csv ]
}

@test "init works in a folder that is there and empty" {
    mkdir here
    cd here
    run -0 --separate-stderr moonfleet init --json
    jq -e '.files | index("fleet.lua") != null' <<<"$output"
    [ -f fleet.lua ]
}
