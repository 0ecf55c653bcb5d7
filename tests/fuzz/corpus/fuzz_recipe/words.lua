local team = parameter("team", { default = "ds", description = "prefix" })
fleet(team) { location = "westeurope", defaults = { size = "Standard_DS3_v2", tags = { a = "b" } } }
local s = setup_script "x.sh" { args = { "a" }, timeout = "20m" }
for i, row in ipairs(csv "people.csv") do
  instance(team .. "-" .. i .. "x") { assigned_to = user "ada@moonfleet.local", setup = s,
    schedules = { { stop = "0 19 * * 1-5" } }, power = "stopped", startup = setup_script { inline = [[echo]] } }
end
output("n", #instances())
