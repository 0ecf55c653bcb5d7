# helpers.bash - what every behaviour test needs: folders of its own, a plane of its own, and its end.
# MOONFLEET (the program) and SOURCE_DIR come from ctest.

# own_folders [driver]: call in setup().  Nothing of the user's is read or written.
own_folders() {
    export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
    export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    export HOME=$BATS_TEST_TMPDIR/home MOONFLEET_DRIVER=${1:-simulated} NO_COLOR=1
    unset MOONFLEET_CONTEXT
    mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
    chmod 700 "$XDG_RUNTIME_DIR"
    cd "$BATS_TEST_TMPDIR" || return 1
}

# stop_plane: call in teardown().
stop_plane() {
    "$MOONFLEET" serve --stop >/dev/null 2>&1 || true
}

# mf: runs the program; `run mf …` in tests.
mf() {
    "$MOONFLEET" "$@"
}

# wait_until <command...>: until it succeeds; the test's own time limit is the only one.
wait_until() {
    until "$@" >/dev/null 2>&1; do
        read -r -t 0.02 <> <(:) || true
    done
}

# fleet_recipe <count> <file> [extra field text]: a recipe of that many instances.
fleet_recipe() {
    cat >"$2" <<EOF
fleet "crash" { defaults = { size = "Standard_DS3_v2", tags = { team = "crash" } } }
for i = 1, $1 do
  instance(("m%03dx"):format(i)) { description = "number " .. i, ${3:-} }
end
EOF
}

# normal_state: every instance, without what differs from run to run.
normal_state() {
    "$MOONFLEET" list --json |
        jq -S '[.instances[] | {name, state, size, fleet, tags}] | sort_by(.name)'
}
