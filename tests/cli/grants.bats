# grants.bats - grants and roles of a recipe, from its lines to who may do what.
load ../helpers

setup() {
    own_folders
}

teardown() {
    stop_plane
}

# team <more lines>: a recipe whose group may operate, and a role of its own for Ada.
team() {
    cat >fleet.lua <<EOF
fleet "team" { defaults = { size = "Standard_DS3_v2" } }
role "Starter" {
  actions = { "computes/read", "computes/start", "computes/stop" },
  description = "May start and stop",
}
grant { role = "AzureML Compute Operator", to = group "data-scientists" }
grant { role = "Starter", to = user "ada@moonfleet.local", scope = "instance:team-ada" }
instance "team-ada" { assigned_to = user "ada@moonfleet.local" }
${1:-}
EOF
}

# steps: what a plan would do, a word and a name a line.
steps() {
    mf plan fleet.lua --json | jq -r '.steps[] | "\(.action) \(.type) \(.name)"'
}

# granted: who has what where, of the fleet's own.
granted() {
    mf grants --json | jq -r '.grants[] | select(.fleet == "team") | "\(.who): \(.role)"' | sort
}

@test "grants and roles are planned, made, and then nothing is left to change" {
    team
    run --separate-stderr steps
    [ "$output" = "create role Starter
create grant AzureML Compute Operator to group data-scientists
create grant Starter to user ada@moonfleet.local at instance team-ada
create instance team-ada" ]
    mf apply fleet.lua --yes
    mf plan fleet.lua --detailed-exitcode
    [ "$(granted)" = "ada@moonfleet.local: Starter
group data-scientists: AzureML Compute Operator" ]
}

@test "what a recipe grants, its people may do" {
    team
    run --separate-stderr mf --as ada@moonfleet.local list
    [ "$status" -ne 0 ]
    mf apply fleet.lua --yes --parallel 1
    mf --as ada@moonfleet.local stop team-ada
    mf --as ada@moonfleet.local start team-ada
    run --separate-stderr mf --as ada@moonfleet.local plan fleet.lua
    [ "$status" -ne 0 ]
}

@test "a role of the recipe does exactly what it says" {
    team 'grant { role = "Starter", to = service_principal "automation" }'
    mf apply fleet.lua --yes
    mf can automation computes/start instance:team-ada
    run mf can automation computes/delete instance:team-ada
    [ "$status" -eq 1 ]
}

@test "another scope is another grant, and a role changes in place" {
    team
    mf apply fleet.lua --yes
    sed -i 's/instance:team-ada/resource-group/; s/, "computes.stop"/, "computes\/restart"/' fleet.lua
    run --separate-stderr steps
    [ "$output" = "update role Starter
delete grant Starter to user ada@moonfleet.local at instance team-ada
create grant Starter to user ada@moonfleet.local at resource group moonfleet" ]
    mf apply fleet.lua --yes
    mf plan fleet.lua --detailed-exitcode
}

@test "what a recipe no longer grants is taken back, and destroyed with the fleet" {
    team
    mf apply fleet.lua --yes
    sed -i '/AzureML Compute Operator/d' fleet.lua
    mf apply fleet.lua --yes --force-checks assigned # Starter alone lets nobody restart
    [ "$(granted)" = "ada@moonfleet.local: Starter" ]
    mf plan fleet.lua --detailed-exitcode
    mf destroy fleet.lua --yes --parallel 8
    [ -z "$(granted)" ]
    run mf roles Starter
    [ "$status" -ne 0 ]
}

@test "an equal grant that somebody else made is left alone" {
    mf grant "AzureML Compute Operator" --to data-scientists
    team
    run --separate-stderr mf plan fleet.lua
    says "granted already, not by this fleet"
    mf apply fleet.lua --yes
    mf plan fleet.lua --detailed-exitcode
    mf destroy fleet.lua --yes
    [ "$(mf grants --json | jq '[.grants[] | select(.role == "AzureML Compute Operator")] | length')" -eq 1 ]
}

@test "a fleet of the same name in another workspace is another fleet" {
    team
    mf apply fleet.lua --yes
    sed 's/fleet "team" {/fleet "team" { workspace = "other",/; /^instance/d; /instance:/d; /^role/,/^}/d' fleet.lua >other.lua
    run --separate-stderr mf plan other.lua
    [[ "$output" != *delete* ]]
}

@test "roles and people that do not exist are told with their lines" {
    team 'grant { role = "AzureML Compute Operater", to = group "data-scientist" }'
    run --separate-stderr mf plan fleet.lua
    [ "$status" -eq 1 ]
    says "fleet.lua:9: grant 'AzureML Compute Operater': the directory has no group 'data-scientist', did you mean 'data-scientists'?"
    sed -i 's/data-scientist" }/data-scientists" }/' fleet.lua
    run --separate-stderr mf plan fleet.lua
    says "fleet.lua:9: grant: there is no role 'AzureML Compute Operater', did you mean 'AzureML Compute Operator'?"
}

@test "the fields of grants and roles have help" {
    run --separate-stderr mf help role
    says "assignable_scopes"
    run --separate-stderr mf help grant
    says "--to WHO"
    says "where: workspace, instance:NAME"
}
