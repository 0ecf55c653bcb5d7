#!/usr/bin/env bats
# Results of creation scripts that are shared: made once, never used half-made, whatever is killed.

load ../helpers

setup() {
    own_folders oci
    need_containers
    layers=$XDG_DATA_HOME/moonfleet/instances/.layers
    cat >made.sh <<'SCRIPT'
#!/bin/bash
echo "ran in $CI_NAME with $1"
echo made >/opt/made
echo home >/home/azureuser/made
mkdir /data && echo data >/data/made
rm /etc/issue.net
chown azureuser /home/azureuser/made
SCRIPT
    start_plane --driver oci
}

teardown() {
    "$MOONFLEET" delete --all --yes >/dev/null 2>&1 || true
    stop_plane
    [ ! -d "$layers" ] || "$MOONFLEET" setup cache prune --all >/dev/null
}

# recipe <count> [argument]: that many instances with one cached script.
recipe() {
    cat >cached.lua <<RECIPE
fleet "cached" { defaults = { size = "Standard_DS3_v2" } }
local made = setup_script "made.sh" { cache = true, args = { "${2:-one}" } }
for i = 1, $1 do
  instance(("c%02dx"):format(i)) { setup = made }
end
RECIPE
}

names() {
    "$MOONFLEET" list --json | jq -r '.instances[].name'
}

# How many of the instances ran the script, and how many began with a layer, the last time.
ran() {
    for name in $(names); do "$MOONFLEET" logs "$name"; done | grep -c "^ran in" || true
}
began_with_layer() {
    for name in $(names); do "$MOONFLEET" logs "$name"; done | grep -c "from the cached layer" || true
}

right() { # right <name>: it is what the script makes of an instance
    "$MOONFLEET" exec "$1" -- sh -c 'cat /opt/made /home/azureuser/made /data/made
        test ! -e /etc/issue.net && stat -c %U /home/azureuser/made && hostname && ls /mnt/batch/tasks/shared/LS_root/mounts/clusters' >right.out
    [ "$(tr '\n' ' ' <right.out)" = "made home data azureuser $1 $1 " ]
}

@test "of twelve instances with one script one runs it, and all are what it makes of them" {
    recipe 12
    run -0 mf apply cached.lua --yes
    [ "$(ran)" = 1 ]
    [ "$(began_with_layer)" = 11 ]
    for name in $(names); do right "$name"; done
    run -0 --separate-stderr mf setup cache --json
    jq -e '.layers | length == 1 and (.[0].users | length) == 12' <<<"$output"
    # What instances stand on is not pruned; they keep it through a stop, and nothing of theirs is shared.
    run -0 --separate-stderr mf setup cache prune --all --json
    jq -e '.removed == [] and .kept == 1' <<<"$output"
    "$MOONFLEET" exec c01x -- sh -c 'echo own >/opt/made; rm /data/made'
    run -0 mf restart c01x --wait
    [ "$("$MOONFLEET" exec c01x -- cat /opt/made)" = own ]
    right c02x
    run -0 mf plan cached.lua --detailed-exitcode
    run -0 mf destroy cached.lua --yes
    run -0 --separate-stderr mf setup cache prune --older 1h --json
    jq -e '.removed == [] and .kept == 1' <<<"$output"
    run -0 --separate-stderr mf setup cache prune --all --json
    jq -e '(.removed | length) == 1 and .kept == 0' <<<"$output"
    [ -z "$(find "$layers" -mindepth 1 -not -name .lock)" ]
}

@test "another argument is another layer, and without cache there is none" {
    recipe 1 one
    run -0 mf apply cached.lua --yes
    recipe 1 two
    run -0 mf apply cached.lua --yes --replace c01x
    [ "$(mf setup cache --json | jq '.layers | length')" = 2 ]
    sed -i 's/cache = true/cache = false/; s/c%02dx/d%02dx/' cached.lua
    run -0 mf apply cached.lua --yes
    "$MOONFLEET" logs d01x | grep "ran in d01x"
    [ "$(mf setup cache --json | jq '.layers | length')" = 2 ]
}

@test "of a script in the file share it is the content that counts" {
    share=$XDG_DATA_HOME/moonfleet/shares/ds-workspace/Users/ada
    mkdir -p "$share" && cp made.sh "$share/made.sh"
    recipe 2
    sed -i 's|setup_script "made.sh" {|setup_script { workspace = "Users/ada/made.sh",|' cached.lua
    run -0 mf apply cached.lua --yes
    [ "$(ran) $(began_with_layer)" = "1 1" ]
    sed -i 's|echo made >|echo anew >|' "$share/made.sh"
    run -0 mf delete c01x --yes
    run -0 mf apply cached.lua --yes
    [ "$("$MOONFLEET" exec c01x -- cat /opt/made)" = anew ]
    [ "$("$MOONFLEET" exec c02x -- cat /opt/made)" = made ]
    [ "$(mf setup cache --json | jq '.layers | length')" = 2 ]
}

@test "when the first one's script fails, the others run theirs, with their own logs" {
    printf '#!/bin/sh\necho "tried in $CI_NAME"\nexit 3\n' >made.sh
    recipe 3
    cat >>cached.lua <<'RECIPE'
instance "plain" {}
RECIPE
    run -1 --separate-stderr mf apply cached.lua --yes
    for name in c01x c02x c03x; do
        says "tried in $name"
        [ "$(mf list --json | jq -r --arg n "$name" '.instances[] | select(.name == $n) | .state')" = UserSetupFailed ]
    done
    says "exit status 3"
    [ "$(mf list --json | jq -r '.instances[] | select(.name == "plain") | .state')" = Running ]
    [ "$(mf setup cache --json | jq '.layers | length')" = 0 ]
}

@test "a damaged layer is not used, and makes way" {
    recipe 1
    run -0 mf apply cached.lua --yes
    run -0 mf destroy cached.lua --yes
    key=$(mf setup cache --json | jq -r '.layers[0].key')
    # tests/unit/plane/test_layer.c knows more ways of damaging one.
    for damage in 'rm -r upper/opt' 'rm layer.json'; do
        (cd "$layers/$key" && eval "$damage")
        mf setup cache --json | jq -e '.layers | any(.broken)'
        run -0 mf apply cached.lua --yes
        [ "$(ran)" = 1 ]
        right c01x
        run -0 mf destroy cached.lua --yes
    done
}

@test "killed at many points, no half-made layer is ever used and an apply converges" {
    recipe 3
    for point in ${MOONFLEET_TEST_POINTS:-0 0.05 0.1 0.2}; do
        "$MOONFLEET" apply cached.lua --yes >apply.log 2>&1 3>&- &
        client=$!
        wait_until there c01x
        read -r -t "$point" <> <(:) || true
        kill_plane
        kill -9 "$client" 2>/dev/null || true
        wait "$client" || true
        start_plane --driver oci
        wait_until settled
        run -0 mf apply cached.lua --yes --replace c01x --replace c02x --replace c03x
        for name in c01x c02x c03x; do right "$name"; done
        run -0 mf destroy cached.lua --yes
        [ "$(mf setup cache --json | jq '[.layers[] | select(.broken | not)] | length')" -ge 1 ]
        run -0 mf setup cache prune --all
    done
    [ -z "$(ls "$XDG_DATA_HOME/moonfleet/instances")" ]
}

there() {
    names | grep -qx "$1"
}

# Nothing is on its way any more.
settled() {
    "$MOONFLEET" list --json | jq -e '[.instances[].state] | all(. == "Running" or endswith("Failed"))'
}
