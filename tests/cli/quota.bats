#!/usr/bin/env bats
# quota, quota set, sizes.

load ../helpers

setup() {
    own_folders
    team_may
}
teardown() { stop_plane; }

# row <name>: the columns behind it in the table of quota.
row() { mf quota | tr -s ' ' | sed -n "s/^$1 //p" | sed 's/ *$//'; }

@test "quota shows what is used, a stopped instance included" {
    two_instances
    mf apply fleet.lua --yes >/dev/null 2>&1
    mf stop team-ada
    [ "$(row DSv2)" = "8 100000 99992" ]
    [ "$(row 'total cores')" = "8 100000 99992" ]
    [ "$(row instances)" = "2 100000 99998" ]
    [ -z "$(row NCSv3)" ]
    run -0 --separate-stderr mf quota --all
    says "NCSv3"
    run -0 --separate-stderr mf quota --json
    jq -e '.location == "westeurope" and .total.used == 8 and (.families | length) > 20' <<<"$output"
    jq -e '.families[] | select(.family == "standardDSv2Family") | .used == 8 and .left == 99992' <<<"$output"
}

@test "quota set takes a family by any name, a size, and the total" {
    run -0 --separate-stderr mf quota set dsv2 16
    says "DSv2: 16 cores in westeurope, 0 used, 16 left"
    [ "$(row DSv2)" = "0 16 16" ]
    mf quota set Standard_DS3_v2 12
    [ "$(row DSv2)" = "0 12 12" ]
    run -0 --separate-stderr mf quota set total 100 --json
    jq -e '.limit == 100 and .before == 100000 and .used == 0' <<<"$output"
    mf quota set DSv2 8 --location northeurope
    [ "$(row DSv2)" = "0 12 12" ]
    mf quota set DSv2 12 # twice
}

@test "quota set refuses what cannot be" {
    two_instances
    mf apply fleet.lua --yes >/dev/null 2>&1
    run -1 --separate-stderr mf quota set DSv2 7
    says "7 cores are fewer than the 8 that are in use"
    run -1 --separate-stderr mf quota set DSv2 100001
    says "moonfleet quota set total 100001"
    run -1 --separate-stderr mf quota set DSv22 8
    says "did you mean 'DSv2'?"
    run -1 --separate-stderr mf quota set $'\e[2J' 8
    [[ "$stderr" != *$'\e'* ]]
    for cores in x -1 1.5 '' 99999999999999999999; do
        run -64 --separate-stderr mf quota set DSv2 -- "$cores"
    done
    run -1 --separate-stderr mf quota --location mars
    says "mars"
    [ "$(row DSv2)" = "8 100000 99992" ]
}

@test "what is over the quota is refused by the plane with its code, and the rest is made" {
    two_instances
    mf quota set DSv2 7
    run -1 --separate-stderr mf apply fleet.lua --yes --force-checks quota
    says "ClusterCoreQuotaReached"
    says "Current Limit: 7, Current Usage: 4, Additional Required: 4"
    [ "$(mf list --json | jq '.instances | length')" = 1 ]
}

@test "sizes are filtered by family, GPU and name" {
    run -0 --separate-stderr mf sizes --json
    [ "$(jq '.sizes | length' <<<"$output")" = 92 ]
    [ "$(mf sizes --gpu --json | jq '[.sizes[] | select(.gpus == 0)] | length')" = 0 ]
    [ "$(mf sizes --family standardDSv2Family --json | jq -r '[.sizes[].family] | unique | .[]')" = standardDSv2Family ]
    run -0 --separate-stderr mf sizes 'standard_ds3_*'
    says "Standard_DS3_v2 DSv2   4     14 GB"
    run -1 --separate-stderr mf sizes --family DSv
    says "there is no VM family 'DSv'"
    run -0 --separate-stderr mf sizes nothing
    says "no sizes"
}
