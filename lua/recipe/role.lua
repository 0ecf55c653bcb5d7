--- role.lua - the `role` word: declares a custom role, a set of actions that grants can give.
local check = require "check"
local declarations = require "declarations"
local problems = require "problems"

local role = {}

local by_name = {} -- lower-case name → entry
local pending = {} -- in order

--- role "name" { … }
function role.word(name)
  local file, line = core.where()
  if not check.name("role", name, "its name") then
    return core.placeholder
  end
  local word = ("role '%s'"):format(name)
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
      declarations.add("role", name, entry.fields, file, line)
    end
  end
end

function role.check_whole()
  for _, entry in ipairs(pending) do
    if not entry.fields then
      problems.add(("role '%s' has no block { ... }"):format(entry.name), entry.file, entry.line)
    end
  end
end

return role
