# shellcheck shell=bash disable=SC2154 # bats sets output and stderr
# helpers.bash - what every behaviour test needs: folders of its own, a plane of its own, and its end.
# MOONFLEET (the program) and SOURCE_DIR come from ctest.

bats_require_minimum_version 1.5.0

# own_folders [driver]: call in setup().  Nothing of the user's is read or written.
own_folders() {
    export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
    export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    export HOME=$BATS_TEST_TMPDIR/home MOONFLEET_DRIVER=${1:-simulated}
    unset MOONFLEET_CONTEXT NO_COLOR
    mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
    chmod 700 "$XDG_RUNTIME_DIR"
    cd "$BATS_TEST_TMPDIR" || return 1
}

# need_containers: call in setup(); skips the test where no container can be run.  Asked once a file.
need_containers() {
    local known=$BATS_FILE_TMPDIR/containers
    [ -e "$known" ] || mf doctor --json 2>/dev/null |
        jq '[.checks[] | select(.check == "oci driver") | .status == "ok"] | any' >"$known"
    grep -q true "$known" || skip "containers do not work here: see moonfleet doctor"
}

# start_plane <options...>: a plane of our own in the background, whose process is $plane and whose log
# is plane.log.  Returns when it serves; no command before that, for it would start another.
start_plane() {
    "$MOONFLEET" serve "$@" >>plane.log 2>&1 3>&- &
    plane=$!
    wait_until grep "process $plane, data in" plane.log
}

# kill_plane: as a crash would.
kill_plane() {
    kill -9 "$plane" 2>/dev/null || true
    wait "$plane" 2>/dev/null || true
}

# stop_plane: call in teardown().
stop_plane() {
    "$MOONFLEET" serve --stop >/dev/null 2>&1 || true
}

# mf: runs the program; `run mf …` in tests.
mf() {
    "$MOONFLEET" "$@"
}

# rest METHOD PATH-AND-QUERY [BODY] [curl options…]: a request to the plane as it is on the wire; its
# body is printed.  Fails when the plane refuses.
rest() {
    local body=()
    [ -z "${3:-}" ] || body=(-H "Content-Type: application/json" -d "$3")
    curl -sS --fail-with-body --unix-socket "$XDG_RUNTIME_DIR/moonfleet/plane.sock" \
        -X "$1" "${body[@]}" "${@:4}" "http://localhost$2"
}

WORKSPACE=/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/moonfleet/providers/Microsoft.MachineLearningServices/workspaces/ds-workspace
AUTHORIZATION=/providers/Microsoft.Authorization
AUTHORIZATION_VERSION="api-version=2022-04-01"

# principal NAME: the object id of a user's login or a group's name.
principal() {
    { rest GET "/v1.0/users"; rest GET "/v1.0/groups"; } |
        jq -er --arg name "$1" '.value[] | select((.userPrincipalName // "" | startswith($name + "@"))
            or (.displayName == $name)) | .id'
}

# grant_role WHO ROLE [SCOPE] [curl options…]: a role assignment, at the workspace when no scope is
# given; prints it.
grant_role() {
    local scope=${3-$WORKSPACE} role
    role=$(rest GET "$AUTHORIZATION/roleDefinitions?$AUTHORIZATION_VERSION" |
        jq -er --arg name "$2" '.value[] | select(.properties.roleName == $name) | .id') || role=$2
    rest PUT "$scope$AUTHORIZATION/roleAssignments/$(cat /proc/sys/kernel/random/uuid)?$AUTHORIZATION_VERSION" \
        "{\"properties\":{\"roleDefinitionId\":\"$role\",\"principalId\":\"$(principal "$1")\"}}" "${@:4}"
}

# team_may: the team may use instances, so that recipes with assigned people pass their checks.
team_may() {
    mf grant "AzureML Compute Operator" --to data-scientists >/dev/null
}

# wait_until <command...>: until it succeeds; fails after two minutes.
wait_until() {
    local deadline=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || return 1
        read -r -t 0.02 <> <(:) || true
    done
}

# listening: does a plane listen?  Unlike every other command this one starts none.
listening() {
    [ "$(mf serve --status --json | jq .listening)" = true ]
}

# gone <process>: has it ended? (a zombie has: nobody may be there to reap it)
gone() {
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"
}

# says <text>: is it in what the last `run --separate-stderr` printed?
says() {
    [[ "$output$stderr" == *"$1"* ]] || {
        echo "expected: $1"
        echo "stdout: $output"
        echo "stderr: ${stderr:-}"
        return 1
    }
}

# two_instances [field text]: writes fleet.lua; more fields may follow in the second one's block.
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
