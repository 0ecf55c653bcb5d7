#!/usr/bin/env bats
# How many containers are brought up at once: the others stand in line, and can be taken out of it.

load ../helpers

setup() {
    own_folders oci
    need_containers
    share=$XDG_DATA_HOME/moonfleet/shares/ds-workspace
    start_plane --driver oci --at-once 1
}

teardown() {
    touch "$share/go" 2>/dev/null || true
    "$MOONFLEET" delete --all --yes >/dev/null 2>&1 || true
    stop_plane
    "$MOONFLEET" setup cache prune --all >/dev/null 2>&1 || true
}

# fleet: three instances with the script on stdin, and what else their block says.
fleet() {
    cat >script.sh
    cat >fleet.lua <<RECIPE
fleet "q" { defaults = { size = "Standard_DS3_v2" } }
for i = 1, 3 do
  instance("queue-" .. i .. "x") { setup = setup_script "script.sh" { $1 } }
end
RECIPE
}

# A script that waits until the file share holds `go`.
waiting_script() {
    cat <<'SCRIPT'
#!/bin/bash
echo began
until [ -e ~azureuser/cloudfiles/code/go ]; do read -r -t 0.02 <> <(:) || true; done
SCRIPT
}

# ask: asks for all of it, and goes away when one runs.
ask() {
    "$MOONFLEET" apply fleet.lua --yes >apply.log 2>&1 3>&- &
    local client=$!
    wait_until all_there
    wait_until one_runs
    kill -9 "$client"
    wait "$client" || true
}

all_there() {
    [ "$("$MOONFLEET" list --json | jq '.instances | length')" = "$(($(grep -c '^instance' fleet.lua) + 3))" ]
}

began() { # began <name>: has its script begun?
    "$MOONFLEET" logs "$1" | grep -qx began
}

# The name of the one whose script runs, of those that are left.
running() {
    local name
    for name in queue-1x queue-2x queue-3x; do
        ! began "$name" || echo "$name"
    done 2>/dev/null
}

one_runs() {
    [ -n "$(running)" ]
}

state_of() {
    "$MOONFLEET" list --json | jq -r --arg name "$1" '.instances[] | select(.name == $name) | .state'
}

is() { # is <name> <state>
    [ "$(state_of "$1")" = "$2" ]
}

@test "one at a time, they never overlap, and all come up" {
    fleet "" <<'SCRIPT'
#!/bin/bash
echo "$EPOCHREALTIME in"
read -r -t 0.1 <> <(:) || true
echo "$EPOCHREALTIME out"
SCRIPT
    run -0 mf apply fleet.lua --yes
    for i in 1 2 3; do mf logs "queue-${i}x"; done 2>/dev/null | sort -n | cut -d' ' -f2 | paste -sd' ' >order
    [ "$(cat order)" = "in out in out in out" ]
}

@test "one in line is deleted at once, and a plane that starts again keeps the line" {
    waiting_script | fleet ""
    ask
    first=$(running)
    read -r second third < <(printf '%s\n' queue-1x queue-2x queue-3x | grep -vx "$first" | paste -sd' ')
    is "$second" Creating
    run -0 mf delete "$second" --yes
    ! [ "$(state_of "$second")" ]
    is "$third" Creating
    kill_plane
    start_plane --driver oci --at-once 1
    is "$third" Creating
    [ "$(running)" = "$first" ]
    run -0 mf delete "$first" --yes # and the next one's turn has come
    wait_until began "$third"
    touch "$share/go"
    wait_until is "$third" Running
}

@test "the line and the wait for a shared result do not hold each other up" {
    waiting_script | fleet "cache = true"
    cat >>fleet.lua <<'RECIPE'
instance "plain-one" {}
RECIPE
    ask
    run -0 mf delete "$(running)" --yes # the one that makes it goes
    wait_until one_runs                 # … and another one makes it
    touch "$share/go"
    for name in $(mf list --json | jq -r '.instances[].name'); do wait_until is "$name" Running; done
    mf setup cache --json | jq -e '.layers | length == 1 and (.[0].users | length) == 2'
}

@test "how many is a number, and the doctor tells it" {
    run -64 mf serve --driver oci --at-once 0
    run -0 mf doctor
    says "brought up at the same time"
}
