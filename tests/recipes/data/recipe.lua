fleet "ds" { location = print }
instance "h1" { tags = { large = math.maxinteger } }
local loop = {}
loop.again = { loop }
local deep = {}
local inner = deep
for _ = 1, 40 do
  inner.next = {}
  inner = inner.next
end
instance "a1" {
  tags = { f = function() end, mixed = { 1, x = 2 }, holes = { [1] = 1, [3] = 3 }, [true] = 1 },
}
instance "b1" { tags = loop }
instance "c1" { tags = deep }
instance "d1" { tags = { text = "\xff", zero = "a\0b", nan = 0 / 0, infinite = math.huge } }
instance "e1" { tags = { ["$user"] = "ada" } }
instance "f1" { "not", "named" }
instance "g1" { tags = coroutine.create(print) }
output("bad", { nested = { value = setmetatable } })
