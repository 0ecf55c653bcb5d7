--- declarations.lua - what a recipe declares, of all types, in order.
local problems = require "problems"

local declarations = {}

local list = {} -- in order: { type, name, fields as JSON, file, line }

function declarations.add(type, name, fields, file, line)
  list[#list + 1] = { type = type, name = name, fields = fields, file = file, line = line }
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
