-- What Lua offers to a recipe, and what it does not.
fleet "ds" {}

local function fails(expected, f, ...)
  local done, message = pcall(f, ...)
  assert(not done, "should have failed")
  assert(tostring(message):find(expected, 1, true), tostring(message) .. " / " .. expected)
end

-- not there: neither as globals nor as fields
for _, name in ipairs { "io", "os", "debug", "package", "dofile", "loadfile", "collectgarbage", "warn" } do
  assert(rawget(_G, name) == nil, name)
end
fails("not available", function() return string.dump end)
fails("not available", function() return math.random end)
fails("has no 'foo'", function() return table.foo end)

-- libraries and the metatable of strings are locked
assert(getmetatable("") == false)
assert(getmetatable(string) == false and getmetatable(_G) == false)
fails("cannot be changed", function() string.upper = string.lower end)
fails("protected", rawset, string, "upper", string.lower)
fails("protected", setmetatable, string, {})
fails("protected", setmetatable, _G, {})
assert(("x"):upper() == "X")
local names = {}
for name in pairs(coroutine) do names[#names + 1] = name end
assert(table.concat(names, " ") == "close create isyieldable resume running status wrap yield")

-- no finalizers, no weak tables
fails("__gc", setmetatable, {}, { __gc = function() end })
fails("__mode", setmetatable, {}, { __mode = "k" })
local object = setmetatable({}, { __index = { a = 1 }, __tostring = function() return "object" end })
assert(object.a == 1 and tostring(object) == "object")

-- no addresses
assert(tostring({}) == "table" and tostring(print) == "function")
assert(("%s %s %d%%"):format({}, object, 3) == "table object 3%")
assert(("%-8s|%5.1f|%q"):format(print, 1, "a\n") == 'function|  1.0|"a\\\n"')
fails("%p", string.format, "%p", {})
fails("%p", string.format, "%10p", {})
assert(tostring(coroutine.create(print)) == "thread")

-- an order for everything
local order = {}
for key in pairs { b = 1, a = 2, [10] = 3, [-1] = 4, [1.5] = 5, [true] = 6, [false] = 7, [""] = 8, aa = 9 } do
  order[#order + 1] = tostring(key)
end
assert(table.concat(order, ",") == "-1,1.5,10,,a,aa,b,false,true", table.concat(order, ","))
local map, key, seen = { z = 1, y = 2, x = 3 }, nil, {}
repeat
  key = next(map, key)
  seen[#seen + 1] = key
until key == nil
assert(table.concat(seen) == "xyz")
assert(next {} == nil)
fails("key that the table did not have", next, map, "q")
for name in pairs(map) do map[name] = nil end
assert(next(map) == nil)
fails("no order", pairs, { [{}] = 1 })
local proxy = setmetatable({}, { __pairs = function() return ipairs { "p" } end })
for i, value in pairs(proxy) do assert(i == 1 and value == "p") end

-- a stable sort
local words = { "bb", "a", "cc", "b", "aa", "c", "dd" }
table.sort(words, function(a, b) return #a < #b end)
assert(table.concat(words, " ") == "a b c bb cc aa dd")
local numbers = {}
for i = 1, 1000 do numbers[i] = (i * 7919) % 1009 end
table.sort(numbers)
for i = 2, 1000 do assert(numbers[i - 1] <= numbers[i]) end
fails("attempt to compare", table.sort, { 1, "a" })
table.sort({ 3, 1, 2 }, function() return true end)

-- load: text only, into the recipe's own globals
assert(load("return 1 + 1")() == 2)
defined = 5
assert(load("return defined")() == 5)
assert(load("return defined", "=x", "t", { defined = 6 })() == 6)
local refused, message = load("\27Lua")
assert(refused == nil and message:find("binary"), message)
fails("text only", load, "return 1", "=x", "b")
fails("taken", load, "return 1", "=moonfleet:init")
local pieces = { "return ", "7" }
assert(load(function() return table.remove(pieces, 1) end)() == 7)

-- growing nothing takes no time
assert((""):rep(1e15) == "" and ("x"):rep(3, ",") == "x,x,x")

-- the rest works as it does
assert(select("#", table.unpack({ 1, nil, 3 }, 1, 3)) == 3)
assert(math.type(1) == "integer" and utf8.char(9731) == "☃")
assert(coroutine.wrap(function() coroutine.yield(4) end)() == 4)
assert(#csv "rows.csv" == 1)
output("done", true)
