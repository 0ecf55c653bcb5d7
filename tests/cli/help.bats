#!/usr/bin/env bats
# What commands tell about themselves, and how they refuse.

load ../helpers

setup() { own_folders; }
teardown() { stop_plane; }

@test "--version prints one line and starts nothing" {
    run -0 --separate-stderr mf --version
    [[ "$output" =~ ^moonfleet\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    [ ! -e "$XDG_RUNTIME_DIR/moonfleet" ]
}

@test "help lists every command, and each has examples or a description" {
    run -0 --separate-stderr mf help
    for command in init plan apply destroy list show start stop restart delete logs exec doctor serve \
        context help; do
        [[ "$output" == *"  $command "* ]]
        run -0 mf help "$command"
        [[ "$output" == "Usage: moonfleet $command"* ]]
        local by_help=$output
        run -0 mf "$command" -h
        [ "$output" = "$by_help" ]
        run -0 mf help
    done
    [ ! -e "$XDG_RUNTIME_DIR/moonfleet" ]
}

@test "help on a type lists the fields of the schema" {
    run -0 --separate-stderr mf help instance
    says "idle_shutdown"
    says "assigned_to"
    run -0 --separate-stderr mf help instance --json
    jq -e '.fields | map(.name) | index("size") != null' <<<"$output"
}

@test "help --json is one document with every command's options" {
    run -0 --separate-stderr mf help --json
    jq -e '.commands[] | select(.name == "plan") | .options | map(.name) | index("detailed-exitcode") != null' \
        <<<"$output"
}

@test "wrong use exits with 64, suggests, and prints nothing on stdout" {
    run -64 --separate-stderr mf aply fleet.lua
    [ -z "$output" ]
    says "did you mean 'apply'"
    run -64 --separate-stderr mf list --fleeet x
    [ -z "$output" ]
    says "did you mean --fleet"
    run -64 --separate-stderr mf plan
    says "plan needs RECIPE"
    run -64 --separate-stderr mf
    [ -z "$output" ]
    run -64 --separate-stderr mf apply x --parallel nine
    says "--parallel must be a whole number"
    run -64 --separate-stderr mf exec name
    says "exec NAME -- CMD"
}

@test "wrong use with --json is an error document on stdout" {
    run -64 --separate-stderr mf list --nonsense --json
    [ "$(jq -r .error.code <<<"$output")" = Usage ]
    [ -z "$stderr" ]
}

@test "a reader that goes away is no error" {
    run -0 bash -c 'set -o pipefail; "$MOONFLEET" help --json | head -c 10 >/dev/null'
    [ -z "$output" ]
}

@test "a full disk is one" {
    [ -c /dev/full ] || skip "no /dev/full"
    run -1 bash -c '"$MOONFLEET" help >/dev/full'
    says "writing to standard output"
}

@test "completions load in their shells" {
    mf __complete bash >bash
    bash -n bash
    run -0 bash -c 'source ./bash; COMP_WORDS=(moonfleet pl); COMP_CWORD=1; _moonfleet; echo "${COMPREPLY[*]}"'
    [ "$output" = plan ]
    run -0 bash -c 'source ./bash; COMP_WORDS=(moonfleet plan x --det); COMP_CWORD=3; _moonfleet; echo "${COMPREPLY[*]}"'
    [ "$output" = --detailed-exitcode ]
    run -0 bash -c 'source ./bash; COMP_WORDS=(moonfleet context us); COMP_CWORD=2; _moonfleet; echo "${COMPREPLY[*]}"'
    [ "$output" = use ]
    if command -v zsh >/dev/null; then
        mf __complete zsh >zsh
        zsh -n zsh
    fi
    if command -v fish >/dev/null; then
        mf __complete fish >fish
        fish -n fish
    fi
}

@test "the man page names every command" {
    run -0 mf __complete man
    [[ "$output" == ".TH MOONFLEET 1"* ]]
    for command in plan apply destroy list exec doctor; do
        [[ "$output" == *".SS \"moonfleet $command"* ]]
    done
    if command -v groff >/dev/null; then
        run -0 bash -c '"$MOONFLEET" __complete man | MANWIDTH=200 groff -rLL=200n -man -Kutf8 -Tutf8 -ww 2>&1 >/dev/null'
        [ -z "$output" ]
    fi
}

@test "completing instances never starts a plane" {
    run -0 mf __complete instances
    [ -z "$output" ]
    [ ! -S "$XDG_RUNTIME_DIR/moonfleet/plane.sock" ]
}
