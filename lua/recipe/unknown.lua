--- unknown.lua - words that do not exist, and libraries that cannot be changed.
---
--- A recipe that names what is not there goes on with a placeholder, which takes part in anything and
--- is left out of the document, so that the mistakes after it are found too.
local problems = require "problems"

local unknown = {}

local absent = {
  collectgarbage = true, debug = true, dofile = true, io = true, loadfile = true, os = true,
  package = true, warn = true, dump = true, random = true, randomseed = true,
}

local function candidates(of)
  local names = {}
  for name in pairs(of) do
    if type(name) == "string" then
      names[#names + 1] = name
    end
  end
  return names
end

--- A library that can be read and not written.
function unknown.lock(name, library)
  setmetatable(library, {
    __index = function(_, key)
      key = core.text(key)
      if absent[key] then
        error(("'%s.%s' is not available in a recipe"):format(name, key), 2)
      end
      error(("%s has no '%s'%s"):format(name, key, problems.suggestion(key, candidates(library))), 2)
    end,
    __metatable = false,
  })
  return setmetatable({}, {
    __index = library,
    __newindex = function() error(("the library '%s' cannot be changed"):format(name), 2) end,
    __pairs = function() return pairs(library) end,
    __metatable = false,
  })
end

--- Reading an unknown global is a problem; writing one makes it.
function unknown.watch(globals)
  local messages = {} -- by word: looking for a suggestion takes a while
  setmetatable(globals, {
    __index = function(_, key)
      key = core.text(key)
      messages[key] = messages[key]
        or absent[key] and ("'%s' is not available in a recipe: it only describes a fleet"):format(key)
        or ("unknown word '%s'%s"):format(key, problems.suggestion(key, candidates(globals)))
      problems.add(messages[key])
      return core.placeholder
    end,
    __metatable = false,
  })
end

--- The placeholder's behaviour.  Nothing that loops over it or asks it again and again goes on for ever.
local CALLS_MAX = 25000
local calls = 0

local function same() return core.placeholder end
local function no() return false end
local meta = core.placeholder_type

for _, operation in ipairs { "add", "sub", "mul", "div", "mod", "pow", "unm", "idiv", "band", "bor", "bxor",
  "shl", "shr", "bnot", "concat" } do
  meta["__" .. operation] = same
end
meta.__lt, meta.__le = no, no
meta.__len = function() return 0 end
meta.__tostring = function() return "?" end
meta.__pairs = function() return function() end end
meta.__newindex = function() end
meta.__index = function(_, key)
  if type(key) ~= "number" then
    return core.placeholder
  end
end
meta.__call = function(_, ...)
  calls = calls + 1
  if calls > CALLS_MAX then
    error("a word that does not exist is called again and again", 0)
  end
  if select("#", ...) == 2 and ... == nil then -- as the iterator of a for loop
    return nil
  end
  return core.placeholder
end

return unknown
