--- declarations.lua - what a recipe declares, of all types, in order.
local check = require "check"
local problems = require "problems"

local declarations = {}

local list = {}    -- in order: { type, name, fields as JSON, file, line }
local pending = {} -- in order: named ones, until the recipe has ended: they may lack their block

--- Declares something without a block to come.
function declarations.add(type, name, fields, file, line)
  list[#list + 1] = { type = type, name = name, fields = fields, file = file, line = line }
end

--- The word of a type whose resources have names, each once: word "name" { … }.
function declarations.named(type)
  local by_name = {} -- lower-case name → entry
  return function(name)
    local file, line = core.where()
    if not check.name(type, name, "its name") then
      return core.placeholder
    end
    local entry = { type = type, name = name, file = file, line = line, word = ("%s '%s'"):format(type, name) }
    local first = by_name[name:lower()]
    if first then
      problems.add(("%s was already declared at %s:%d"):format(entry.word, first.file, first.line), file, line)
    else
      by_name[name:lower()] = entry
    end
    pending[#pending + 1] = entry
    return function(fields)
      if entry.fields then
        problems.add(entry.word .. " has its block already")
        return
      end
      entry.fields = "{}"
      if check.block(entry.word, fields, file, line) then
        entry.fields = check.fields(entry.word, fields, file, line)
      end
      if not first then
        list[#list + 1] = entry
      end
    end
  end
end

--- A new list of what was declared of a type so far: each its fields and its name.
function declarations.list(type)
  local found = {}
  for _, entry in ipairs(list) do
    if entry.type == type then
      if not entry.decoded then
        entry.decoded = core.decode(entry.fields)
        entry.decoded.name = entry.name
      end
      found[#found + 1] = entry.decoded
    end
  end
  return found
end

function declarations.check_whole()
  for _, entry in ipairs(pending) do
    if not entry.fields then
      problems.add(entry.word .. " has no block { ... }", entry.file, entry.line)
    end
  end
end

function declarations.write()
  core.write(',"declarations":[')
  for i, entry in ipairs(list) do
    core.write(i > 1 and "," or "", '{"type":"', entry.type, '","name":', core.quote(entry.name),
      ',"fields":', entry.fields, ',"at":', problems.at(entry.file, entry.line), "}")
  end
  core.write("]")
end

return declarations
