local team = parameter "team"
local count = parameter("count", { default = 1, min = 1, max = 3 })
local big = parameter("big", { type = "boolean", default = false })
local size = parameter("size", { default = "small", choices = { "small", "large" } })
local factor = parameter("factor", { type = "number" })
fleet(team) {}
for i = 1, count do
  instance(("%s-%d%s"):format(team, i, big and "x" or "y")) { size = size, tags = { factor = factor } }
end
