#!/usr/bin/env bats
# The plane decides who may do what: by roles, groups, custom roles, and beyond them; and tells of it.

load ../helpers

setup() {
    own_folders
    cat >fleet.lua <<'RECIPE'
fleet "team" { defaults = { size = "Standard_DS3_v2" } }
instance "team-ada" { assigned_to = user "ada@moonfleet.local", power = "stopped" }
RECIPE
    mf apply fleet.lua --yes --force-checks assigned >/dev/null
}

teardown() {
    stop_plane
}

ADA=ada@moonfleet.local
LINUS=linus@moonfleet.local
SIZE='{"location":"westeurope","properties":{"computeType":"ComputeInstance","properties":{"vmSize":"Standard_DS3_v2"}}}'
LEARNING_VERSION="api-version=2024-10-01"

# as WHO METHOD COMPUTE-OR-ACTION [BODY]: a request about computes; prints the status and the body.
as() {
    curl -sS --unix-socket "$XDG_RUNTIME_DIR/moonfleet/plane.sock" -H "x-moonfleet-as: $1" -X "$2" \
        ${4:+-H "Content-Type: application/json" -d "$4"} -w '%{http_code}' \
        "http://localhost$WORKSPACE/computes$3?$LEARNING_VERSION"
}

creates() {
    as "$1" PUT /team-new "$SIZE"
}

@test "without a role everything is refused, with the action and the scope" {
    run -1 --separate-stderr mf --as "$LINUS" list
    says "Microsoft.MachineLearningServices/workspaces/computes/read"
    says "$WORKSPACE"
    run -1 --separate-stderr mf --as "$LINUS" start team-ada
    says "computes/start/action"
    says "$WORKSPACE/computes/team-ada"
    run -1 --separate-stderr mf --as "$LINUS" delete team-ada --yes
    says "AuthorizationFailed"
    run -1 --separate-stderr mf --as "$LINUS" list --json
    says "AuthorizationFailed"
    [[ "$(creates "$LINUS")" == *AuthorizationFailed*computes/write*403 ]]
}

@test "AzureML Compute Operator starts, stops and restarts but does not create" {
    grant_role ada "AzureML Compute Operator"
    run -0 mf --as "$ADA" start team-ada
    run -0 mf --as "$ADA" restart team-ada
    run -0 mf --as "$ADA" stop team-ada
    run -0 mf --as "$ADA" list
    [[ "$(creates "$ADA")" == *checkComputeNameAvailability/action*"$WORKSPACE'"*403 ]]
    run -1 mf --as "$LINUS" list
}

@test "a group's role is its members', until it is taken back" {
    local id
    id=$(grant_role data-scientists "AzureML Compute Operator" | jq -r .id)
    run -0 mf --as "$LINUS" start team-ada
    rest DELETE "$id?$AUTHORIZATION_VERSION" >/dev/null
    run -1 mf --as "$LINUS" stop team-ada
}

@test "AzureML Data Scientist starts and stops but does not create" {
    grant_role linus "AzureML Data Scientist"
    run -0 mf --as "$LINUS" start team-ada
    run -0 mf --as "$LINUS" stop team-ada
    [[ "$(creates "$LINUS")" == *computes/write*403 ]]
    run -1 mf --as "$LINUS" delete team-ada --yes
}

@test "Contributor creates but does not grant" {
    grant_role linus Contributor
    [[ "$(creates "$LINUS")" == *201 ]]
    run ! grant_role ada Reader "$WORKSPACE" -H "x-moonfleet-as: $LINUS"
    [[ "$output" == *AuthorizationFailed*Microsoft.Authorization/roleAssignments/write* ]]
}

@test "a custom role does exactly what it says" {
    local role=22222222-0000-4000-8000-000000000001
    rest PUT "$WORKSPACE$AUTHORIZATION/roleDefinitions/$role?$AUTHORIZATION_VERSION" '{"properties":{
        "roleName":"Starter","assignableScopes":["'"$WORKSPACE"'"],"permissions":[{
        "actions":["Microsoft.MachineLearningServices/workspaces/computes/read",
                   "Microsoft.MachineLearningServices/workspaces/computes/start/action"]}]}}'
    grant_role linus "$AUTHORIZATION/roleDefinitions/$role"
    run -0 mf --as "$LINUS" start team-ada
    run -1 --separate-stderr mf --as "$LINUS" stop team-ada
    says "computes/stop/action"
    run -0 mf --as "$LINUS" list
}

@test "exec is the assigned person's alone, whatever roles others have" {
    grant_role ada "AzureML Compute Operator"
    grant_role linus Owner
    run -0 mf start team-ada
    run -1 --separate-stderr mf --as "$LINUS" exec team-ada -- true
    says ApplicationAccessDenied
    run -1 --separate-stderr mf exec team-ada -- true
    says ApplicationAccessDenied
    run -1 --separate-stderr mf --as "$ADA" exec team-ada -- true
    says "driver" # a simulated instance has no inside: so far did she come
}

@test "the audit log tells who did what as whom, and outlives a crash" {
    run -1 mf --as "$LINUS" start team-ada
    run -0 mf start team-ada
    kill -9 "$(mf serve --status --json | jq .pid)"
    rest_after_crash() { mf list >/dev/null && rest GET "/moonfleet/audit?top=2"; }
    run -0 rest_after_crash
    [ "$(jq -r '.value[] | [.outcome, .caller.name, .as.name // "-", .status] | join(" ")' <<<"$output")" = \
        "done owner@moonfleet.local - 202
denied owner@moonfleet.local $LINUS 403" ]
    run ! rest GET /moonfleet/audit "" -H "x-moonfleet-as: $ADA"
}
