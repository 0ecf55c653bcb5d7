#!/usr/bin/env bats
# Secrets: from the environment or a file, into setup scripts and nothing else that can be read.

load ../helpers

setup() {
    own_folders
    cat >fleet.lua <<'RECIPE'
fleet "team" { defaults = { size = "Standard_DS3_v2" } }
local token = secret "TOKEN"
print("with", token)
instance "team-ada" {
  setup = setup_script { inline = "#!/bin/sh\nlogin \"$1\"\n", args = { token, "as", "ada" } },
}
RECIPE
    export MOONFLEET_SECRET_TOKEN="hunter2'is\"it"
}

teardown() {
    stop_plane
}

in_base64() {
    printf %s "$1" | base64 -w0
}

@test "a missing secret is a mistake with its place and how to give it" {
    unset MOONFLEET_SECRET_TOKEN
    run -1 --separate-stderr mf plan fleet.lua
    [[ $stderr == *"fleet.lua:2: secret 'TOKEN' has no value: set MOONFLEET_SECRET_TOKEN"*"--secrets FILE"* ]]
}

@test "a file of secrets is read when nobody else can read it" {
    unset MOONFLEET_SECRET_TOKEN
    printf '# of the team\nexport TOKEN="hunter2\\n\\"it"\n' >secrets.env
    chmod 644 secrets.env
    run -1 --separate-stderr mf plan fleet.lua --secrets secrets.env
    [[ $stderr == *"others can read the secrets in 'secrets.env'"*"chmod 600"* ]]
    chmod 600 secrets.env
    run -0 mf plan fleet.lua --secrets secrets.env
    echo 'no equals sign' >>secrets.env
    run -1 --separate-stderr mf plan fleet.lua --secrets secrets.env
    [[ $stderr == *"secrets.env:3: a line is NAME=VALUE"* ]]
}

@test "the value is in no plan, document, reply, list or file but the plane's store" {
    run -0 mf plan fleet.lua --out saved.plan
    [[ $output == *"with (secret TOKEN)"* ]]
    run -0 mf plan fleet.lua --json
    run -0 mf apply fleet.lua --yes
    run -0 mf show team-ada --json
    echo "$output" >all
    rest GET "$WORKSPACE/computes/team-ada?api-version=2024-10-01" >>all
    rest GET "$WORKSPACE/computes?api-version=2024-10-01" >>all
    cat saved.plan >>all
    run -1 grep -F -e hunter2 -e "$(in_base64 "$MOONFLEET_SECRET_TOKEN")" all
    run -0 jq -r '.properties.properties.setupScripts.scripts.creationScript.scriptArguments' \
        <(rest GET "$WORKSPACE/computes/team-ada?api-version=2024-10-01")
    [[ $output == "'(secret TOKEN)' as ada" ]]
}

@test "the plane keeps its store to itself, and no secrets of the command that started it" {
    run -0 mf apply fleet.lua --yes
    [ "$(stat -c %a "$XDG_DATA_HOME/moonfleet/plane.db" "$XDG_DATA_HOME/moonfleet/plane.db-wal" | sort -u)" = 600 ]
    for process in $(pgrep -f "serve --socket $XDG_RUNTIME_DIR/"); do
        run -1 grep -a MOONFLEET_SECRET_ "/proc/$process/environ"
    done
    [ -n "$process" ]
    run -0 mf delete team-ada --yes
    mf serve --stop
    run -1 grep -r -F hunter2 "$XDG_DATA_HOME"
}

@test "another value changes nothing that is there" {
    run -0 mf apply fleet.lua --yes
    MOONFLEET_SECRET_TOKEN=another run -0 mf plan fleet.lua --detailed-exitcode
    [[ $output == *"nothing to change"* ]]
}

@test "a saved plan asks for the values again" {
    run -0 mf plan fleet.lua --out saved.plan
    [ "$(stat -c %a saved.plan)" = 600 ]
    MOONFLEET_SECRET_TOKEN='' run -1 --separate-stderr mf apply saved.plan --yes
    [[ $stderr == *"leaves out the value of the secret 'TOKEN'"* ]]
    run -0 mf apply saved.plan --yes
    run -0 mf plan fleet.lua --detailed-exitcode
}

@test "a saved plan takes no value that needs other quotes, nor tells two secrets of one value apart" {
    cat >with.lua <<'RECIPE'
fleet "team" { defaults = { size = "Standard_DS3_v2" } }
instance "team-ada" { setup = setup_script { with = { token = secret "TOKEN", other = secret "OTHER" },
  inline = "#!/bin/sh\n{% parameter('token', {type='string'}) %}\n"
    .. "{% parameter('other', {type='string'}) %}\nlogin {{ token }} {{ other }}\n" } }
RECIPE
    export MOONFLEET_SECRET_TOKEN=hunter2 MOONFLEET_SECRET_OTHER=hunter2
    run -0 mf plan with.lua --out saved.plan
    MOONFLEET_SECRET_TOKEN='x; id' MOONFLEET_SECRET_OTHER='x; id' \
        run -1 --separate-stderr mf apply saved.plan --yes
    [[ $stderr == *"the value of the secret 'TOKEN' needs other quotes"*"make the plan again"* ]] ||
        [[ $stderr == *"the value of the secret 'OTHER' needs other quotes"*"make the plan again"* ]]
    MOONFLEET_SECRET_TOKEN=hunter3 run -1 --separate-stderr mf apply saved.plan --yes
    [[ $stderr == *"had one value when the plan was made, and have two now"* ]]
    MOONFLEET_SECRET_TOKEN=hunter3 MOONFLEET_SECRET_OTHER=hunter3 run -0 mf apply saved.plan --yes
}

@test "a script of the file share must be there" {
    cat >shared.lua <<'RECIPE'
fleet "team" { defaults = { size = "Standard_DS3_v2" } }
instance "team-ada" { setup = setup_script { workspace = "Users/ada/set up.sh" } }
RECIPE
    run -1 mf apply shared.lua --yes
    [[ $output == *"shared.lua:2: Users/ada/set up.sh: there is no such file in the workspace's file share"* ]]
    mkdir -p "$XDG_DATA_HOME/moonfleet/shares/ds-workspace/Users/ada"
    echo '#!/bin/sh' >"$XDG_DATA_HOME/moonfleet/shares/ds-workspace/Users/ada/set up.sh"
    run -0 mf apply shared.lua --yes
    run -0 mf plan shared.lua --detailed-exitcode
    ln -s /etc/passwd "$XDG_DATA_HOME/moonfleet/shares/ds-workspace/Users/out.sh"
    sed -i 's,ada/set up.sh,out.sh,' shared.lua
    run -1 mf plan shared.lua --replace team-ada
    [[ $output == *"✗ scripts: shared.lua:2: Users/out.sh"* ]]
}
