#!/usr/bin/env bats
# What the plane does when its data folder fails it: nothing is acknowledged that was not kept, and
# nothing that was kept is overwritten.

load ../helpers

WORKSPACE=/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/moonfleet/providers/Microsoft.MachineLearningServices/workspaces/ds-workspace
VERSION=api-version=2024-10-01

setup() {
    own_folders simulated
    command -v curl >/dev/null || skip "no curl"
    data=$XDG_DATA_HOME/moonfleet
    mkdir -p "$data"
}

teardown() {
    [ -z "${plane:-}" ] || kill_plane
    ! mountpoint -q "$data" || umount "$data"
}

small_disk() { # small_disk <mount options>
    mount -t tmpfs -o "$1" none "$data" 2>/dev/null || skip "may not mount"
}

ask() { # ask <method> <path> [curl options...]: prints the status; the body is in `body`
    curl -s -o body -w '%{http_code}' --unix-socket "$XDG_RUNTIME_DIR/moonfleet/plane.sock" \
        -H 'Content-Type: application/json' -X "$1" "http://plane$WORKSPACE/$2?$VERSION" "${@:3}"
}

create() { # create <name> [description]
    ask PUT "computes/$1" -d '{"location":"westeurope","properties":{"computeType":"ComputeInstance",
        "description":"'"${2:-}"'","properties":{"vmSize":"Standard_DS3_v2"}}}'
}

state_is() { # state_is <name> <state>
    [ "$(ask GET "computes/$1")" = 200 ] &&
        [ "$(jq -r .properties.properties.state body)" = "$2" ]
}

@test "on a full disk nothing is acknowledged, what was acknowledged stays, and space heals it" {
    small_disk size=1m
    start_plane --driver simulated
    [ "$(create before-x)" = 201 ]
    head -c 1000000 /dev/zero >"$data/ballast" 2>/dev/null || true
    long=$(printf '%20000s' x)
    kept=() refused=()
    for i in $(seq 40); do
        case $(create "full-${i}x" "$long") in
        201) kept+=("full-${i}x") ;;
        507)
            refused+=("full-${i}x")
            [ "$(jq -r .error.code body)" = InsufficientStorage ]
            jq -r .error.message body | grep "full.*$data"
            ;;
        *) false ;;
        esac
    done
    [ "${#refused[@]}" -gt 0 ]
    state_is before-x Running # it goes on answering
    for name in "${refused[@]}"; do [ "$(ask GET "computes/$name")" = 404 ]; done

    cat >one.lua <<'RECIPE'
fleet "one" { defaults = { size = "Standard_DS3_v2" } }
instance "one-x" {}
RECIPE
    SECONDS=0
    run mf apply one.lua --yes # which does not help by trying again
    [ "$status" -eq 1 ]
    [[ $output == *InsufficientStorage* || $output == *"disk is full"* ]]
    [ "$SECONDS" -lt 5 ]
    [ "$(grep -c 'cannot be kept' plane.log)" -le 2 ] # told once, not a line a request

    rm "$data/ballast"
    mount -o remount,size=64m "$data"
    [ "$(create after-x)" = 201 ]
    for name in before-x after-x "${kept[@]}"; do wait_until state_is "$name" Running; done
    grep 'can be kept again' plane.log

    kill_plane
    start_plane --driver simulated
    for name in before-x after-x "${kept[@]}"; do state_is "$name" Running; done
    for name in "${refused[@]}"; do [ "$(ask GET "computes/$name")" = 404 ]; done
}

@test "killed on a full disk, the next plane starts when there is space, with all that was acknowledged" {
    small_disk size=1m
    start_plane --driver simulated --simulate create=300ms
    [ "$(create before-x)" = 201 ]
    head -c 1000000 /dev/zero >"$data/ballast" 2>/dev/null || true
    run wait_for_a_while state_is before-x Running
    [ "$status" -eq 1 ] # its end cannot be kept
    kill_plane
    rm "$data/ballast"
    start_plane --driver simulated
    wait_until state_is before-x Running
}

@test "a data folder that cannot be written is told, and nothing starts" {
    small_disk ro
    run mf serve --driver simulated
    [ "$status" -eq 1 ]
    [[ $output == *"$data"* ]]
    [[ $output == *[Rr]ead-only* ]]
    run mf list
    [ "$status" -eq 1 ]
    [[ $output == *[Rr]ead-only* ]]
}

@test "a store that is no database is told and left alone" {
    head -c 20000 /dev/urandom >"$data/plane.db"
    before=$(sha256sum <"$data/plane.db")
    run mf serve --driver simulated
    [ "$status" -eq 1 ]
    [[ $output == *"$data/plane.db"* ]]
    [ "$(sha256sum <"$data/plane.db")" = "$before" ]
    run mf list
    [ "$status" -eq 1 ]
}

@test "a damaged store never passes for an empty one" {
    start_plane --driver simulated
    for i in $(seq 30); do [ "$(create "lost-${i}x")" = 201 ]; done
    wait_until state_is lost-30x Running
    mf serve --stop
    wait "$plane" || true
    plane=
    size=$(stat -c %s "$data/plane.db")
    # Every page but the first: the schema can be read, nothing else.
    head -c "$((size - 4096))" /dev/urandom | dd of="$data/plane.db" bs=4096 seek=1 conv=notrunc status=none
    before=$(sha256sum <"$data/plane.db")
    run mf serve --driver simulated
    [ "$status" -eq 1 ]
    [[ $output == *"$data/plane.db"* ]]
    [ "$(sha256sum <"$data/plane.db")" = "$before" ]
    run mf list --json
    [ "$status" -eq 1 ]
}

@test "one damaged page makes that answer a 500, never a 404" {
    start_plane --driver simulated
    [ "$(create lost-x "$(printf '%20000s' x)")" = 201 ]
    wait_until state_is lost-x Running
    mf serve --stop
    wait "$plane" || true
    plane=
    # The body's overflow pages hold nothing but blanks.
    page=$(grep -abo -m1 "$(printf '%4000s')" "$data/plane.db" | head -1 | cut -d: -f1)
    [ -n "$page" ]
    page=$((page / 4096 + 1))
    head -c 4096 /dev/zero | tr '\0' '\377' |
        dd of="$data/plane.db" bs=4096 seek="$page" conv=notrunc status=none
    start_plane --driver simulated
    [ "$(ask GET computes/lost-x)" = 500 ]
    [ "$(ask GET computes)" = 500 ]
    run mf list
    [ "$status" -eq 1 ]
}

# Did the condition come within half a second?
wait_for_a_while() {
    for _ in $(seq 25); do
        if "$@"; then return 0; fi
        read -r -t 0.02 <> <(:) || true
    done
    return 1
}
