#!/usr/bin/env bats
# Contexts: where commands go.

load helper

setup() { own_home; }
teardown() { end_plane; }

@test "local is the context of a fresh home" {
    run -0 --separate-stderr moonfleet context show --json
    [ "$(jq -r .name <<<"$output")" = local ]
    [ "$(jq -r .workspace <<<"$output")" = ds-workspace ]
}

@test "a context is added, used, changed and removed" {
    run -0 moonfleet context set lab --plane unix:/run/lab.sock --workspace one
    run -0 moonfleet context use lab
    [ "$(moonfleet context show --json | jq -r .plane)" = unix:/run/lab.sock ]
    run -0 moonfleet context set lab --workspace two
    [ "$(moonfleet context show --json | jq -r .plane,.workspace | tr '\n' ' ')" = "unix:/run/lab.sock two " ]
    [ "$(moonfleet context list --json | jq -r '.contexts[] | select(.current) | .name')" = lab ]
    run -0 moonfleet context remove lab
    [ "$(moonfleet context show --json | jq -r .name)" = local ]
    [ "$(stat -c %a "$XDG_CONFIG_HOME/moonfleet/contexts.json")" = 600 ]
}

@test "the environment beats the file, the option beats both" {
    moonfleet context set lab --plane unix:/run/lab.sock
    moonfleet context use lab
    [ "$(MOONFLEET_CONTEXT=memory moonfleet context show --json | jq -r .name)" = memory ]
    [ "$(MOONFLEET_CONTEXT=memory moonfleet context show --context local --json | jq -r .name)" = local ]
}

@test "mistakes are told" {
    moonfleet context set lab --plane unix:/run/lab.sock
    run -1 --separate-stderr moonfleet list --context labb
    says "did you mean 'lab'"
    run -64 --separate-stderr moonfleet context set local --plane memory
    says "always there"
    run -64 --separate-stderr moonfleet context set x --plane gopher://x
    says "--plane must be"
    run -64 --separate-stderr moonfleet list --context https://plane.invalid
    says "has no subscription"
}

@test "a plane that nobody serves is told with its address" {
    run -1 --separate-stderr moonfleet list --context "unix:$BATS_TEST_TMPDIR/none.sock"
    [ -z "$output" ]
    [ -n "$stderr" ]
}

@test "the memory context plans and applies without leaving anything" {
    two_instances
    run -0 --separate-stderr moonfleet apply fleet.lua --yes --context memory
    says "2 done"
    [ ! -e "$XDG_DATA_HOME/moonfleet" ]
    [ ! -S "$XDG_RUNTIME_DIR/moonfleet/plane.sock" ]
}
