#!/usr/bin/env bats
# Logs of setup scripts that really run: secrets, times, ends, the file share.

load ../helpers

# One plane for all: what a test leaves is in the logs, whose numbers would go on, and in instances.
setup_file() {
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR own_folders oci
    (need_containers && start_plane --driver oci)
}

setup() {
    need_containers
    export MOONFLEET_SECRET_TOKEN="hunter2'is\"it"
    cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() {
    "$MOONFLEET" delete --all --yes >/dev/null 2>&1 || true
    rm -rf "$(share)/Logs"
}

teardown_file() {
    stop_plane
}

share() {
    echo "$XDG_DATA_HOME/moonfleet/shares/ds-workspace"
}

# fleet: the recipe's instances on stdin.
fleet() {
    {
        echo 'fleet "l" { defaults = { size = "Standard_DS3_v2" } }'
        cat
    } >fleet.lua
}

@test "a script that echoes its secret every way leaves none in its log" {
    fleet <<'RECIPE'
instance "l-one" { setup = setup_script { args = { secret "TOKEN" }, inline = [[
#!/bin/bash
set -x
echo "plain $1"; printf '%q\n' "$1"; echo "$1" | base64; echo -n "user:$1" | base64
printf '%s' "$1" | fold -w 3; for ((i = 0; i < ${#1}; i++)); do printf '%s' "${1:i:1}"; sleep 0.01; done; echo
exit 3
]] } }
RECIPE
    run -1 mf apply fleet.lua --yes
    [[ $output == *"ended with exit status 3; the last lines of 0001-creation.log:"* ]]
    [[ $output != *hunter2* ]]
    run -0 --separate-stderr mf logs l-one
    [[ $output == *"plain •••"* ]]
    [[ $stderr == *"run 1 (creation) began"*"exit status 3"* ]]
    run -1 grep -r -F -e hunter2 -e "$(printf %s "$MOONFLEET_SECRET_TOKEN" | base64)" "$(share)"
    run -0 mf show l-one --json
    [[ $output != *hunter2* ]]
}

@test "what was given to scripts does not stay in an instance's folder, run or not" {
    fleet <<'RECIPE'
instance "l-one" {
  setup = setup_script { inline = "#!/bin/sh\ncat /run/moonfleet/spec.json >/etc/seen; exit 3", args = { secret "TOKEN" } },
  startup = setup_script { inline = "#!/bin/sh\ntrue", args = { secret "TOKEN" } },
}
RECIPE
    run -1 mf apply fleet.lua --yes
    run -1 grep -r -F hunter2 "$XDG_DATA_HOME/moonfleet/instances" "$(share)"
    run -0 mf exec l-one -- ls /run/moonfleet
    [[ $output != *.sh* ]]
}

@test "arguments arrive whole, the share is there, and the startup script runs in its folder" {
    mkdir -p "$(share)/Users/ada"
    printf '#!/bin/sh\npwd; for a in "$@"; do printf "<%%s>" "$a"; done; ls ../../Logs\n' \
        >"$(share)/Users/ada/start.sh"
    fleet <<'RECIPE'
instance "l-one" {
  setup = setup_script { inline = "#!/bin/sh\npwd; for a in \"$@\"; do printf '<%s>' \"$a\"; done",
    args = { "", "two words", "$(touch /tmp/x)", "'q'", "a\nb", "\\", "-n", "*", "ü" } },
  startup = setup_script { workspace = "Users/ada/start.sh", args = { "$HOME" } },
}
instance "l-two" { startup = setup_script { workspace = "Users/ada/start.sh" } }
RECIPE
    run -0 mf apply fleet.lua --yes
    run -0 --separate-stderr mf logs l-one --run 1
    [[ $output == "/mnt/batch/tasks/shared/LS_root/mounts/clusters/l-one/code/Users
<><two words><\$(touch /tmp/x)><'q'><a
b><\\><-n><*><ü>" ]]
    run -0 --separate-stderr mf logs l-one --runs
    says "'a\\x0ab'"
    run -0 --separate-stderr mf logs l-one
    [[ $output == "/home/azureuser/cloudfiles/code/Users/ada
<\$HOME>l-one" ]]
    run -0 mf exec l-one -- sh -c 'echo from l-one >/home/azureuser/cloudfiles/code/Users/note'
    run -0 mf exec l-two -- cat /home/azureuser/cloudfiles/code/Users/note
    [ "$output" = "from l-one" ]
}

@test "a script that takes too long is stopped with its children, and the log says so" {
    fleet <<'RECIPE'
instance "l-one" { setup = setup_script { timeout = "1s",
  inline = "#!/bin/sh\nsleep 1234 &\nprintf waiting\nsleep 1234" } }
RECIPE
    run -1 mf apply fleet.lua --yes
    [[ $output == *"was stopped at its time limit of 1s"* ]]
    run -0 --separate-stderr mf logs l-one
    [[ $output == "waiting
[moonfleet] the time limit of 1s is over" ]]
    run -0 mf logs l-one --runs --json
    [ "$(jq -r '.runs[0] | "\(.run) \(.kind) \(.timedOut)"' <<<"$output")" = "1 creation true" ]
    run -0 mf exec l-one -- sh -c 'cat /proc/[0-9]*/cmdline | tr "\0" " "'
    [[ $output != *"sleep 1234"* ]]
}

@test "lines have their times, progress bars their last state, and binary output survives" {
    fleet <<'RECIPE'
instance "l-one" { setup = setup_script { inline = "#!/bin/bash\necho first; sleep 0.3\n"
  .. [[printf '1%%\r99%%\r\n\377\n' ]] } }
RECIPE
    run -0 mf apply fleet.lua --yes
    run -0 --separate-stderr mf logs l-one --times
    [[ ${lines[0]} =~ ^20[0-9-]*T[0-9:.]*Z\ first$ ]]
    [[ ${lines[1]} =~ ^20[0-9-]*T[0-9:.]*Z\ 99%$ ]]
    [[ ${lines[0]%% *} < ${lines[1]%% *} ]]
    mf logs l-one --json 2>/dev/null | jq -r .base64 | base64 -d >got
    printf 'first\n1%%\r99%%\r\n\377\n' | cmp - got
    echo "6 0" >>"$(share)/Logs/l-one/0001-creation.times" # the end of the times: no more of them fit
    sed -i '2d' "$(share)/Logs/l-one/0001-creation.times"
    run -0 --separate-stderr mf logs l-one --times
    [[ ${lines[0]} =~ ^20[0-9-]*T[0-9:.]*Z\ first$ ]]
    [ "${lines[1]}" = "- 99%" ]
}

@test "binary output of a script that fails spoils neither its error nor the list" {
    fleet <<'RECIPE'
instance "l-one" { setup = setup_script { inline = "#!/bin/bash\n" .. [[printf '1%%\r99%%\n\0\377\303\n'; exit 3]] } }
RECIPE
    run -1 mf apply fleet.lua --yes
    run -0 mf list --json
    [ "$(jq -r '.instances[0].name' <<<"$output")" = l-one ]
    run -0 mf show l-one
    [[ $output == *"ended with exit status 3; the last lines of 0001-creation.log:"$'\n'*" 99%"$'\n'*" ???"$'\n'* ]]
}

@test "-f waits for a run that has not begun, and goes on to the next" {
    fleet <<'RECIPE'
instance "l-one" {
  setup = setup_script { inline = "#!/bin/sh\necho one; until [ -e /etc/go ]; do sleep 0.02; done; echo two" },
  startup = setup_script { inline = "#!/bin/sh\necho three" },
}
RECIPE
    mf apply fleet.lua --yes >/dev/null 2>&1 3>&- &
    wait_until eval 'mf logs l-one | grep one'
    mf logs l-one -f >followed 2>/dev/null 3>&- &
    local follower=$!
    wait_until grep one followed
    mf exec l-one -- touch /etc/go
    wait "$follower"
    run -0 cat followed
    [ "$output" = "one
two
three" ]
}
