#!/usr/bin/env bats
# `moonfleet init`: a starter recipe that works as it is.

load ../helpers

setup() { own_folders; }
teardown() { stop_plane; }

@test "init writes a recipe that plans" {
    run -0 --separate-stderr mf init fleet
    says "wrote fleet.lua"
    [ -x fleet/setup/tools.sh ]
    [ -f fleet/.luarc.json ]
    run -0 --separate-stderr mf plan fleet/fleet.lua --context memory --json
    [ "$(jq .counts.create <<<"$output")" = 3 ]
    run -0 --separate-stderr mf plan fleet/fleet.lua --context memory --json -p team=lab
    [ "$(jq -r '[.steps[] | select(.type == "instance")][0].name' <<<"$output")" = lab-ada ]
}

@test "the starter's setup script is clean" {
    command -v shellcheck >/dev/null || skip "no shellcheck"
    mf init fleet
    shellcheck fleet/setup/tools.sh
}

@test "init never overwrites, and writes nothing when it refuses" {
    mkdir fleet
    echo mine >fleet/people.csv
    run -1 --separate-stderr mf init fleet
    says "fleet/people.csv is there already"
    [ "$(cat fleet/people.csv)" = mine ]
    [ "$(ls fleet)" = people.csv ]
}

@test "init works in a folder that is there and empty" {
    mkdir here
    cd here
    run -0 --separate-stderr mf init --json
    jq -e '.files | index("fleet.lua") != null' <<<"$output"
    [ -f fleet.lua ]
}

@test "the starter applies as it is, and what editors read tells every field" {
    mf init fleet
    run -0 --separate-stderr mf apply fleet/fleet.lua --yes
    says "3 done"
    run -0 mf plan fleet/fleet.lua --detailed-exitcode
    [ "$(jq -r '.["workspace.library"][0]' fleet/.luarc.json)" = .moonfleet/meta ]
    for field in $(mf help instance --json | jq -r '.fields[].name'); do
        grep -q -e "^---@field $field?* " fleet/.moonfleet/meta/schema.lua
    done
    # every class that is named is declared
    for class in $(grep -oh 'recipe\.[a-z_][a-z_]*' fleet/.moonfleet/meta/*.lua | sort -u | grep -v '^recipe.lua$'); do
        grep -qE -e "^---@(class|alias) $class( |\$|:)" fleet/.moonfleet/meta/*.lua
    done
}
