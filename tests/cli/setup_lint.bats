#!/usr/bin/env bats
# `moonfleet setup lint`: what is wrong with setup scripts, before a machine finds out.

load ../helpers

setup() { own_folders; }
teardown() { stop_plane; }

# found: "line:column rule" of every finding of the last `run … --json`.
found() {
    jq -r '.scripts[].findings[] | "\(.line):\(.column) \(.code // .rule)"' <<<"$output"
}

@test "Windows line ends, a prompt and a lost argument are told where they stand in the template" {
    {
        printf '#!/bin/bash\r\nset -eu\r\n{%% if true then %%}\r\n'
        printf '  apt-get install {{ "jq" }}\r\n{%% end %%}\r\n'
        printf 'sudo -u azureuser -i <<'"'EOF'"'\r\necho "$1"\r\nEOF\r\n'
    } >tools.sh
    run -1 --separate-stderr mf setup lint tools.sh
    says "tools.sh:1:12: error: 8 of 8 lines end with a carriage return (crlf)"
    says "tools.sh:4:3: error: apt-get install asks, and nobody answers: give -y (prompt)"
    says "tools.sh:7:7: error: \$1 is empty here"
    says "why: "
    says "mend: Use {% as_user() %}"
    says "3 errors"
    run -1 --separate-stderr mf setup lint tools.sh --json
    [ "$(found)" = $'1:12 crlf\n4:3 prompt\n7:7 lost-argument' ]
    [ "$(jq -c '[.errors, .warnings, .hints]' <<<"$output")" = '[3,0,0]' ]
    [ -z "$stderr" ]
}

@test "a clean script is clean, and nothing is started for it" {
    printf '#!/bin/sh\nset -eu\necho "$1"\n' >tools.sh
    run -0 --separate-stderr mf setup lint tools.sh "$SOURCE_DIR/recipes/setup/hello.sh"
    [ "$output" = "nothing found in 2 scripts" ]
    [ ! -e "$XDG_RUNTIME_DIR/moonfleet" ]
}

@test "what shellcheck finds is told with its code, and switched off by it" {
    command -v shellcheck >/dev/null || skip "no shellcheck"
    printf '#!/bin/bash\nset -eu\n\techo ä; ls $x\n' >tools.sh
    run -0 --separate-stderr mf setup lint tools.sh --json
    [ "$(found | sort -u)" = $'3:13 SC2086\n3:13 SC2154' ]
    [ "$(jq -r '.scripts[0].findings[] | select(.code == "SC2154") | .severity' <<<"$output")" = warning ]
    run -1 --separate-stderr mf setup lint tools.sh --strict
    printf '#!/bin/bash\nset -eu\n# moonfleet: disable=SC2086,shellcheck\nls $x\n' >tools.sh
    run -0 --separate-stderr mf setup lint tools.sh --strict
    [ "$output" = "nothing found in 1 script" ]
}

@test "without shellcheck one note says so, and the rest is told" {
    mkdir bin
    ln -s "$(command -v bash)" bin/bash
    printf '#!/bin/bash\nset -eu\nrm -i x\n' >a.sh
    run -1 --separate-stderr env PATH="$PWD/bin" "$MOONFLEET" setup lint a.sh a.sh --json
    [ "$(jq -r '.notes | length' <<<"$output")" = 1 ]
    [[ "$(jq -r '.notes[0]' <<<"$output")" == "shellcheck is not installed"* ]]
    [ "$(found)" = $'3:1 prompt\n3:1 prompt' ]
}

@test "shellcheck is spared scripts that it would need minutes for" {
    { printf '#!/bin/bash\nset -eu\n'; yes 'echo a' | head -n 30000; } >a.sh
    run -0 --separate-stderr mf setup lint a.sh --json
    [ "$(jq -r '.notes[0]' <<<"$output")" = "a.sh: shellcheck reads scripts of up to 128 KiB here" ]
}

@test "the shell itself reads the script" {
    printf '#!/bin/bash\nset -eu\nif true; then\n  echo\n' >broken.sh
    run -1 --separate-stderr mf setup lint broken.sh --json
    jq -e '.scripts[0].findings | map(select(.rule == "syntax")) | length == 1' <<<"$output"
    printf '#!/bin/sh\nset -eu\na=(1 2)\n' >array.sh # bash would take it
    run -1 --separate-stderr mf setup lint array.sh --json
    jq -e '.scripts[0].findings | map(select(.rule == "syntax"))[0].line == 3' <<<"$output"
    printf '#!/usr/bin/python3\nprint("no shell")\n' >python.sh
    run -0 --separate-stderr mf setup lint python.sh
}

@test "a tool ends with us: it hears Ctrl-C, and a killed lint leaves none that computes for ever" {
    mkdir bin
    cat >bin/shellcheck <<TOOL
#!/bin/sh
ulimit -t >$PWD/limit
ps -o pgid= -p \$\$ -p \$PPID | sort -u | wc -l >$PWD/groups
echo '{"comments": []}'
TOOL
    chmod +x bin/shellcheck
    printf '#!/bin/sh\nset -eu\nls\n' >x.sh
    PATH=$PWD/bin:$PATH run -0 mf setup lint x.sh
    [ "$(cat limit)" -le 600 ]
    [ "$(cat groups)" -eq 1 ]
}

@test "a template is shown to the shell and to shellcheck as it is rendered, and places are its own" {
    command -v shellcheck >/dev/null || skip "no shellcheck"
    cat >tools.sh <<'SCRIPT'
#!/bin/bash
{% parameter("packages", { type = "list", required = true }) %}
{% parameter("count", { type = "number", required = true }) %}
set -eu
{% for _, package in ipairs(packages) do %}
echo {{ package }}; ls $1
{% end %}
{# a remark
   of two lines #}
echo {{ count }} $2
{% as_user() %}
echo "$1"
cat $3
{% end %}
SCRIPT
    for options in "" "-p packages=a,b,c -p count=12345678"; do
        # shellcheck disable=SC2086 # options are words
        run -0 --separate-stderr mf setup lint tools.sh $options --json
        [ "$(found)" = $'6:24 SC2086\n10:18 SC2086\n13:5 SC2086' ]
        [ "$(jq '.notes | length' <<<"$output")" = 0 ]
    done
    run -0 --separate-stderr mf setup lint - --json <tools.sh
    [ "$(found)" = $'6:24 SC2086\n10:18 SC2086\n13:5 SC2086' ]
}

@test "a template that cannot be rendered is an error where it stands" {
    printf '#!/bin/sh\nset -eu\necho {{ nonsense() }}\n' >tools.sh
    run -1 --separate-stderr mf setup lint tools.sh --json
    [ "$(found)" = "3:6 template" ]
    printf '#!/bin/sh\nset -eu\n  echo {{ x\n' >tools.sh
    run -1 --separate-stderr mf setup lint tools.sh --json
    [ "$(found)" = "3:8 template" ]
    printf '#!/bin/sh\nset -eu\n{%% if x then %%}\nid\n' >tools.sh
    run -1 --separate-stderr mf setup lint tools.sh
    says "(template)"
}

@test "rules are switched off for a line or for the script, and unknown ones are told" {
    printf '#!/bin/sh\nset -eu\n# moonfleet: disable=prompt\nrm -i x\nrm -i y\n' >line.sh
    printf '#!/bin/sh\n# moonfleet: disable=prompt\nset -eu\nrm -i x\nrm -i y\n' >file.sh
    printf '#!/bin/sh\n# moonfleet: disable=promt\nset -eu\n' >wrong.sh
    run -1 --separate-stderr mf setup lint line.sh --json
    [ "$(found)" = "5:1 prompt" ]
    run -0 --separate-stderr mf setup lint file.sh
    run -0 --separate-stderr mf setup lint wrong.sh
    says "there is no rule 'promt', did you mean 'prompt'? (unknown-rule)"
}

@test "cached scripts may not ask for their instance" {
    printf '#!/bin/sh\nset -eu\necho "$CI_NAME"\n' >tools.sh
    run -0 --separate-stderr mf setup lint tools.sh
    run -1 --separate-stderr mf setup lint tools.sh --cached --json
    [ "$(found)" = "3:7 cached-instance" ]
}

@test "a recipe is looked at through its scripts" {
    mkdir -p fleet/setup
    cat >fleet/fleet.lua <<'RECIPE'
fleet "team" { defaults = { size = "Standard_DS3_v2" } }
for _, login in ipairs { "ada", "grace" } do
  instance("team-" .. login) { setup = setup_script "setup/tools.sh" { args = { login } } }
end
instance "team-linus" { setup = setup_script { inline = "#!/bin/sh\nset -eu\nrm -i x\n" } }
RECIPE
    printf '#!/bin/sh\nset -eu\npip install "$1"\n' >fleet/setup/tools.sh
    run -1 --separate-stderr mf setup lint fleet/fleet.lua --json
    [ "$(jq -r '.scripts | map(.file) | join(" ")' <<<"$output")" = "fleet/setup/tools.sh fleet.lua:5 (inline)" ]
    [ "$(found)" = $'3:1 not-as-user\n3:1 prompt' ]
    echo 'instance "team-ada" {}' >>fleet/fleet.lua
    run -1 --separate-stderr mf setup lint fleet/fleet.lua
    says "was already declared"
    says "(not-as-user)"
}

@test "a plan counts what lint finds, and refuses what cannot run" {
    printf '#!/bin/sh\nset -eu\npip install x\n' >tools.sh
    two_instances 'setup = setup_script "tools.sh",'
    run -0 --separate-stderr mf plan fleet.lua --context memory --force-checks assigned
    says "tools.sh: 1 finding"
    says "moonfleet setup lint tools.sh tells it"
    printf '#!/bin/sh\r\nset -eu\r\n' >tools.sh
    run -1 --separate-stderr mf apply fleet.lua --yes --force-checks assigned
    says "(crlf)"
    [ "$(mf list --json | jq '.instances | length')" = 0 ]
    run -0 --separate-stderr mf apply fleet.lua --yes --force-checks scripts,assigned
}

@test "the recipes that come with us are clean, cached too" {
    run -0 --separate-stderr mf setup lint "$SOURCE_DIR"/recipes/*.lua "$SOURCE_DIR"/recipes/starter/*.lua --strict
    says "nothing found in 3 scripts"
    run -0 --separate-stderr mf setup lint "$SOURCE_DIR/recipes/team.lua" --cached --strict -p packages=numpy,pandas
    run -0 --separate-stderr mf plan "$SOURCE_DIR/recipes/team.lua" --context memory -p packages=numpy --json
    [ "$(jq .counts.create <<<"$output")" -ge 4 ]
    [ "$(jq -r '.checks[] | select(.check == "scripts") | .status' <<<"$output")" = ok ]
    run -0 mf setup render "$SOURCE_DIR/recipes/setup/python-venv.sh" -p "packages=a b"
    [[ "$output" == *"install --quiet 'a b'"* ]]
}

@test "rules are listed with what they are for" {
    run -0 --separate-stderr mf setup lint --rules
    says "lost-argument (error)"
    run -0 --separate-stderr mf setup lint --rules --json
    jq -e '.rules | length > 15 and all(.why and .mend and .summary)' <<<"$output"
}

@test "standard input, missing files and huge ones" {
    run -1 --separate-stderr bash -c 'printf "#!/bin/sh\nrm -i x\n" | "$MOONFLEET" setup lint -'
    says "standard input:2:1: error: rm asks"
    run -1 --separate-stderr mf setup lint missing.sh
    says "missing.sh"
    run -64 --separate-stderr mf setup lint
    says "setup lint needs"
    head -c 5000000 /dev/zero | tr '\0' '#' >huge.sh
    run -1 --separate-stderr mf setup lint huge.sh
    says "huge.sh"
    printf '#!/bin/sh\nid \0\n' >zero.sh
    run -1 --separate-stderr mf setup lint zero.sh
    says "a zero byte"
    : >empty.sh
    run -0 --separate-stderr mf setup lint empty.sh
    says "(empty)"
}
