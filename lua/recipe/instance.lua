--- instance.lua - the `instance` word: declares one machine for one person.
local check = require "check"
local declarations = require "declarations"
local problems = require "problems"

local instance = {}

local declared = {} -- in order: { name, file, line, fields as JSON, decoded once it was asked for }
local by_name = {}  -- lower-case name → entry
local pending = {}  -- in order: what has had no block when the recipe ended

--- instance "name" { … }
function instance.word(name)
  local file, line = core.where()
  if not check.name("instance", name, "its name") then
    return core.placeholder
  end
  local word = ("instance '%s'"):format(name)
  local entry = { name = name, file = file, line = line }
  local first = by_name[name:lower()]
  if first then
    problems.add(("%s was already declared at %s:%d"):format(word, first.file, first.line), file, line)
  else
    by_name[name:lower()] = entry
  end
  pending[#pending + 1] = entry
  return function(fields)
    if entry.fields then
      problems.add(word .. " has its block already")
      return
    end
    entry.fields = "{}"
    if check.block(word, fields, file, line) then
      entry.fields = check.fields(word, fields, file, line)
    end
    if not first then
      declared[#declared + 1] = entry
      declarations.add("instance", name, entry.fields, file, line)
    end
  end
end

--- instances() → a new list of what was declared so far: each its fields and its name.
function instance.list()
  local list = {}
  for i, entry in ipairs(declared) do
    if not entry.decoded then
      entry.decoded = core.decode(entry.fields)
      entry.decoded.name = entry.name
    end
    list[i] = entry.decoded
  end
  return list
end

function instance.check_whole()
  for _, entry in ipairs(pending) do
    if not entry.fields then
      problems.add(("instance '%s' has no block { ... }"):format(entry.name), entry.file, entry.line)
    end
  end
end

return instance
