#!/usr/bin/env bats
# setup try: a script runs for real, what it did is told, and nothing of it is left.  Everything runs
# as whoever runs the tests and, when that is root, also as an ordinary user.

load ../helpers

setup() {
    own_folders simulated
    need_containers
    instances=$XDG_DATA_HOME/moonfleet/instances
}

teardown_file() {
    [ ! -s "$BATS_FILE_TMPDIR/user" ] || rm -rf "$(cat "$BATS_FILE_TMPDIR/user")"
}

# make_user: a folder and a copy of the program for nobody; as_user <arguments...>: runs that one.  It
# is the same for all tests here, since a view of this machine for an ordinary user takes long to make.
make_user() {
    [ "$(id -u)" = 0 ] || skip "another user can be tried by root only"
    if [ ! -s "$BATS_FILE_TMPDIR/user" ]; then
        mktemp -d /tmp/moonfleet-try.XXXXXX >"$BATS_FILE_TMPDIR/user"
        user_folder=$(cat "$BATS_FILE_TMPDIR/user")
        cp "$MOONFLEET" "$user_folder/moonfleet"
        mkdir -m 700 "$user_folder/run"
    fi
    user_folder=$(cat "$BATS_FILE_TMPDIR/user")
    cp ./*.sh "$user_folder/"
    chown -R nobody "$user_folder"
    chmod 755 "$user_folder"
    instances=$user_folder/data/moonfleet/instances
}

as_user() {
    setpriv --reuid nobody --regid nogroup --clear-groups env HOME="$user_folder" \
        XDG_DATA_HOME="$user_folder/data" XDG_CONFIG_HOME="$user_folder/config" \
        XDG_STATE_HOME="$user_folder/state" XDG_RUNTIME_DIR="$user_folder/run" \
        sh -c 'cd "$HOME" && exec ./moonfleet "$@"' sh "$@"
}

no_trial() {
    [ -z "$(find "$instances" -maxdepth 1 -name 'trial-*' -o -maxdepth 1 -name '.scan-*')" ] &&
        [ -z "$(ls "$instances/.runtime")" ]
}

# A script that makes a virtual environment and installs a Debian package, with nothing downloaded.
environment_script() {
    cat >environment.sh <<'SCRIPT'
#!/bin/bash
set -e
mkdir -p /tmp/it/DEBIAN /tmp/it/usr/share/moonfleet-probe
printf 'Package: moonfleet-probe\nVersion: 1.2\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: probe\n' >/tmp/it/DEBIAN/control
echo probe >/tmp/it/usr/share/moonfleet-probe/file
dpkg-deb -b /tmp/it /tmp/it.deb
dpkg -i /tmp/it.deb
python3 -m venv --without-pip /opt/moonfleet-venv
site=$(echo /opt/moonfleet-venv/lib/python3*/site-packages)
mkdir "$site/probe-2.0.dist-info"
echo 'Name: probe' >"$site/probe-2.0.dist-info/METADATA"
useradd --system moonfleet-probe
rm /etc/issue.net
SCRIPT
}

# What the scripts here touch, as this machine has it.
host_state() {
    for path in /etc/passwd /etc/group /etc/issue.net /etc/motd /var/lib/dpkg/status; do
        [ ! -r "$path" ] || sha256sum "$path"
    done
    ls -la /opt /usr/share /var/lib/dpkg/info /home /etc/systemd/system
}

check_environment() { # the document is in $output
    jq -e '.exitStatus == 0' <<<"$output"
    jq -e '[.packages.deb[] | [.change, .name, .after]] == [["added", "moonfleet-probe", "1.2"]]' <<<"$output"
    jq -e '[.packages.pip[] | [.change, .name, .after]] == [["added", "probe", "2.0"]]' <<<"$output"
    jq -e '[.users[].name] == ["moonfleet-probe"] and [.groups[].name] == ["moonfleet-probe"]' <<<"$output"
    jq -e '[.files.removed[].path] == ["/etc/issue.net"]' <<<"$output"
    # Beyond what was told by name nothing came or changed.
    jq -e '[.files.added[].path | select(test("^/(opt/moonfleet-venv|usr/share/moonfleet-probe)(/|$)") | not)] -
        ["/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"] == []' <<<"$output"
    jq -e '[.files.changed[].path] - ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"] == []' <<<"$output"
    jq -e '[.files.added[].path] | index("/usr/share/moonfleet-probe/file") != null' <<<"$output"
    jq -e '.slowest | map(.command) | any(startswith("dpkg -i"))' <<<"$output"
}

@test "tells exactly what a script did, and this machine is as it was" {
    environment_script
    host_state >before
    run -0 --separate-stderr mf setup try environment.sh --json
    check_environment
    host_state >after
    cmp before after
    no_trial
}

@test "works as an ordinary user, and this machine is as it was" {
    environment_script
    make_user
    host_state >before
    run -0 --separate-stderr as_user setup try environment.sh --json
    check_environment
    host_state >after
    cmp before after
    [ -d "$instances" ]
    no_trial
}

@test "shows the output as it comes, then the report" {
    printf '#!/bin/sh\necho "in $(pwd) as $(id -un), $CI_NAME, $1"\n' >where.sh
    run -0 --separate-stderr mf setup try where.sh -- "two words"
    says "s  in /mnt/batch/tasks/shared/LS_root/mounts/clusters/trial/code/Users as root, trial, two words"
    says "succeeded after"
    says "not known, since the script is not run by bash"
}

@test "a script that fails is told with its status, and leaves nothing" {
    printf '#!/bin/bash\necho last words\nexit 3\n' >fails.sh
    run -1 --separate-stderr mf setup try fails.sh
    says "last words"
    says "failed after"
    says "exit status 3"
    no_trial
}

@test "--twice tells what a second run changes again" {
    printf '#!/bin/bash\necho export A=1 >>/etc/profile\nmkdir -p /opt/fine\necho same >/opt/fine/file\n' >appends.sh
    run -1 --separate-stderr mf setup try appends.sh --twice
    says "/etc/profile: 11 B appended"
    [[ "$(sed -n '/not idempotent/,$p' <<<"$output")" != */opt/fine* ]]
    printf '#!/bin/bash\nmkdir -p /opt/fine\necho same >/opt/fine/file\n' >fine.sh
    run -0 --separate-stderr mf setup try fine.sh --twice
    says "idempotent: it changed nothing more"
}

@test "--twice tells of a second run that fails" {
    printf '#!/bin/bash\nmkdir /opt/only-once\n' >once.sh
    run -1 --separate-stderr mf setup try once.sh --twice --json
    jq -e '.exitStatus == 0 and .second.exitStatus == 1 and .second.idempotent == false' <<<"$output"
}

@test "folders that got another mode or owner are told" {
    printf '#!/bin/bash\nchmod 700 /opt; mkdir /data; echo 1 >/opt/file; ulimit -u\n' >modes.sh
    printf '#!/bin/bash\nchmod 750 /data\n' >more.sh
    make_user
    for run in mf as_user; do
        run -0 --separate-stderr "$run" setup try modes.sh --name modes
        says "~ /opt/  another mode or owner"
        says "+ /opt/file"
        [ "$run" = mf ] || says "s  4096" # processes: no control group counts them
        run -0 --separate-stderr "$run" setup try more.sh --base modes --json
        jq -e '[.files.changed[] | [.path, .type]] == [["/data", "folder"]]' <<<"$output"
        "$run" setup try --remove modes
    done
}

@test "a folder in which very many folders got something is one line" {
    printf '#!/bin/bash\nmkdir -p /usr/share/locale/{aa,ab,ac,ad,ae,af,ag,ah,ai,aj,ak,al,am,an}/x /usr/share/doc/y\n' >folders.sh
    printf '#!/bin/bash\nfor d in /usr/share/locale/a?/x; do echo 1 >$d/f; done\n' >files.sh
    printf 'chmod 700 /usr/share/locale/ad/x; echo 1 >/usr/share/doc/y/f; true\n' >>files.sh
    run -0 --separate-stderr mf setup try folders.sh --name folders
    run -0 --separate-stderr mf setup try files.sh --base folders
    mf setup try --remove folders
    says "+ /usr/share/locale/  14 files, 28 B"
    says "~ /usr/share/locale/ad/x/  another mode or owner"
    says "+ /usr/share/doc/y/f"
    ! grep -q aa/x <<<"$output"
}

@test "ports and processes that a script leaves are told" {
    cat >serves.sh <<'SCRIPT'
#!/bin/bash
python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); open("/tmp/port", "w").write(str(s.getsockname()[1]))
time.sleep(600)' &
until [ -s /tmp/port ]; do sleep 0.02; done
cat /tmp/port; echo
SCRIPT
    run -0 --separate-stderr mf setup try serves.sh --json
    port=$(jq -r '.output[0].line' <<<"$output")
    jq -e --argjson port "$port" '[.ports[] | [.protocol, .address, .port]] == [["tcp", "127.0.0.1", $port]]' <<<"$output"
    jq -e '.processes | length == 1 and (.[0].command | startswith("python3"))' <<<"$output"
}

@test "a kept trial is listed, begun from, and removed" {
    printf '#!/bin/bash\necho one >/opt/one; echo home >/home/azureuser/one; mkdir /data; echo d >/data/one; rm -r /usr/share/doc\n' >one.sh
    printf '#!/bin/bash\ncat /opt/one /home/azureuser/one /data/one && test ! -e /usr/share/doc && echo two >/data/two\n' >two.sh
    run -0 mf setup try one.sh --keep
    run -0 --separate-stderr mf setup try --list --json
    jq -e '[.trials[] | [.name, .exitStatus]] == [["one", 0]]' <<<"$output"
    run -0 --separate-stderr mf setup try two.sh --base one --name both --json
    jq -e '[.output[].line] == ["one", "home", "d"]' <<<"$output"
    jq -e '[.files.added[].path] == ["/data/two"]' <<<"$output"
    run -1 --separate-stderr mf setup try --remove one
    says "'both' stands on it"
    run -0 mf setup try --remove both
    run -0 mf setup try --remove one
    no_trial
    run -1 --separate-stderr mf setup try two.sh --base one
    says "no trial is kept as 'one'"
}

@test "interrupted or killed, nothing is left" {
    printf '#!/bin/bash\necho begun\nsleep 600\n' >slow.sh
    for signal in INT TERM KILL; do
        "$MOONFLEET" setup try slow.sh >slow.log 2>&1 3>&- &
        trial=$!
        wait_until grep begun slow.log
        kill -s "$signal" "$trial"
        wait "$trial" || status=$?
        [ "$signal" = KILL ] || [ "$status" = 130 ]
        wait_until no_trial
    done
}

# Types into the shell that `setup try --shell` opens; what it shows is in shell.txt.
use_shell() {
    wait_until grep "it ends with it" shell.txt
    printf 'cat /opt/made; echo "flags <$->"; sleep 600\n'
    wait_until grep '^flags <' shell.txt
    printf '\003'
    wait_until grep -F '^C' shell.txt
    printf 'echo status $?; exit 7\n'
}

@test "--shell is one that prompts and can be interrupted, and is gone afterwards" {
    printf '#!/bin/bash\necho of the script >/opt/made\n' >makes.sh
    : >shell.txt
    use_shell | timeout 120 script -qefc "\"$MOONFLEET\" setup try makes.sh --shell" shell.txt >/dev/null 3>&-
    grep "of the script" shell.txt
    grep '^flags <.*i.*>' shell.txt
    grep "status 130" shell.txt
    no_trial
}

@test "what cannot be tried is said" {
    run -1 --separate-stderr mf setup try missing.sh
    says "missing.sh"
    : >empty.sh
    run -1 --separate-stderr mf setup try empty.sh
    says "is empty"
    run -64 --separate-stderr mf setup try
    says "needs a script"
    run -64 --separate-stderr mf setup try empty.sh --shell
    says "needs a terminal"
    printf '#!/bin/sh\nsleep 600\n' >hangs.sh
    run -1 --separate-stderr mf setup try hangs.sh --timeout 1s
    says "time limit"
    no_trial
}

@test "two kept trials are compared" {
    printf '#!/bin/bash\necho "$1" >/opt/which; rm /etc/issue.net; useradd "u$1"\n' >which.sh
    printf '#!/bin/bash\necho other >/opt/which\n' >other.sh
    run -0 mf setup try which.sh --name one -- a
    run -0 mf setup try which.sh --name two -- a
    run -0 mf setup try other.sh --name three
    run -0 --separate-stderr mf setup diff one two
    run -1 --separate-stderr mf setup diff one three --json
    jq -e '.same == false and [.files.added[].path] == ["/etc/issue.net"]' <<<"$output"
    jq -e '[.files.changed[].path] | index("/opt/which") != null' <<<"$output"
    jq -e '[.users[] | [.change, .name]] == [["removed", "ua"]]' <<<"$output"
    run -1 --separate-stderr mf setup diff one nothing
    says "'nothing' is neither a kept trial"
    for name in one two three; do mf setup try --remove "$name"; done
    no_trial
}

# A template, a recipe that gives it a secret, and the file of its value.
make_template() {
    cat >tools.sh <<'SCRIPT'
#!/bin/bash
{% parameter("token", { default = "nothing" }) %}
{% parameter("files", { type = "list", default = { "one" } }) %}
{# these lines
   are not rendered #}
mkdir /opt/tried
{% for _, name in ipairs(files) do %}
touch /opt/tried/{{ name }}
{% end %}
echo token {{ token }}, "$@"
sh -c 'sleep 0.05' {{ token }}
sh -c 'sleep 600' {{ token }} &
SCRIPT
    cat >team.lua <<'RECIPE'
fleet "ds" { defaults = { size = "Standard_DS3_v2" } }
local token = secret "TOKEN"
instance "ds-ada" {
  setup = setup_script "tools.sh" {
    with = { token = token, files = { "two words" } }, args = { "--key", token }, timeout = "1s",
  },
}
RECIPE
    printf 'TOKEN=hunter2hunter2\n' >secrets.env
    chmod 600 secrets.env
}

@test "a template is tried with its values, and lines are those of the template" {
    make_template
    run -0 --separate-stderr mf setup try tools.sh -p 'files=a b,c' --json
    jq -e '[.files.added[].path] == ["/opt/tried", "/opt/tried/a b", "/opt/tried/c"]' <<<"$output"
    jq -e '.slowest[0] | .line == 11 and (.command | startswith("sh -c"))' <<<"$output"
    run -1 --separate-stderr mf setup try tools.sh -p file=a
    says "no parameter 'file'"
    run -64 --separate-stderr mf setup try tools.sh --for ds-ada
    says "--for INSTANCE and --in RECIPE go together"
    no_trial
}

@test "as a recipe's instance gets it, and its secrets are neither shown nor kept" {
    make_template
    run -1 --separate-stderr mf setup try tools.sh --for ds-ada --in team.lua
    says "secret 'TOKEN' has no value"
    run -0 --separate-stderr mf setup try tools.sh --for ds-ada --in team.lua --secrets secrets.env --name kept
    says "token •••, --key •••"
    says "/opt/tried"
    says "sh -c sleep 600 •••"
    [[ $output$stderr != *hunter2* ]]
    run -1 grep -rlF -e hunter2 -e "$(printf hunter2hunter2 | base64)" "$instances"
    mf setup try --remove kept
    printf '#!/bin/bash\n{%% parameter("token") parameter("files", { type = "list" }) %%}\nsleep 60\n' >tools.sh
    run -1 --separate-stderr mf setup try tools.sh --for ds-ada --in team.lua --secrets secrets.env
    says "stopped at its time limit of 1s"
    no_trial
}

@test "the values of --secrets are hidden in a script by itself" {
    make_template
    run -0 --separate-stderr mf setup try tools.sh --secrets secrets.env -p token=hunter2hunter2 --json -- hunter2hunter2
    jq -e '[.output[].line] == ["token •••, •••"] and .slowest[0].line == 11' <<<"$output"
    [[ $output$stderr != *hunter2* ]]
}
