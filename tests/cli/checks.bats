# checks.bats - what is looked at before anything is touched.
load ../helpers

setup() {
    own_folders
}

teardown() {
    stop_plane
}

# small_plane <cores of a family>: a plane of our own with so little quota.
small_plane() {
    jq ".quota.coresPerFamily = $1" "$SOURCE_DIR/runtime/plane/seed.json" >seed.json
    start_plane --seed seed.json
}

team() { # <count> <size>
    cat >fleet.lua <<EOF
fleet "team" { defaults = { size = "${2:-Standard_DS3_v2}" } }
for i = 1, $1 do
  instance(("team-%02dx"):format(i)) {}
end
EOF
}

@test "a recipe over the quota fails its plan with the three figures" {
    small_plane 12
    team 2
    mf apply fleet.lua --yes
    team 5
    run --separate-stderr mf plan fleet.lua
    [ "$status" -eq 1 ]
    says "Standard DSv2 Family Cluster Dedicated vCPUs in westeurope: 8 cores are used, 20 after this plan, the limit is 12"
    says "fleet.lua:3"
    says "--force-checks quota"
    run --separate-stderr mf plan fleet.lua --json
    [ "$status" -eq 1 ]
    [ "$(jq -r '.checks[] | select(.check == "quota" and .status == "failure") | .at.line' <<<"$output")" -eq 3 ]
    run --separate-stderr mf apply fleet.lua --yes
    [ "$status" -eq 1 ]
    says "nothing was changed"
    [ "$(mf list --json | jq '.instances | length')" -eq 2 ]
}

@test "forced past the check, the plane refuses and the rest of the fleet is made" {
    small_plane 12
    team 5
    run --separate-stderr mf apply fleet.lua --yes --force-checks quota
    [ "$status" -eq 1 ]
    says "(forced)"
    says "ClusterCoreQuotaReached"
    [ "$(mf list --json | jq '.instances | length')" -eq 3 ]
}

@test "a stopped instance keeps its cores" {
    small_plane 12
    team 3
    mf apply fleet.lua --yes
    mf stop --all
    team 4
    run --separate-stderr mf plan fleet.lua
    [ "$status" -eq 1 ]
    says "12 cores are used, 16 after this plan, the limit is 12"
}

@test "cores that a deletion frees count, and the deletion then goes first" {
    small_plane 12
    team 3
    mf apply fleet.lua --yes
    sed -i 's/team-/crew-/' fleet.lua
    run --separate-stderr mf apply fleet.lua --yes
    [ "$status" -eq 0 ]
    [ "$(mf list --json | jq -r '[.instances[].name] | join(" ")')" = "crew-01x crew-02x crew-03x" ]
    mf plan fleet.lua --detailed-exitcode
}

@test "new names are asked for" {
    team 1
    mf plan fleet.lua >/dev/null
    run --separate-stderr mf plan fleet.lua --json
    [ "$(jq -r '.checks[] | select(.check == "names") | .status' <<<"$output")" = ok ]
}

@test "only checks that exist can be forced" {
    team 1
    run --separate-stderr mf apply fleet.lua --yes --force-checks quotas
    [ "$status" -eq 64 ]
    says "no check 'quotas', did you mean 'quota'?"
    run --separate-stderr mf plan fleet.lua --force-checks quota,sizes
    [ "$status" -eq 0 ]
}

@test "a plan whose checks failed is not saved, a forced one is, and is applied" {
    small_plane 8
    team 3
    run --separate-stderr mf plan fleet.lua --out saved.plan
    [ "$status" -eq 1 ]
    says "the plan was not saved"
    [ ! -e saved.plan ]
    mf plan fleet.lua --out saved.plan --force-checks quota
    run --separate-stderr mf apply saved.plan --yes
    [ "$status" -eq 1 ]
    says "ClusterCoreQuotaReached"
    [ "$(mf list --json | jq '.instances | length')" -eq 2 ]
}
