#!/usr/bin/env bats
# The main job, for real: two instances in containers, each set up by a shell script.

load ../helpers

setup() {
    own_folders
    export MOONFLEET_DRIVER=oci
    need_containers
}

teardown() {
    mf destroy "$SOURCE_DIR/recipes/quickstart.lua" --yes >/dev/null 2>&1 || true
    stop_plane
}

@test "quickstart is created, set up, entered, stopped, started and left as it was" {
    run -0 --separate-stderr mf apply "$SOURCE_DIR/recipes/quickstart.lua" --yes --json
    [ "$(jq .changes <<<"$output")" = 3 ]
    [ "$(mf list --json | jq -c '.instances | map(.state)')" = '["Running","Running"]' ]
    [ "$(mf list --json | jq -c '.instances | map(.person) | unique | length')" = 2 ]

    run -0 --separate-stderr mf logs qs-ada
    says "setting up qs-ada"
    says "as azureuser"

    # Only the person whom an instance is assigned to may enter it: the recipe grants the right.
    run -1 --separate-stderr mf exec qs-ada -- true
    says ApplicationAccessDenied
    mf_exec() { mf --as ada@moonfleet.local exec "$@"; }

    run -0 --separate-stderr mf_exec qs-ada -- sh -c 'id -u; hostname'
    [ "$output" = $'0\nqs-ada' ]
    run -7 mf_exec qs-ada -- sh -c 'exit 7'
    run -0 --separate-stderr mf_exec qs-ada -- cat /home/azureuser/hello.txt
    says "Hello ada, this is qs-ada."
    [ ! -e /home/azureuser/hello.txt ]
    [ ! -e /etc/moonfleet/quickstart ]

    run -0 mf stop qs-ada
    run -1 mf_exec qs-ada -- true
    run -0 mf start qs-ada
    run -0 --separate-stderr mf_exec qs-ada -- cat /home/azureuser/hello.txt
    says "Hello ada"

    run -0 --separate-stderr mf apply "$SOURCE_DIR/recipes/quickstart.lua" --yes --json
    [ "$(jq .changes <<<"$output")" = 0 ]
}

@test "a setup script that fails makes the creation fail, and says what it said last" {
    printf '#!/bin/sh\necho about to fail\nexit 3\n' >fail.sh
    cat >fleet.lua <<'RECIPE'
fleet "failing" { defaults = { size = "Standard_DS3_v2" } }
instance "failing-one" { setup = setup_script "fail.sh" {} }
RECIPE
    run -1 --separate-stderr mf apply fleet.lua --yes
    says "3"
    says "about to fail"
    [ "$(mf list failing-one --json | jq -r '.instances[0].provisioningState')" = Failed ]
    run -0 --separate-stderr mf logs failing-one --json
    [ "$(jq .log.exitStatus <<<"$output")" = 3 ]
    mf delete failing-one --yes
}
