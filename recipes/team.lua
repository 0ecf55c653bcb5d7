-- team.lua - a team of people.csv, each with an instance and a Python environment of the same make.
--
--     moonfleet setup lint recipes/team.lua
--     moonfleet plan recipes/team.lua
--     moonfleet plan recipes/team.lua -p packages=numpy,pandas

local team = parameter("team", { default = "team", description = "what every name begins with" })
local packages = parameter("packages", { type = "list", default = {}, description = "what pip installs" })

fleet(team) {
  defaults = {
    size          = "Standard_DS3_v2",
    idle_shutdown = "1h",
    schedules     = { { stop = "0 19 * * 1-5", time_zone = "W. Europe Standard Time" } },
  },
}

-- Whoever has an instance may start and stop it; the plan says so when somebody may not.
grant { role = "AzureML Compute Operator", to = group "data-scientists" }

-- The same for everybody: it does not ask which instance it runs on, so the local plane makes it once.
local environment = setup_script "setup/python-venv.sh" {
  with    = { name = team, packages = packages },
  timeout = "20m",
  cache   = true,
}

for _, person in ipairs(csv "people.csv") do
  instance(team .. "-" .. person.login) {
    assigned_to = user(person.upn),
    setup       = environment,
    tags        = { owner = person.login },
  }
end

output("instances", #instances())
