#!/usr/bin/env bats
# user and group: the local plane's directory.

load ../helpers

setup() { own_folders; }
teardown() { stop_plane; }

users() { mf user list --json | jq -r '[.users[].userPrincipalName] | join(" ")'; }
members() { mf group show "$1" --json | jq -r '[.members[].name] | join(" ")'; }

@test "a user is created, listed and deleted" {
    run -0 --separate-stderr mf user create joan@contoso.com --name "Joan Clarke"
    says "created user joan@contoso.com ("
    run -0 --separate-stderr mf user list
    says "Joan Clarke"
    run -0 --separate-stderr mf user create kurt@contoso.com --json
    jq -e '.userPrincipalName == "kurt@contoso.com" and .displayName == "kurt" and (.id | length) == 36' <<<"$output"
    run -0 --separate-stderr mf user delete JOAN@contoso.com
    [[ "$(users)" == *kurt* ]]
    [[ "$(users)" != *joan* ]]
    run -1 --separate-stderr mf user delete joan@contoso.com
    says "the directory has no user 'joan@contoso.com'"
}

@test "what is no user principal name, or taken, is refused" {
    before=$(users)
    for name in "" joan "joan@" "joan clarke@b.c" "joan@b" $'joan\n@b.c' "jo/an@b.c" "$(printf 'x%.0s' {1..200})@b.c"; do
        run -1 --separate-stderr mf user create "$name"
        [ -z "$output" ]
    done
    run -1 --separate-stderr mf user create ADA@moonfleet.local
    says "already exists"
    run -1 --separate-stderr mf user delete owner@moonfleet.local
    says "owner of this plane"
    run -1 --separate-stderr mf user delete adda@moonfleet.local
    says "did you mean 'ada@moonfleet.local'?"
    run -1 --separate-stderr mf user delete data-scientists # a group is no user
    run -64 --separate-stderr mf user create
    [ "$(users)" = "$before" ]
}

@test "members join and leave, and twice is fine" {
    mf group create analysts
    run -0 --separate-stderr mf group add analysts ada@moonfleet.local automation 00000000-0000-4000-8000-000000000102
    says "added ada@moonfleet.local to analysts"
    says "added grace@moonfleet.local to analysts"
    run -0 --separate-stderr mf group add Analysts ada@moonfleet.local linus@moonfleet.local
    says "ada@moonfleet.local is in analysts already"
    says "added linus@moonfleet.local to analysts"
    [ "$(members analysts)" = "ada@moonfleet.local automation grace@moonfleet.local linus@moonfleet.local" ]
    run -0 --separate-stderr mf group remove analysts ada@moonfleet.local automation --json
    jq -e '.group.name == "analysts" and ([.members[].outcome] == ["removed", "removed"])' <<<"$output"
    run -0 --separate-stderr mf group remove analysts ada@moonfleet.local
    says "ada@moonfleet.local is not in analysts"
    [ "$(members analysts)" = "grace@moonfleet.local linus@moonfleet.local" ]
}

@test "nothing is changed when one of the names is unknown" {
    mf group create analysts
    run -1 --separate-stderr mf group add analysts ada@moonfleet.local lnus@moonfleet.local
    says "did you mean 'linus@moonfleet.local'?"
    run -1 --separate-stderr mf group add analists ada@moonfleet.local
    says "the directory has no group 'analists', did you mean 'analysts'?"
    run -1 --separate-stderr mf group add analysts 00000000-0000-4000-8000-0000000009ff
    says "nobody with the id"
    run -64 --separate-stderr mf group add analysts
    [ -z "$(members analysts)" ]
    run -0 --separate-stderr mf group show analysts
    says "no members"
}

@test "groups nest, and a circle has an end" {
    mf group create inner
    mf group create outer
    mf group add outer inner
    mf group add inner ada@moonfleet.local outer
    run -0 --separate-stderr mf group show outer
    says "ada@moonfleet.local user  inner"
    run -0 --separate-stderr mf group show outer --json
    jq -e '[.members[] | [.name, .via]] == [["inner", []], ["ada@moonfleet.local", ["inner"]], ["outer", ["inner"]]]' <<<"$output"
    run -1 --separate-stderr mf group add inner inner
    says "member of itself"
    mf group delete inner
    [ -z "$(members outer)" ]
}

@test "names that several groups have must be told apart by their ids" {
    run -0 --separate-stderr mf group create team
    run -1 --separate-stderr mf group create Team
    says "there is a group 'Team' already"
    rest POST /v1.0/groups '{"displayName":"TEAM"}' >/dev/null # as another client may do
    run -1 --separate-stderr mf group add team ada@moonfleet.local
    says "several are called 'team'"
    id=$(mf group list --json | jq -r '.groups[] | select(.displayName == "TEAM").id')
    says "$id"
    run -0 --separate-stderr mf group add "$id" ada@moonfleet.local
    mf group delete "$id"
    [ -z "$(members team)" ]
    run -1 --separate-stderr mf group delete 00000000-0000-4000-8000-000000000101
    says "is the user 'ada@moonfleet.local', not a group"
}

@test "many principals come in pages" {
    mf user list >/dev/null
    for i in {1..120}; do
        rest POST /v1.0/users "{\"displayName\":\"n$i\",\"userPrincipalName\":\"n$i@b.c\"}"
    done >/dev/null
    [ "$(mf user list --json | jq '.users | length')" = 125 ]
    [ "$(mf user list | wc -l)" = 126 ]
}

@test "who may not change the directory is told so" {
    run -1 --separate-stderr mf user create joan@b.c --as ada@moonfleet.local
    says "Authorization_RequestDenied"
    run -1 --separate-stderr mf group add data-scientists owner@moonfleet.local --as ada@moonfleet.local
    [[ "$(users)" != *joan* ]]
}

@test "a group's role is lost by leaving it, at once" {
    two_instances
    mf list >/dev/null
    grant_role data-scientists "AzureML Compute Operator" >/dev/null
    mf group create analysts
    mf group add data-scientists analysts
    mf user create joan@b.c
    run -1 --separate-stderr mf list --as joan@b.c
    mf group add analysts joan@b.c
    run -0 --separate-stderr mf list --as joan@b.c
    mf group remove analysts joan@b.c
    run -1 --separate-stderr mf list --as joan@b.c
}

@test "foreign names cannot drive the terminal" {
    run -1 --separate-stderr mf group create $'a\e[2Jb'
    [[ "$stderr" != *$'\e'* ]]
    mf group create $'gr\xc3\xbcn \xf0\x9f\x9a\x80 \xe2\x80\xae x'
    run -0 --separate-stderr mf group list
    [[ "$output" != *$'\xe2\x80\xae'* ]]
    says $'gr\xc3\xbcn'
}

@test "names of a recipe that nobody has, or several, are errors at their lines" {
    mf group create team
    rest POST /v1.0/groups '{"displayName":"TEAM"}' >/dev/null
    cat >fleet.lua <<'RECIPE'
fleet "t" { defaults = { size = "Standard_DS3_v2" } }
instance "t-one" { assigned_to = user "adda@moonfleet.local" }
grant { role = "Reader", to = group "data-scientist" }
grant { role = "Reader", to = service_principal "automatoin" }
grant { role = "Reader", to = group "team" }
grant { role = "Reader", to = user "00000000-0000-4000-8000-0000000009ff" }
RECIPE
    run -1 --separate-stderr mf plan fleet.lua
    says "fleet.lua:2: instance 't-one': the directory has no user 'adda@moonfleet.local', did you mean 'ada@moonfleet.local'?"
    says "fleet.lua:3: grant 'Reader': the directory has no group 'data-scientist', did you mean 'data-scientists'?"
    says "fleet.lua:4: grant 'Reader': the directory has no service principal 'automatoin', did you mean 'automation'?"
    says "fleet.lua:5: grant 'Reader': the directory has 2 groups called 'team'"
    for id in $(mf group list --json | jq -r '.groups[] | select(.displayName | ascii_downcase == "team").id'); do
        says "$id"
    done
    says "fleet.lua:6: grant 'Reader': the directory has no user '00000000-0000-4000-8000-0000000009ff'"
}

@test "another person for an instance is a replacement" {
    two_instances
    mf apply fleet.lua --yes --force-checks assigned
    sed -i 's/ada@/linus@/' fleet.lua
    run -0 --separate-stderr mf plan fleet.lua --json --force-checks assigned
    jq -e '[.. | objects | select(.name? == "team-ada" and .action? == "replace")] | length == 1' <<<"$output"
    run -1 --separate-stderr mf apply fleet.lua --yes --force-checks assigned
    says "--replace team-ada"
    [ "$(mf show team-ada --json | jq -r .assignedTo)" = ada@moonfleet.local ]
    mf apply fleet.lua --yes --force-checks assigned --replace team-ada
    [ "$(mf show team-ada --json | jq -r .assignedTo)" = linus@moonfleet.local ]
}

@test "an organisation's directory is not changed" {
    command -v python3 >/dev/null || skip "needs python3 for a server that is no plane"
    mkdir nothing
    python3 -u -m http.server 0 --bind 127.0.0.1 --directory nothing >server.log 2>&1 3>&- &
    server=$!
    wait_until grep -q "port [0-9]" server.log
    port=$(sed -n 's/.* port \([0-9]*\).*/\1/p' server.log | head -1)
    mf context set other --plane "http://127.0.0.1:$port" --subscription s --resource-group g --workspace w
    run -1 --separate-stderr mf user create joan@b.c --context other
    kill "$server"
    says "the directory of context 'other' is an organisation's, and not ours to change"
}
