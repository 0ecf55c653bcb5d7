--- check.lua - what the words have in common: looking at their arguments.
local problems = require "problems"

local check = {}

--- What a value is, for messages: "a number", "a user", "nothing".
function check.kind(value)
  if value == nil then
    return "nothing"
  end
  local kind = core.reference_of(value)
  return "a " .. (kind and kind:gsub("_", " ") or type(value))
end

--- Is it text that can be a name?  Otherwise a problem, unless it is a placeholder, whose mistake was
--- told before.
function check.name(word, value, what)
  if core.is_placeholder(value) then
    return false
  elseif type(value) ~= "string" then
    problems.add(("%s: %s is text, not %s"):format(word, what, check.kind(value)))
  elseif value == "" then
    problems.add(("%s: %s is empty"):format(word, what))
  elseif #value > 256 then
    problems.add(("%s: %s is longer than 256 bytes"):format(word, what))
  elseif not core.is_text(value) or value:find("%c") then
    problems.add(("%s: %s is not plain text"):format(word, what))
  else
    return true
  end
  return false
end

--- A block or an option table?  Otherwise a problem.
function check.block(word, value, file, line)
  if type(value) == "table" then
    return true
  end
  if not core.is_placeholder(value) then
    problems.add(("%s: its block is a table { ... }, not %s"):format(word, check.kind(value)), file, line)
  end
  return false
end

--- Every field of `options` known?  Otherwise problems with suggestions.
function check.known(word, options, known, file, line)
  for name in pairs(options) do
    local found = false
    for i = 1, #known do
      if known[i] == name then
        found = true
        break
      end
    end
    if not found then
      problems.add(("%s: unknown field '%s'%s"):format(word, core.text(name),
        problems.suggestion(core.text(name), known)), file, line)
    end
  end
end

--- The JSON of a value; what is no data becomes problems.
function check.data(word, value, file, line)
  local json, wrong = core.encode(value)
  for _, what in ipairs(wrong) do
    problems.add(("%s: %s"):format(word, what), file, line)
  end
  return json
end

--- The JSON of a block's fields: always an object.
function check.fields(word, fields, file, line)
  local json = check.data(word, fields, file, line)
  if json == "[]" then
    return "{}"
  elseif json:sub(1, 1) == "[" then
    problems.add(("%s: its block has fields with names, { name = value }"):format(word), file, line)
    return "{}"
  end
  return json:sub(1, 1) == "{" and json or "{}"
end

return check
