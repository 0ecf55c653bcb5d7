#!/usr/bin/env bats
# run: scripts that ask.  What they are answered is what the commands answer.

load ../helpers

setup() { own_folders; }
teardown() { stop_plane; }

ada=ada@moonfleet.local
operator="AzureML Compute Operator"

# same_as "COMMAND…" "LUA": what the script returns is the command's document, from which absent things
# are missing.
same_as() {
    local lua command
    lua=$(mf run --json - <<<"return $2" | jq -S .value)
    command=$(eval "mf $1 --json" | jq -S "${3:-.} | walk(if type == \"object\" then del(.[] | nulls) else . end)")
    [ -n "$lua" ] && [ "$lua" = "$command" ] || {
        diff <(echo "$command") <(echo "$lua")
        return 1
    }
}

@test "rbac's answers are the documents of can, why, roles and grants" {
    team_may start
    for who in $ada me; do
        same_as "why $who computes/write" "rbac.why('$who', 'computes/write')"
        same_as "can $who computes/write" "rbac.can('$who', 'computes/write')" '.answer == "allowed"'
    done
    same_as "why data-scientists computes/start" "rbac.why('data-scientists', 'computes/start')"
    same_as "why $ada applicationaccess/action instance:none" \
        "rbac.why('$ada', 'applicationaccess/action', 'instance:none')"
    same_as roles "rbac.roles()" .roles
    same_as "roles --custom" "rbac.roles { custom = true }" .roles
    same_as "roles '$operator'" "rbac.roles '$operator'"
    same_as grants "rbac.assignments()" .grants
    same_as "grants --for $ada --at subscription" \
        "rbac.assignments { who = '$ada', scope = 'subscription' }" .grants
}

@test "a script prints, has arguments, and acts as --as says" {
    cat >who.lua <<'EOF'
#!/usr/bin/env -S moonfleet run
for i, who in ipairs(arg) do print(i, who, rbac.can(who, "computes/read")) end
print(select("#", ...), arg[0])
EOF
    run -0 --separate-stderr mf run who.lua me -- --odd
    [ "${lines[0]}" = "1	me	true	allowed" ]
    [[ "${lines[1]}" == "2	--odd	nil	the directory has nobody called '--odd'"* ]]
    [ "${lines[2]}" = "2	who.lua" ]
    run -0 --separate-stderr mf --as $ada run who.lua me
    [ "${lines[0]}" = "1	me	false	denied" ]
    run -0 --separate-stderr mf run --json - <<<'print "a remark" return { 1, "two" }'
    [ "$output" = '{"value":[1,"two"]}' ]
    [ "$stderr" = "a remark" ]
}

@test "a script that fails tells where, with a traceback, and exits with 1" {
    printf 'local function f()\n  error "boom"\nend\nf()\n' >bad.lua
    run -1 --separate-stderr mf run bad.lua
    [ -z "$output" ]
    says "moonfleet: bad.lua:2: boom"
    says "bad.lua:4: in main chunk"
    run -1 --separate-stderr mf run bad.lua --json
    jq -e '.error | .code == "Invalid" and .message == "boom" and .file == "bad.lua" and .line == 2' \
        <<<"$output"
    run -1 --separate-stderr mf run - <<<'rbac.can("me", "computes/strat")'
    says "stdin:1: unknown action 'computes/strat', did you mean 'computes/start'?"
    run -1 --separate-stderr mf run - <<<'local t = {} while true do t[#t + 1] = ("x"):rep(1e6) .. #t end'
    says "used more than 256 MiB of memory"
    run -1 --separate-stderr mf run --json - <<<'return print'
    jq -e '.error.message == "what the script returned holds a function, which is no data"' <<<"$output"
}

@test "a script that cannot begin wakes no plane" {
    run -1 --separate-stderr mf run - <<<'x = = 1'
    says "moonfleet: stdin:1: unexpected symbol near '='"
    run -1 --separate-stderr mf run missing.lua
    says "missing.lua"
    run -1 --separate-stderr mf run .
    run -64 --separate-stderr mf run
    says "run needs SCRIPT.lua"
    [ ! -e "$XDG_RUNTIME_DIR/moonfleet/plane.sock" ]
}

# interrupted_by_ctrl_c <script>: it is running when the signal comes, and ends with 130.
interrupted_by_ctrl_c() {
    printf 'print "begun"\n%s\n' "$1" >endless.lua
    mf list >/dev/null
    python3 - <<'EOF'
import os, signal, subprocess, sys
child = subprocess.Popen([os.environ["MOONFLEET"], "run", "endless.lua", "--json"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
assert child.stderr.readline() == "begun\n"
child.send_signal(signal.SIGINT)
out, err = child.communicate(timeout=60)
assert child.returncode == 130, (child.returncode, out, err)
assert '"Cancelled"' in out, out
EOF
}

@test "Ctrl-C ends what runs, whatever it catches" {
    interrupted_by_ctrl_c 'while true do end'
    interrupted_by_ctrl_c 'while true do pcall(function() while true do end end) end'
}

@test "Ctrl-C ends what waits" {
    interrupted_by_ctrl_c 'while true do parallel({ 1, 2, 3 }, function() rbac.roles() end) end'
}

@test "a reader that goes away ends the script" {
    run -0 --separate-stderr bash -c \
        '"$MOONFLEET" run - <<<"while true do print(\"line\") end" | head -1; exit "${PIPESTATUS[0]}"'
    [ "$output" = line ]
}

@test "terminals are shown what is safe, programs get the very bytes" {
    run -0 --separate-stderr bash -c '"$MOONFLEET" run - <<<"print(\"\\27[31m\\0\\255\")" | od -An -tx1'
    [ "$output" = " 1b 5b 33 31 6d 00 ff 0a" ]
    run -0 --separate-stderr mf run --json - <<<'print("\27[31m\0\255 ä\tx")'
    [ "$stderr" = '\x1b[31m\x00\xff ä	x' ]
}
