#!/usr/bin/env bats
# Setup scripts that are templates: what the shell sees is the value, and nothing else runs.

load ../helpers

setup() {
    own_folders
    evil="\$(touch $BATS_TEST_TMPDIR/touched); 'a \"b\" \\\`"
}

# a sudo that does what matters of the real one: another environment, another folder, the words given
fake_sudo() {
    mkdir -p bin home
    cat >bin/sudo <<SUDO
#!/bin/sh
[ "\$1 \$2 \$3" = "-u azureuser -i" ] || exit 99
shift 3
cd "$BATS_TEST_TMPDIR/home" || exit 98
exec env -i HOME="$BATS_TEST_TMPDIR/home" PATH="\$PATH" "\$@"
SUDO
    chmod +x bin/sudo
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# renders x.sh with the options given, runs it, and leaves what it printed in $output
render_and_run() {
    local shell=$1
    shift
    mf setup render x.sh "$@" >rendered.sh
    run --separate-stderr "$shell" rendered.sh 'one two' "it's" '' <&-
}

write_everywhere() { # write_everywhere <#! line>
    cat >x.sh <<SCRIPT
$1
{% parameter("v") %}
set -eu
printf '%s\n' {{ v }} "{{ v }}" '{{ v }}' a{{ v }}z
cat <<A
{{ v }}
A
cat <<'A'
{{ v }}
A
x="\$(printf %s "{{ v }}")"; printf '%s\n' "\$x"
x=\`printf %s {{ v }}\`; printf '%s\n' "\$x"
# {{ v }}
{% as_user() %}
printf '%s\n' {{ v }} "{{ v }}"
cat <<A
{{ v }}
A
{% end %}
SCRIPT
}

@test "a hostile value passes unharmed through every place, in bash and in sh" {
    fake_sudo
    for shell in bash dash; do
        write_everywhere "#!/bin/${shell/dash/sh}"
        render_and_run "$shell" -p "v=$evil"
        [ "$status" = 0 ]
        expected=$(for i in 1 2 3; do printf '%s\n' "$evil"; done
            printf 'a%sz\n' "$evil"
            for i in 1 2 3 4 5 6 7; do printf '%s\n' "$evil"; done)
        [ "$output" = "$expected" ]
        [ ! -e touched ]
    done
}

@test "as_user keeps the folder, the arguments, the CI_ variables and the script's options" {
    fake_sudo
    export CI_NAME="it's \$me
CI_MORE=and more" CI_EMPTY=''
    for shell in bash sh; do
        cat >x.sh <<SCRIPT
#!/bin/$shell
set -eu
IFS=:
{% as_user() %}
printf '<%s>' "\$PWD" "\$HOME" "\$CI_NAME" "\$CI_EMPTY\${CI_MORE-}" "\$#" "\$@"
[ -z "\${CI_MORE+set}" ] || echo "a line of a value is no variable"
case \$- in *e*u* | *u*e*) echo both ;; esac
read -r line || echo "nothing to read"
cat
{% end %}
echo after
SCRIPT
        render_and_run "$shell"
        [ "$status" = 0 ]
        [ "$output" = "<$BATS_TEST_TMPDIR><$BATS_TEST_TMPDIR/home><$CI_NAME><><3><one two><it's><>both
nothing to read
after" ]
    done
}

@test "as_user has the status of its block, and set -e ends the script with it" {
    fake_sudo
    cat >x.sh <<'SCRIPT'
#!/bin/sh
if {% as_user() %}
exit 7
{% end %}; then echo yes; else echo "no $?"; fi
{% as_user() %} exit 3 {% end %} || echo "status $?"
set -e
{% as_user() %}
false
echo never
{% end %}
echo never
SCRIPT
    for shell in bash dash; do
        render_and_run "$shell"
        [ "$status" = 1 ]
        [ "$output" = $'no 7\nstatus 3' ]
    done
}

@test "the delimiter of as_user is no line of the block" {
    fake_sudo
    printf '#!/bin/sh\n{%% as_user() %%}\ncat <<MOONFLEET_AS_USER\nx\nMOONFLEET_AS_USER\necho end\n{%% end %%}\n' >x.sh
    render_and_run dash
    [ "$output" = $'x\nend' ]
}

@test "an as_user block may be empty" {
    fake_sudo
    printf '#!/bin/sh\nset -e\n{%% as_user() %%}\n{%% end %%}\necho after\n' >x.sh
    render_and_run dash
    [ "$output" = after ]
}

@test "a script without markers stays as it is, byte by byte" {
    printf '#!/bin/sh\r\necho ${#x} "{ {" \xc3\xa9\r\nif [' >x.sh
    mf setup render x.sh >rendered.sh
    cmp x.sh rendered.sh
}

@test "bytes that are no UTF-8 pass" {
    printf '#!/bin/sh\nprintf %%s {{ "a\\xff\\n" }}end' >x.sh
    mf setup render x.sh >rendered.sh
    [ "$(dash rendered.sh | od -An -tx1 | tr -d ' \n')" = 61ff0a656e64 ]
    run -0 --separate-stderr mf setup render x.sh --json
    [ "$(jq -r .base64 <<<"$output" | base64 -d | od -An -tx1)" = "$(od -An -tx1 rendered.sh)" ]
}

@test "mistakes are told with the line and the column of the script" {
    printf '#!/bin/sh\n{%% parameter("packages", { type = "list" }) %%}\n{%% parameter("n", { type = "number", max = 3 }) %%}\necho {{ pakages }}\n' >x.sh
    run -1 --separate-stderr mf setup render x.sh -p n=5 -p other=1
    says "x.sh:2: column 1: parameter 'packages' has no value"
    says "x.sh:3: column 1: parameter 'n' is at most 3, not 5"
    says "x.sh: this script has no parameter 'other'"
    run -1 --separate-stderr mf setup render x.sh -p n=3 -p packages=a,b
    says "x.sh:4: column 6: unknown variable 'pakages', did you mean 'packages'?"

    printf '#!/bin/sh\necho ok\ncat <<A\n  {{ nil }}\nA\n' >x.sh
    run -1 --separate-stderr mf setup render x.sh
    says "x.sh:4: column 3: 'nil' is nil"
    printf '#!/bin/sh\n\n{%% local t = nil %%}\n{%% t.x = 1 %%}\n' >x.sh
    run -1 --separate-stderr mf setup render x.sh
    says "x.sh:4: column 1: attempt to index a nil value (local 't')"
    printf '#!/bin/sh\n{%% if true then %%}\n' >x.sh
    run -1 --separate-stderr mf setup render x.sh
    says "'end' expected"
    printf '#!/bin/sh\necho $(( 1 + {{ "x" }} ))\n' >x.sh
    run -1 --separate-stderr mf setup render x.sh
    says "x.sh:2: column 14: here the value has to be a whole number"
}

@test "a template can neither read nor hang the machine" {
    printf '{%% while true do end %%}\n' >x.sh
    run -1 --separate-stderr mf setup render x.sh
    says "a recipe only describes" # its CPU time, or on a busy machine its time, is up
    printf '{{ io.open("/etc/passwd") }}\n' >x.sh
    run -1 --separate-stderr mf setup render x.sh
    says "unknown variable 'io'"
    printf '{{ fleet }}\n' >x.sh
    run -1 --separate-stderr mf setup render x.sh
    says "unknown variable 'fleet'"
}

@test "--parameters shows what a script takes, values or not" {
    printf '{%% parameter("who", { description = "whom to greet" }) %%}\n{%% parameter("n", { default = 3 }) %%}\necho {{ who }}\n' >x.sh
    run -0 --separate-stderr mf setup render x.sh --parameters
    [[ "$output" == *"who"*"string"*"yes"*"whom to greet"* ]]
    [[ "$output" == *"n"*"number"*"no"*"3"* ]]
}

@test "a recipe gives the values, and its plan is of the rendered script" {
    printf '#!/bin/sh\n{%% parameter("packages", { type = "list", default = {} }) %%}\necho {{ packages }}\n' >x.sh
    cat >fleet.lua <<'RECIPE'
fleet "team" { defaults = { size = "Standard_DS3_v2" } }
for _, name in ipairs { "team-a", "team-b" } do
  instance(name) { setup = setup_script "x.sh" { with = { packages = { name, "two words" } } } }
end
RECIPE
    run -0 --separate-stderr mf setup render x.sh --for team-b --in fleet.lua
    [ "$output" = $'#!/bin/sh\necho team-b \'two words\'' ]
    run -1 --separate-stderr mf setup render x.sh --for team-c --in fleet.lua
    says "no instance 'team-c'"
    run -64 --separate-stderr mf setup render x.sh --for team-a

    sed -i 's/packages = {/pakages = {/' fleet.lua
    run -1 --separate-stderr mf setup render x.sh --for team-b --in fleet.lua
    says "fleet.lua:3: x.sh: this script has no parameter 'pakages', did you mean 'packages'?"
    sed -i 's/with = .*/with = { packages = 3 } } }/' fleet.lua
    run -1 --separate-stderr mf setup render x.sh --for team-b --in fleet.lua
    says "fleet.lua:3: x.sh:2:1: parameter 'packages' is a list, not a number"
}
