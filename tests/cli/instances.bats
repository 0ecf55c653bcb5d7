#!/usr/bin/env bats
# list, show, start, stop, restart, delete with the simulated driver.

load ../helpers

setup() {
    own_folders
    team_may
    two_instances
    mf apply fleet.lua --yes >/dev/null 2>&1
}
teardown() { stop_plane; }

states() {
    mf list --json | jq -r '.instances[] | "\(.name)=\(.state)"' | tr '\n' ' '
}

@test "list shows names, states, persons and fleets" {
    run -0 --separate-stderr mf list
    says "team-ada"
    says "Running"
    says "ada@moonfleet.local"
    [ "$(head -1 <<<"$output" | tr -s ' ')" = "NAME STATE SIZE PERSON FLEET IDLE AGE" ]
    run -0 --separate-stderr mf list --json
    jq -e '.instances | all(.fleet == "team" and .size != null and .created != null)' <<<"$output"
    [ "$(jq -r '.instances[1].person' <<<"$output")" = grace@moonfleet.local ]
}

@test "list filters by name, glob, state, fleet and person" {
    [ "$(mf list team-ada --json | jq '.instances | length')" = 1 ]
    [ "$(mf list '*-GRACE' --json | jq -r '.instances[].name')" = team-grace ]
    [ "$(mf list --fleet other --json | jq '.instances | length')" = 0 ]
    [ "$(mf list --state stopped --json | jq '.instances | length')" = 0 ]
    run -1 --separate-stderr mf list team-adda
    says "did you mean 'team-ada'"
}

@test "list --mine shows what I created and what is assigned to me" {
    [ "$(mf list --mine --json | jq -r '[.instances[].name] | join(" ")')" = "team-ada team-grace" ]
    [ "$(mf list --mine --as ada@moonfleet.local --json | jq -r '.instances[].name')" = team-ada ]
    [ "$(mf list --mine --as linus@moonfleet.local --json | jq '.instances | length')" = 0 ]
    # What others do to "theirs" is done to what is assigned to them alone.
    run -0 --separate-stderr mf stop --mine
    says "nothing to stop"
    [ "$(states)" = "team-ada=Running team-grace=Running " ]
}

@test "show says whose it is and who created it" {
    run -0 --separate-stderr mf show team-ada
    says "assigned to     ada@moonfleet.local"
    says "created by      owner@moonfleet.local"
    run -0 --separate-stderr mf show team-ada --json
    jq -e '.assignedTo == "ada@moonfleet.local" and .createdBy == "owner@moonfleet.local"' <<<"$output"
    jq -e '.assignedToId == "00000000-0000-4000-8000-000000000101" and .personId == .assignedToId' <<<"$output"
    jq -e '.createdById == "00000000-0000-4000-8000-000000000100"' <<<"$output"
}

@test "show tells everything about one" {
    run -0 --separate-stderr mf show team-ada
    says "Standard_DS3_v2 (4 vCPUs, 14 GB)"
    says "idle shutdown   1h"
    run -0 --separate-stderr mf show team-ada --json
    [ "$(jq -r .resource.properties.computeType <<<"$output")" = ComputeInstance ]
    run -1 --separate-stderr mf show nobody
    [ -z "$output" ]
    says "404"
}

@test "stop, start, restart" {
    run -0 --separate-stderr mf stop team-ada
    says "stopped team-ada"
    [ "$(states)" = "team-ada=Stopped team-grace=Running " ]
    run -0 --separate-stderr mf start --fleet team
    says "started team-ada"
    [[ "$stderr" != *team-grace* ]]
    [ "$(states)" = "team-ada=Running team-grace=Running " ]
    run -0 --separate-stderr mf restart 'team-*' --json
    [ "$(jq -c '.instances | map(.result)' <<<"$output")" = '["done","done"]' ]
}

@test "each failure is told, the others are done, and the exit status is 1" {
    mf stop team-grace
    run -1 --separate-stderr mf stop team-ada nobody --json
    [ "$(jq -r '.instances[] | select(.name == "team-ada") | .result' <<<"$output")" = done ]
    [ "$(jq -r '.instances[] | select(.name == "nobody") | .error.status' <<<"$output")" = 404 ]
    run -1 --separate-stderr mf start team-ada nobody
    says "nobody"
    [ "$(states)" = "team-ada=Running team-grace=Stopped " ]
}

@test "--no-wait returns when the plane has accepted it" {
    stop_plane
    "$MOONFLEET" serve --driver simulated --simulate stop=2s 2>serve.log 3>&- &
    wait_until listening
    run -0 --separate-stderr mf stop team-ada --no-wait
    says "accepted team-ada"
    [ "$(mf list team-ada --json | jq -r '.instances[0].state')" = Stopping ]
    wait_until bash -c '[ "$("$MOONFLEET" list --state Stopped --json | jq ".instances | length")" = 1 ]'
}

@test "a command on many needs to be told which" {
    run -64 --separate-stderr mf stop
    says "--all, --fleet or --mine"
    run -64 --separate-stderr mf stop --all team-ada
    [ "$(states)" = "team-ada=Running team-grace=Running " ]
    run -0 --separate-stderr mf stop --all
    [ "$(states)" = "team-ada=Stopped team-grace=Stopped " ]
    run -0 --separate-stderr mf stop --all
    says "nothing to stop"
}

@test "delete needs a confirmation" {
    run -64 --separate-stderr mf delete team-ada
    says "--yes"
    [ "$(states)" = "team-ada=Running team-grace=Running " ]
    run -0 --separate-stderr mf delete team-ada --yes
    says "deleted team-ada"
    [ "$(states)" = "team-grace=Running " ]
    run -1 --separate-stderr mf delete team-graze --yes
    says "did you mean 'team-grace'"
}

@test "delete refuses what is protected" {
    two_instances 'protect = true,'
    mf apply fleet.lua --yes
    run -1 --separate-stderr mf delete --all --yes
    says "team-grace is protected"
    [ "$(states)" = "team-ada=Running team-grace=Running " ]
}

@test "logs and exec of a simulated instance say what there is" {
    run -0 --separate-stderr mf logs team-ada
    says "no setup script has run"
    run -1 --separate-stderr mf exec team-ada -- true
    [ -n "$stderr" ]
}

@test "foreign text cannot drive the terminal" {
    cat >evil.lua <<'RECIPE'
fleet "evil" { defaults = { size = "Standard_DS3_v2" } }
instance "evil-one" { tags = { note = "a\27[31mred" }, description = "line\27]0;title\7" }
RECIPE
    mf apply evil.lua --yes
    run -0 mf show evil-one
    [[ "$output" != *$'\033'* ]]
    [[ "$output" == *'\x1b[31mred'* ]]
}
