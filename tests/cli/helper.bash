# shellcheck shell=bash disable=SC2154 # bats sets output and stderr
# helper.bash - a home of its own for every test: nothing of the user's is read or written, and the
# plane that a test started ends with it.

bats_require_minimum_version 1.5.0

# Call from setup().
own_home() {
    export HOME="$BATS_TEST_TMPDIR/home"
    export XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/run"
    export XDG_DATA_HOME="$HOME/data" XDG_CONFIG_HOME="$HOME/config" XDG_STATE_HOME="$HOME/state"
    mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
    chmod 700 "$XDG_RUNTIME_DIR"
    export MOONFLEET_DRIVER=simulated
    unset MOONFLEET_CONTEXT NO_COLOR
    cd "$BATS_TEST_TMPDIR" || return 1
}

# Call from teardown().
end_plane() {
    "$MOONFLEET" serve --stop >/dev/null 2>&1 || true
}

moonfleet() {
    "$MOONFLEET" "$@"
}

# Waits up to ten seconds until a command succeeds.
eventually() {
    local deadline=$((SECONDS + 10))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

# Does a plane listen?  Unlike every other command this one starts none.
listening() {
    [ "$(moonfleet serve --status --json | jq .listening)" = true ]
}

# Has this process ended? (a zombie has: nobody may be there to reap it)
gone() {
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"
}

# A recipe with two instances; more lines may follow inside the second one's block.
two_instances() {
    cat >fleet.lua <<RECIPE
fleet "team" {
  defaults = { size = "Standard_DS3_v2", idle_shutdown = "1h" },
}
instance "team-ada" {
  assigned_to = user "ada@moonfleet.local",
}
instance "team-grace" {
  assigned_to = user "grace@moonfleet.local",
  ${1:-}
}
RECIPE
}

# Is this substring in what the last `run` printed?
says() {
    [[ "$output$stderr" == *"$1"* ]] || {
        echo "expected: $1"
        echo "stdout: $output"
        echo "stderr: ${stderr:-}"
        return 1
    }
}
