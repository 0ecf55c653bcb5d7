-- Every word once, as the design shows them.
local team = parameter("team", { default = "ds", description = "prefix of every instance name" })
local region = env "RECIPE_TEST_REGION"

fleet(team) {
  workspace = "ds-workspace",
  location  = region,
  defaults  = {
    size          = "Standard_DS3_v2",
    idle_shutdown = "1h",
    tags          = { cost_center = "4711" },
  },
}

local environment = setup_script "setup/python.sh" { args = { "numpy", 3 }, timeout = "20m" }
local greeting = setup_script { inline = [[
#!/bin/sh
echo "hello"
]] }

for _, person in ipairs(csv "people.csv") do
  instance(team .. "-" .. person.login) {
    assigned_to = user(person.upn),
    setup       = environment,
    startup     = greeting,
    ssh         = { public_key = file("keys/" .. person.login .. ".pub") },
    schedules   = { { stop = "0 19 * * 1-5", time_zone = "W. Europe Standard Time" } },
    power       = "running",
    protect     = person.vip == "yes",
    tags        = {},
  }
end

instance "shared" {
  assigned_to = group "data-scientists",
  identity    = service_principal "automation",
  size        = json "sizes.json".large,
}

output("instances", #instances())
output("first", instances()[1])
output("numbers", { 1, 2.5, -3, 9007199254740992 // 1024, 1e100 })
print("made", #instances(), "instances")
