--- parameter.lua - the `parameter` word: what may be given from outside with -p name=value.
local check = require "check"
local problems = require "problems"

local parameter = {}

local OPTIONS = { "default", "description", "type", "choices", "min", "max" }
local BOOLEANS = { ["true"] = true, yes = true, ["false"] = false, no = false }

local declared, by_name = {}, {}

--- The given text as a value of that type; or nil and what it should be.
local function convert(text, wanted)
  if wanted == "number" then
    local value = tonumber(text)
    if not value or not text:find("^%-?[%d.]+[eE+%-%d]*$") or value ~= value or value == math.huge
      or value == -math.huge then
      return nil, "a number"
    end
    return math.tointeger(value) or value
  elseif wanted == "boolean" then
    if BOOLEANS[text] == nil then
      return nil, "true or false"
    end
    return BOOLEANS[text]
  end
  return text
end

--- What is wrong with a value, or nil.
local function wrong_with(value, wanted, options)
  if type(value) ~= wanted then
    return ("is a %s, not %s"):format(wanted, check.kind(value))
  end
  if type(options.choices) == "table" then
    local texts = {}
    for i, choice in ipairs(options.choices) do
      if choice == value then
        return nil
      end
      texts[i] = core.text(choice)
    end
    return ("is one of %s, not '%s'%s"):format(table.concat(texts, ", "), core.text(value),
      problems.suggestion(core.text(value), texts))
  end
  if wanted == "number" and type(options.min) == "number" and value < options.min then
    return ("is at least %s, not %s"):format(options.min, value)
  elseif wanted == "number" and type(options.max) == "number" and value > options.max then
    return ("is at most %s, not %s"):format(options.max, value)
  end
end

--- The options as far as they are right.
local function read_options(word, options)
  if options == nil then
    return {}
  elseif not check.block(word, options) then
    return {}
  end
  check.known(word, options, OPTIONS)
  local read = {}
  for _, name in ipairs(OPTIONS) do
    read[name] = options[name]
    if core.is_placeholder(read[name]) then
      read[name] = nil
    end
  end
  local kinds = { description = "string", choices = "table", min = "number", max = "number" }
  for name, kind in pairs(kinds) do
    if read[name] ~= nil and type(read[name]) ~= kind then
      problems.add(("%s: '%s' is a %s, not %s"):format(word, name, kind, check.kind(read[name])))
      read[name] = nil
    end
  end
  return read
end

--- "string", "number" or "boolean": as said, or as the default is.
local function type_of(word, options)
  local wanted = options.type
  if wanted == nil then
    local given = type(options.default)
    return (given == "number" or given == "boolean") and given or "string"
  elseif wanted == "string" or wanted == "number" or wanted == "boolean" then
    return wanted
  end
  problems.add(("%s: 'type' is \"string\", \"number\" or \"boolean\""):format(word))
  return "string"
end

--- The value: what was given, else the default; a placeholder when neither is right.
local function value_of(word, name, wanted, options)
  local default = options.default
  if default ~= nil then
    local wrong = wrong_with(default, wanted, options)
    if wrong then
      problems.add(("%s: its default %s"):format(word, wrong))
      default = nil
    end
  end
  local given = core.parameters[name]
  if given == nil then
    if options.default == nil then
      problems.add(("%s has no value: give one with -p %s=VALUE"):format(word, name))
    end
  else
    local value, expected = convert(given, wanted)
    local wrong = expected and ("is %s, not '%s'"):format(expected, given)
      or wrong_with(value, wanted, options)
    if not wrong then
      return value, default
    end
    problems.add(("%s %s"):format(word, wrong))
  end
  if default == nil then
    return core.placeholder, nil
  end
  return default, default
end

--- parameter("name", { default = …, description = …, type = …, choices = {…}, min = …, max = … })
function parameter.word(name, options)
  local file, line = core.where()
  if not check.name("parameter", name, "its name") then
    return core.placeholder
  end
  local word = ("parameter '%s'"):format(name)
  local first = by_name[name]
  if first then
    problems.add(("%s was already declared at %s:%d"):format(word, first.file, first.line))
    return first.value
  end
  options = read_options(word, options)
  local entry = { name = name, file = file, line = line, description = options.description }
  entry.value, entry.default = value_of(word, name, type_of(word, options), options)
  declared[#declared + 1] = entry
  by_name[name] = entry
  return entry.value
end

--- Values for parameters that the recipe does not have.
function parameter.check_whole()
  local names = {}
  for i, entry in ipairs(declared) do
    names[i] = entry.name
  end
  for name in pairs(core.parameters) do
    if not by_name[name] then
      problems.add(("this recipe has no parameter '%s'%s"):format(name, problems.suggestion(name, names)),
        core.name, 0)
    end
  end
end

function parameter.write()
  core.write(',"parameters":[')
  for i, entry in ipairs(declared) do
    core.write(i > 1 and "," or "", '{"name":', core.quote(entry.name), ',"value":',
      core.encode(entry.value), ',"default":', core.encode(entry.default), ',"description":',
      entry.description and core.quote(entry.description) or "null", ',"at":',
      problems.at(entry.file, entry.line), "}")
  end
  core.write("]")
end

return parameter
