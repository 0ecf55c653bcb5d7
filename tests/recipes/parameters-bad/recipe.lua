local team = parameter "team"
local count = parameter("count", { default = 1, min = 1, max = 3 })
local big = parameter("big", { type = "boolean", default = false })
local size = parameter("size", { default = "small", choices = { "small", "large" } })
parameter("wrong", { default = "x", type = "number" })
parameter("odd", { default = 1, typ = "number" })
parameter("odd", { default = 2 })
parameter("none", { type = "text", default = "a" })
fleet(team) {}
instance(team .. "-1") { size = size }
