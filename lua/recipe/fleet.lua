--- fleet.lua - the `fleet` word: names the fleet that a recipe owns.  Exactly one.
local check = require "check"
local problems = require "problems"

local fleet = {}

local declared -- { name, file, line, fields as JSON or nil before its block }
local tried = false -- the word was used, perhaps wrongly

--- fleet "name" { … }
function fleet.word(name)
  local file, line = core.where()
  tried = true
  if not check.name("fleet", name, "its name") then
    return core.placeholder
  end
  if declared then
    problems.add(("a recipe declares one fleet, and '%s' was declared at %s:%d"):format(declared.name,
      declared.file, declared.line))
    return core.placeholder
  end
  declared = { name = name, file = file, line = line }
  local this, word = declared, ("fleet '%s'"):format(name)
  return function(fields)
    if this.fields then
      problems.add(word .. " has its block already")
    elseif check.block(word, fields, file, line) then
      this.fields = check.fields(word, fields, file, line)
    else
      this.fields = "{}"
    end
  end
end

function fleet.check_whole()
  if not tried then
    problems.add("this recipe declares no fleet: begin with fleet \"name\" { ... }", core.name, 0)
  elseif declared and not declared.fields then
    problems.add(("fleet '%s' has no block { ... }"):format(declared.name), declared.file, declared.line)
  end
end

function fleet.write()
  if not declared then
    core.write(',"fleet":null')
    return
  end
  core.write(',"fleet":{"name":', core.quote(declared.name), ',"fields":', declared.fields or "{}",
    ',"at":', problems.at(declared.file, declared.line), "}")
end

return fleet
