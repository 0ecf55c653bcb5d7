#!/usr/bin/env bats
# can, why, roles, grants, grant, revoke, audit: who may do what, and because of what.

load ../helpers

setup() { own_folders; }
teardown() { stop_plane; }

ada=ada@moonfleet.local
grace=grace@moonfleet.local
operator="AzureML Compute Operator"

# instance_of <login> [sharing]: an instance that the owner made for that person.
instance_of() {
    cat >fleet.lua <<EOF
fleet "team" { defaults = { size = "Standard_DS3_v2" } }
instance "team-$1" { assigned_to = user "$1@moonfleet.local" }
EOF
    mf apply fleet.lua --yes --force-checks assigned >/dev/null
}

@test "whoever has no role is refused, with the action and the scope named" {
    run --separate-stderr mf --as $ada list
    [ "$status" -eq 1 ]
    says "Microsoft.MachineLearningServices/workspaces/computes/read"
    says "/workspaces/ds-workspace"
    run --separate-stderr mf can $ada computes/read
    [ "$status" -eq 1 ]
    says "no: $ada may not see instances (computes/read) at workspace ds-workspace"
}

@test "a role by way of the group: can, why and the plane agree" {
    instance_of ada
    run -0 --separate-stderr mf grant "$operator" --to data-scientists
    says "granted '$operator' to data-scientists at workspace ds-workspace"
    run -0 --separate-stderr mf can $ada computes/stop instance:team-ada
    says "by the role '$operator' of group data-scientists at workspace ds-workspace"
    run -0 --separate-stderr mf why $ada computes/stop instance:team-ada
    says "$ada is a member of group data-scientists"
    says "group data-scientists has the role '$operator' at workspace ds-workspace"
    says "the role gives 'Microsoft.MachineLearningServices/workspaces/computes/*'"
    run -0 --separate-stderr mf --as $ada stop team-ada
    run -0 --separate-stderr mf --as $ada start team-ada
    run -0 --separate-stderr mf why $ada computes/write
    says "note: creating a new instance also asks for checkComputeNameAvailability"
}

@test "the word of a short action: near matches, several, whole ones" {
    run --separate-stderr mf can $ada computes/strat
    [ "$status" -eq 64 ]
    says "did you mean 'computes/start'?"
    run --separate-stderr mf can $ada write
    [ "$status" -eq 64 ]
    says "several actions"
    run --separate-stderr mf can $ada computes/start instanc:x
    [ "$status" -eq 64 ]
    says "did you mean 'instance'?"
    run --separate-stderr mf can ada@monfleet.local start
    [ "$status" -eq 1 ]
    says "did you mean '$ada'?"
    run --separate-stderr mf can me Microsoft.Storage/storageAccounts/read /
    [ "$status" -eq 0 ]
}

@test "denied: what comes nearest, the smallest role, and the command to type" {
    mf grant Reader --to $ada --at subscription
    run -0 --separate-stderr mf why $ada computes/start instance:x
    says "no: $ada may not start instances"
    says "moonfleet grant '$operator' --to $ada --at instance:x"
    mf grant Contributor --to $ada
    run -0 --separate-stderr mf why $ada roleAssignments/write
    says "takes 'Microsoft.Authorization/*/Write' out again"
    # The command that was told does it.
    eval "$(mf why $grace computes/start --json | jq -r .command | sed 's/^moonfleet/mf/')"
    mf can $grace computes/start
}

@test "can as JSON" {
    run --separate-stderr mf can $ada computes/start --json
    [ "$status" -eq 1 ]
    [ "$(jq -r .answer <<<"$output")" = denied ]
    [ "$(jq -r .suggestedRole <<<"$output")" = "$operator" ]
    run -0 --separate-stderr mf can me computes/start --json
    [ "$(jq -r '.answer, .assignment.role, .assignment.scope' <<<"$output" | xargs)" = "allowed Owner /" ]
}

@test "who may not read roles is told what they themselves may do" {
    mf grant "$operator" --to $ada
    run -0 --separate-stderr mf --as $ada can me computes/start
    run --separate-stderr mf --as $ada can me roleAssignments/write
    [ "$status" -eq 1 ]
    says "no: "
    run --separate-stderr mf --as $ada can $grace computes/start
    [ "$status" -eq 1 ]
    says "unknown: "
    says "roleAssignments/read"
    run --separate-stderr mf --as $ada grants
    [ "$status" -eq 1 ]
    says "roleAssignments/read"
}

@test "an Owner may not use another's instance, and can says so" {
    instance_of ada
    mf grant "$operator" --to $ada
    run --separate-stderr mf can me applicationaccess instance:team-ada
    [ "$status" -eq 1 ]
    run -0 --separate-stderr mf why me applicationaccess instance:team-ada
    run -0 --separate-stderr mf can $ada applicationaccess instance:team-ada
    run --separate-stderr mf exec team-ada -- true
    [ "$status" -eq 1 ]
    says "ApplicationAccessDenied"
    run --separate-stderr mf can me applicationaccess instance:not-there
    [ "$status" -eq 0 ]
    says "there is no instance not-there yet"
}

@test "grants: inherited ones marked, those of groups with --for" {
    mf grant "$operator" --to data-scientists
    mf grant Reader --to $ada --at instance:team-ada
    run -0 --separate-stderr mf grants --json
    [ "$(jq -r '.grants[] | "\(.who)|\(.role)|\(.inherited)"' <<<"$output" | sort)" = \
        "ada@moonfleet.local|Reader|false
group data-scientists|AzureML Compute Operator|false
owner@moonfleet.local|Owner|true" ]
    [ "$(mf grants --for $ada --json | jq '.grants | length')" -eq 2 ]
    [ "$(mf grants --for margaret@moonfleet.local --json | jq -r '.grants[].role')" = "$operator" ]
    run -0 --separate-stderr mf grants
    says "inherited"
    says "below"
}

@test "granting again changes nothing; revoking takes away what was given there" {
    run -0 --separate-stderr mf grant "$operator" --to $ada --json
    [ "$(jq .changed <<<"$output")" = true ]
    run -0 --separate-stderr mf grant "${operator,,}" --to $ada
    says "already granted"
    run -0 --separate-stderr mf revoke "$operator" --from $ada
    says "revoked '$operator' from $ada at workspace ds-workspace"
    run --separate-stderr mf revoke "$operator" --from $ada
    [ "$status" -eq 1 ]
    says "nothing to revoke"
    run --separate-stderr mf can $ada computes/start
    [ "$status" -eq 1 ]
}

@test "what is inherited, or a group's, is explained and not revoked" {
    mf grant "$operator" --to data-scientists
    run --separate-stderr mf revoke "$operator" --from $ada
    [ "$status" -eq 1 ]
    says "by way of group data-scientists"
    mf grant Reader --to $grace --at resource-group
    run --separate-stderr mf revoke Reader --from $grace
    [ "$status" -eq 1 ]
    says "revoke it there, with --at resource-group"
    [ "$(mf grants --json | jq '.grants | length')" -eq 3 ]
}

@test "wrong words of grant and revoke" {
    run --separate-stderr mf grant Ownr --to $ada
    [ "$status" -eq 1 ]
    says "did you mean 'Owner'?"
    run --separate-stderr mf grant Owner
    [ "$status" -eq 64 ]
    says "grant needs --to WHO"
    run --separate-stderr mf grant Reader --to nobody
    [ "$status" -eq 1 ]
    says "nobody called 'nobody'"
    run --separate-stderr mf --as $ada grant Owner --to $ada
    [ "$status" -eq 1 ]
    run --separate-stderr mf can $ada roleAssignments/write
    [ "$status" -eq 1 ]
}

@test "only who may grant grants" {
    mf grant Contributor --to $ada
    run --separate-stderr mf --as $ada grant Reader --to $grace
    [ "$status" -eq 1 ]
    says "Microsoft.Authorization/roleAssignments/write"
    mf grant "User Access Administrator" --to $ada
    mf --as $ada grant Reader --to $grace
    mf can $grace computes/read
}

@test "roles: all, one whole, near matches" {
    run -0 --separate-stderr mf roles --json
    [ "$(jq '[.roles[] | select(.custom)] | length' <<<"$output")" -eq 0 ]
    jq -e '.roles | map(.name) | index("Contributor")' <<<"$output"
    run -0 --separate-stderr mf roles "azureml data scientist"
    says "not actions     Microsoft.MachineLearningServices/workspaces/delete"
    run -0 --separate-stderr mf roles Contributor --json
    [ "$(jq -r .id <<<"$output" | grep -o '[^/]*$')" = b24988ac-6180-42a0-ab88-20f7382dd24c ]
    run --separate-stderr mf roles Contributer
    [ "$status" -eq 1 ]
    says "did you mean 'Contributor'?"
}

@test "audit: who did what, as whom, and what was refused" {
    mf grant "$operator" --to $ada
    run --separate-stderr mf --as $ada grant Owner --to $ada
    [ "$status" -eq 1 ]
    run -0 --separate-stderr mf audit
    says "owner@moonfleet.local as $ada"
    says "roleAssignments/write"
    run -0 --separate-stderr mf audit --denied --json
    [ "$(jq -r '[.lines[] | select(.outcome != "denied")] | length' <<<"$output")" -eq 0 ]
    [ "$(jq -r '.lines[0].as.name' <<<"$output")" = $ada ]
    [ "$(mf audit --since 1h -n 1 --json | jq '.lines | length')" -eq 1 ]
    [ "$(mf audit --who $grace --json | jq '.lines | length')" -eq 0 ]
    [ "$(mf audit --since 2999-01-01 --json | jq '.lines | length')" -eq 0 ]
    run --separate-stderr mf audit --since yesterday
    [ "$status" -eq 64 ]
    run --separate-stderr mf --as $ada audit
    [ "$status" -eq 1 ]
}
