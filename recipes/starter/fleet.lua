-- fleet.lua - one instance for each person of people.csv.
--
--     moonfleet plan fleet.lua                what an apply would change
--     moonfleet apply fleet.lua               make it so
--     moonfleet help instance                 what else can be said about an instance

local team = parameter("team", { default = "ds", description = "prefix of every instance name" })

fleet(team) {
  defaults = { -- for every instance below
    size          = "Standard_DS3_v2",
    idle_shutdown = "1h",
    schedules     = { { stop = "0 19 * * 1-5", time_zone = "W. Europe Standard Time" } },
    tags          = { team = team },
  },
}

-- Without a role nobody may start their own machine.
grant { role = "AzureML Compute Operator", to = group "data-scientists" }

for _, person in ipairs(csv "people.csv") do
  instance(team .. "-" .. person.login) {
    assigned_to = user(person.upn), -- created on behalf of: only they may log in
    size        = person.size ~= "" and person.size or nil, -- the default's, when empty
    setup       = setup_script "setup/tools.sh" { args = { person.login }, timeout = "20m" },
  }
end

output("instances", #instances())
