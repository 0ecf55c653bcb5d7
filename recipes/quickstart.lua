-- quickstart.lua - two instances, each for another person, each set up by the same shell script.
--
--     moonfleet apply recipes/quickstart.lua
--     moonfleet list
--     moonfleet logs qs-ada
--
-- It runs as it is on this machine's own plane: the persons are in its directory from the start.

local people = {
  { login = "ada", upn = "ada@moonfleet.local" },
  { login = "grace", upn = "grace@moonfleet.local" },
}

fleet "quickstart" {
  defaults = {
    size          = "Standard_DS3_v2",
    idle_shutdown = "1h",
    schedules     = { { stop = "0 19 * * 1-5", time_zone = "W. Europe Standard Time" } },
    tags          = { project = "quickstart" },
  },
}

-- Without a role nobody may start their own machine: the local directory's group has both persons.
grant { role = "AzureML Compute Operator", to = group "data-scientists" }

for _, person in ipairs(people) do
  instance("qs-" .. person.login) {
    assigned_to = user(person.upn), -- created on behalf of
    setup       = setup_script "setup/hello.sh" { args = { person.login }, timeout = "5m" },
    tags        = { owner = person.login },
  }
end

output("instances", #instances())
