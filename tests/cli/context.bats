#!/usr/bin/env bats
# Contexts: where commands go.

load ../helpers

setup() { own_folders; }
teardown() { stop_plane; }

@test "local is the context of a fresh home" {
    run -0 --separate-stderr mf context show --json
    [ "$(jq -r .name <<<"$output")" = local ]
    [ "$(jq -r .workspace <<<"$output")" = ds-workspace ]
}

@test "a context is added, used, changed and removed" {
    run -0 mf context set lab --plane unix:/run/lab.sock --workspace one
    run -0 mf context use lab
    [ "$(mf context show --json | jq -r .plane)" = unix:/run/lab.sock ]
    run -0 mf context set lab --workspace two
    [ "$(mf context show --json | jq -r .plane,.workspace | tr '\n' ' ')" = "unix:/run/lab.sock two " ]
    [ "$(mf context list --json | jq -r '.contexts[] | select(.current) | .name')" = lab ]
    run -0 mf context remove lab
    [ "$(mf context show --json | jq -r .name)" = local ]
    [ "$(stat -c %a "$XDG_CONFIG_HOME/moonfleet/contexts.json")" = 600 ]
}

@test "the environment beats the file, the option beats both" {
    mf context set lab --plane unix:/run/lab.sock
    mf context use lab
    [ "$(MOONFLEET_CONTEXT=memory mf context show --json | jq -r .name)" = memory ]
    [ "$(MOONFLEET_CONTEXT=memory mf context show --context local --json | jq -r .name)" = local ]
}

@test "mistakes are told" {
    mf context set lab --plane unix:/run/lab.sock
    run -1 --separate-stderr mf list --context labb
    says "did you mean 'lab'"
    run -64 --separate-stderr mf context set local --plane memory
    says "always there"
    run -64 --separate-stderr mf context set x --plane gopher://x
    says "--plane must be"
    run -64 --separate-stderr mf list --context https://plane.invalid
    says "has no subscription"
}

@test "a plane that nobody serves is told with its address" {
    run -1 --separate-stderr mf list --context "unix:$BATS_TEST_TMPDIR/none.sock"
    [ -z "$output" ]
    [ -n "$stderr" ]
}

@test "the memory context plans and applies without leaving anything" {
    two_instances
    run -0 --separate-stderr mf apply fleet.lua --yes --context memory --force-checks assigned
    says "2 done"
    [ ! -e "$XDG_DATA_HOME/moonfleet" ]
    [ ! -S "$XDG_RUNTIME_DIR/moonfleet/plane.sock" ]
}

@test "a contexts file that is none is told, and never written over" {
    mkdir -p "$XDG_CONFIG_HOME/moonfleet"
    for text in '[]' '""' '{"contexts":[]}' '{"contexts":"x"}' '{"contexts":{"a":5}}' \
        '{"contexts":{"a":{"plane":7}}}' '{"contexts":{},"current":9}'; do
        echo "$text" >"$XDG_CONFIG_HOME/moonfleet/contexts.json"
        for command in "list" "show" "use local" "set b --plane local" "remove a"; do
            # shellcheck disable=SC2086 # words
            run -1 --separate-stderr mf context $command
            says "contexts.json: this is not a contexts file"
        done
        [ "$(cat "$XDG_CONFIG_HOME/moonfleet/contexts.json")" = "$text" ]
    done
}

@test "context list shows what no command can use" {
    mkdir -p "$XDG_CONFIG_HOME/moonfleet"
    echo '{"current":"gone","contexts":{"odd":{"plane":"ftp://x"}}}' \
        >"$XDG_CONFIG_HOME/moonfleet/contexts.json"
    run -1 --separate-stderr mf context show
    says "there is no context 'gone'"
    run -0 --separate-stderr mf context list
    says "ftp://x"
    run -0 mf context use local
    run -0 mf context show
}
