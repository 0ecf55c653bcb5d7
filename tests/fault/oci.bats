#!/usr/bin/env bats
# The plane is killed while a container is made, set up or deleted: the next one finds the container
# again or says that the operation failed, and everything converges.

load ../helpers

setup() {
    own_folders oci
    need_containers
    # The setup script waits until its end is asked for, so that a kill can meet it.
    cat >setup.sh <<'SCRIPT'
#!/bin/sh
echo "begun in $CI_NAME" | tee -a /etc/moonfleet-begun
until [ -e /etc/moonfleet-go ]; do sleep 0.02; done
echo "ended in $CI_NAME" | tee -a /etc/moonfleet-ended
SCRIPT
    cat >slow.lua <<'RECIPE'
fleet "slow" { defaults = { size = "Standard_DS3_v2" } }
instance "slow-one" { setup = setup_script "setup.sh" {} }
RECIPE
    cat >quick.lua <<'RECIPE'
fleet "quick" { defaults = { size = "Standard_DS3_v2" } }
instance "quick-one" { setup = setup_script { inline = "#!/bin/sh\necho done >/etc/moonfleet-done\n" } }
RECIPE
    start_plane --driver oci
}

teardown() {
    for name in slow-one quick-one; do
        "$MOONFLEET" delete "$name" --yes >/dev/null 2>&1 || true
    done
    stop_plane
    ! mountpoint -q "$BATS_TEST_TMPDIR/small" || umount -l "$BATS_TEST_TMPDIR/small"
}

state_of() {
    "$MOONFLEET" list --json | jq -r --arg name "$1" '.instances[] | select(.name == $name) | .state'
}

disk_is_full() {
    [ "$(df --output=avail "$XDG_DATA_HOME" | tail -n 1)" -eq 0 ]
}

is() { # is <name> <state>
    [ "$(state_of "$1")" = "$2" ]
}

gone() {
    [ -z "$(state_of "$1")" ]
}

ended() { # neither on the way nor gone
    case $(state_of "$1") in
    Running | CreateFailed | SetupFailed | UserSetupFailed) true ;;
    *) false ;;
    esac
}

begun() {
    "$MOONFLEET" logs slow-one 2>/dev/null | grep "begun in slow-one"
}

begin_slow() {
    "$MOONFLEET" apply slow.lua --yes >apply.log 2>&1 3>&- &
    client=$!
    wait_until begun
}

stop_client() {
    kill -9 "$client" 2>/dev/null || true
    wait "$client" || true
}

@test "a setup script outlives the plane that started it, and the next plane waits for its end" {
    begin_slow
    kill_plane
    stop_client
    start_plane --driver oci
    grep "resuming Create of slow-one" plane.log
    is slow-one UserSettingUp || is slow-one SettingUp || is slow-one Creating
    "$MOONFLEET" exec slow-one -- touch /etc/moonfleet-go
    wait_until is slow-one Running
    # It ran once, to its end, in one and the same container.
    [ "$("$MOONFLEET" exec slow-one -- cat /etc/moonfleet-begun)" = "begun in slow-one" ]
    [ "$("$MOONFLEET" exec slow-one -- cat /etc/moonfleet-ended)" = "ended in slow-one" ]
    run mf plan slow.lua --detailed-exitcode
    [ "$status" -eq 0 ]
}

@test "a container that runs is found again by the next plane, and is the same one" {
    mf apply quick.lua --yes
    before=$("$MOONFLEET" exec quick-one -- sh -c 'touch /tmp/mark; stat -c %Y /proc/1')
    kill_plane
    start_plane --driver oci
    is quick-one Running
    [ "$("$MOONFLEET" exec quick-one -- sh -c 'test -e /tmp/mark; stat -c %Y /proc/1')" = "$before" ]
}

@test "what a killed trial of containers left is gone after the next one, another's that runs is not" {
    true &
    local dead=$!
    wait "$dead"
    instances=$XDG_DATA_HOME/moonfleet/instances
    mkdir -p "$instances/.trial-$dead/upper/etc" "$instances/.trial-$$/upper"
    run -0 mf doctor
    [ ! -e "$instances/.trial-$dead" ]
    [ -d "$instances/.trial-$$" ]
    rm -r "$instances/.trial-$$"
}

@test "how a script ended that filled the disk is known when there is room again" {
    [ "$(id -u)" = 0 ] || skip "a small disk can be made by root only"
    stop_plane
    export XDG_DATA_HOME=$BATS_TEST_TMPDIR/small
    mkdir "$XDG_DATA_HOME"
    mount -t tmpfs -o size=16m,mode=700 small "$XDG_DATA_HOME"
    cat >full.lua <<'RECIPE'
fleet "full" { defaults = { size = "Standard_DS3_v2" } }
instance "full-one" { setup = setup_script { inline = "#!/bin/sh\nhead -c 64M /dev/zero >/opt/all; exit 3\n" } }
RECIPE
    "$MOONFLEET" apply full.lua --yes >apply.log 2>&1 3>&- &
    local client=$!
    wait_until disk_is_full
    run -0 mf list # the plane answers all the same
    mount -o remount,size=256m "$XDG_DATA_HOME"
    wait_until is full-one UserSetupFailed
    ! wait "$client"
    grep -q 'exit status 3' apply.log
    run -0 mf delete full-one --yes
}

@test "killed at many points of a creation, every one ends honestly and an apply converges" {
    for point in ${MOONFLEET_TEST_POINTS:-Creating SettingUp UserSettingUp 0 0.05}; do
        "$MOONFLEET" apply quick.lua --yes >apply.log 2>&1 3>&- &
        client=$!
        case $point in
        *[a-z]) wait_until_any quick-one "$point" ;;
        *)
            wait_until there quick-one
            read -r -t "$point" <> <(:) || true
            ;;
        esac
        kill_plane
        stop_client
        start_plane --driver oci
        if there quick-one; then
            wait_until ended quick-one
            is quick-one Running || [ "$(failure quick-one)" != null ]
        fi
        run mf apply quick.lua --yes --replace quick-one
        [ "$status" -eq 0 ]
        [ "$("$MOONFLEET" exec quick-one -- cat /etc/moonfleet-done)" = done ]
        mf delete quick-one --yes
    done
    [ -z "$(ls "$XDG_DATA_HOME/moonfleet/instances" | grep -v -e base -e '\.')" ]
}

@test "killed while a container is deleted, the next plane deletes it to its end" {
    for point in ${MOONFLEET_TEST_POINTS:-0 0.02 0.06}; do
        mf apply quick.lua --yes
        "$MOONFLEET" delete quick-one --yes >delete.log 2>&1 3>&- &
        client=$!
        wait_until leaving quick-one
        read -r -t "$point" <> <(:) || true
        kill_plane
        stop_client
        start_plane --driver oci
        wait_until gone quick-one
    done
}

# The state asked for, or one beyond it: they may pass in a blink.
wait_until_any() {
    passed() { is "$1" "$2" || ended "$1"; }
    wait_until passed "$1" "$2"
}

there() {
    [ -n "$(state_of "$1")" ]
}

leaving() {
    is "$1" Deleting || gone "$1"
}

failure() {
    "$MOONFLEET" show "$1" --json | jq '.instance.errors // .instance.provisioningErrors // .errors'
}
