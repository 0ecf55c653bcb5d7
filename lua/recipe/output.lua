--- output.lua - `output`: a value to be shown and kept with the plan; `print`: words to whoever runs it.
local check = require "check"
local problems = require "problems"
local secret = require "secret"

local output = {}

local PRINT_MAX = 65536 -- bytes in all
local LINES_MAX = 1000

local declared, by_name = {}, {}
local lines, printed = {}, 0

--- output("name", value)
function output.word(name, value)
  local file, line = core.where()
  if not check.name("output", name, "its name") then
    return
  end
  local word = ("output '%s'"):format(name)
  local first = by_name[name]
  if first then
    problems.add(("%s was already declared at %s:%d"):format(word, first.file, first.line))
    return
  end
  local entry = { name = name, file = file, line = line, json = check.data(word, value, file, line) }
  declared[#declared + 1] = entry
  by_name[name] = entry
end

--- print(…): collected line by line; what is too much is dropped and said so.
function output.print(...)
  local texts = {}
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    local name = secret.of(value)
    texts[i] = name and ("(secret %s)"):format(name) or core.text(value)
  end
  for line in (table.concat(texts, "\t") .. "\n"):gmatch("([^\n]*)\n") do
    if printed > PRINT_MAX or #lines >= LINES_MAX then
      return
    end
    line = problems.plain(line)
    printed = printed + #line
    if printed > PRINT_MAX or #lines == LINES_MAX - 1 then
      line = "(this recipe prints more than is shown)"
    end
    lines[#lines + 1] = core.quote(line)
  end
end

function output.write()
  core.write(',"outputs":[')
  for i, entry in ipairs(declared) do
    core.write(i > 1 and "," or "", '{"name":', core.quote(entry.name), ',"value":', entry.json,
      ',"at":', problems.at(entry.file, entry.line), "}")
  end
  core.write('],"prints":[', table.concat(lines, ","), "]")
end

return output
