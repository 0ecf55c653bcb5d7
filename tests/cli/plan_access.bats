#!/usr/bin/env bats
# A plan knows what its people and its caller may do, and says what its grants change.

load ../helpers

setup() { own_folders; }
teardown() { stop_plane; }

ada=ada@moonfleet.local
operator="AzureML Compute Operator"

# team <more lines>
team() {
    cat >fleet.lua <<EOF
fleet "team" { defaults = { size = "Standard_DS3_v2" } }
instance "team-ada" { assigned_to = user "$ada" }
${1:-}
EOF
}

# check NAME STATUS: the messages of such findings.
check() {
    mf plan fleet.lua --json 2>/dev/null |
        jq -r --arg name "$1" --arg status "$2" '.checks[] | select(.check == $name and .status == $status) | .message'
}

@test "whoever may not start their instance fails the plan, and the line that it gives mends it" {
    team
    run --separate-stderr mf plan fleet.lua
    [ "$status" -eq 1 ]
    says "fleet.lua:2: $ada lacks computes/start, computes/stop, computes/restart"
    says "at instance team-ada"
    local line
    line=$(mf plan fleet.lua --json 2>/dev/null | jq -r '.checks[] | select(.check == "assigned") | .mend')
    [ "$line" = "grant { role = \"$operator\", to = user \"$ada\" }" ]
    run --separate-stderr mf apply fleet.lua --yes
    [ "$status" -eq 1 ]
    [ "$(mf list --json | jq '.instances | length')" -eq 0 ]
    echo "$line" >>fleet.lua
    run -0 --separate-stderr mf plan fleet.lua
    run -0 --separate-stderr mf apply fleet.lua --yes
    mf --as $ada stop team-ada
    mf --as $ada start team-ada
    run -0 --separate-stderr mf plan fleet.lua --detailed-exitcode
}

@test "what a plan takes from a person is a failure, what they lost before is a warning" {
    team "grant { role = \"$operator\", to = user \"$ada\" }"
    mf apply fleet.lua --yes
    team
    [ -n "$(check assigned failure)" ]
    [[ "$(check effects warning)" == "$ada may no longer "*"start, stop"* ]]
    mf apply fleet.lua --yes --force-checks assigned
    [ -n "$(check assigned warning)" ]
    run -0 --separate-stderr mf plan fleet.lua
}

@test "a role of the recipe's own counts, and its effect is told" {
    team 'role "Driver" { actions = { "computes/read", "computes/start", "computes/stop", "computes/restart", "computes/applicationaccess" } }
grant { role = "Driver", to = group "data-scientists" }'
    run -0 --separate-stderr mf plan fleet.lua
    says "group data-scientists (4 members) may then see, start, stop, restart and use the applications of instances, at workspace ds-workspace"
    says "lacks computes/updateSchedules"
    mf apply fleet.lua --yes
    mf can $ada restart instance:team-ada
    run --separate-stderr mf can $ada computes/delete instance:team-ada
    [ "$status" -eq 1 ]
}

@test "the caller: what they may not, where, and who may help" {
    mf grant Contributor --to $ada
    team "grant { role = \"$operator\", to = group \"data-scientists\" }"
    run --separate-stderr mf --as $ada plan fleet.lua
    [ "$status" -eq 1 ]
    says "$ada may not give roles to people (roleAssignments/write) at workspace ds-workspace"
    team
    run -0 --separate-stderr mf --as $ada plan fleet.lua
    says "$ada may do all that this needs"
}

@test "who may not read roles plans all the same: unknown stops nothing" {
    mf grant "AzureML Data Scientist" --to $ada
    team
    run --separate-stderr mf --as $ada plan fleet.lua --json
    [ "$(jq -r '[.checks[] | select(.check == "assigned")][0].status' <<<"$output")" != failure ]
    mf apply fleet.lua --yes
    run -0 --separate-stderr mf --as $ada plan fleet.lua
}

@test "hundreds of people stay readable" {
    mf list >/dev/null
    for i in $(seq 1 8); do mf user create "p$i@moonfleet.local" >/dev/null; done
    cat >fleet.lua <<'EOF'
fleet "team" { defaults = { size = "Standard_DS3_v2" } }
for i = 1, 8 do instance(("team-%02dx"):format(i)) { assigned_to = user(("p%d@moonfleet.local"):format(i)) } end
EOF
    [ "$(check assigned failure | wc -l)" -eq 4 ]
    [[ "$(check assigned failure | tail -1)" == "5 more people lack computes/start"* ]]
}

@test "a right that a plan gives to its caller comes too late for giving it" {
    mf grant Contributor --to $ada
    cat >fleet.lua <<EOF
fleet "self" {}
grant { role = "User Access Administrator", to = user "$ada" }
EOF
    run --separate-stderr mf --as $ada plan fleet.lua
    [ "$status" -eq 1 ]
    says "$ada may not give roles to people (roleAssignments/write) at workspace ds-workspace"
}

@test "a role is changed by who may do so wherever it can be assigned" {
    mf grant Owner --to $ada
    cat >fleet.lua <<EOF
fleet "roles" {}
role "Driver" { actions = { "computes/start" }, assignable_scopes = { "workspace", "resource-group" } }
EOF
    run --separate-stderr mf --as $ada plan fleet.lua
    [ "$status" -eq 1 ]
    says "$ada may not make and change roles (roleDefinitions/write) at resource group moonfleet"
}

@test "a plan that takes from its caller the right to take says so" {
    mf grant Reader --to $ada --at subscription
    cat >fleet.lua <<EOF
fleet "self" {}
grant { role = "Owner", to = user "$ada" }
EOF
    mf apply fleet.lua --yes
    run -0 --separate-stderr mf --as $ada destroy fleet.lua --yes
    says "loses this right by this very plan"
}

@test "a role that somebody else was given is not deleted, and the plan says so" {
    team 'role "Driver" { actions = { "computes/start" } }
grant { role = "Driver", to = group "data-scientists" }'
    mf apply fleet.lua --yes --force-checks assigned
    mf grant Driver --to linus@moonfleet.local
    team
    [ "$(check effects failure)" = "role 'Driver' cannot be deleted: linus@moonfleet.local still has it at workspace ds-workspace" ]
    mf revoke Driver --from linus@moonfleet.local
    [ -z "$(check effects failure)" ]
    run -0 --separate-stderr mf apply fleet.lua --yes --force-checks assigned
    says "deleted role Driver"
    says "deleted grant Driver to group data-scientists"
}
