--- parameter.lua - the `parameter` word: what may be given from outside with -p name=value.
---
--- Setup scripts have parameters too, which a recipe gives in `with`: a scope is the parameters of one
--- recipe or one script.
local check = require "check"
local problems = require "problems"

local parameter = {}

local OPTIONS = { "default", "description", "type", "choices", "min", "max", "required" }
local TYPES = { string = "string", number = "number", boolean = "boolean", list = "table" }
local KINDS = { description = "string", choices = "table", min = "number", max = "number", required = "boolean" }
local BOOLEANS = { ["true"] = true, yes = true, ["false"] = false, no = false }

--- What a scope holds: `declared` in order, `by_name`, what was `given` by name, and `how` one gives
--- it, with the name for %s.
function parameter.scope(given, how)
  return { declared = {}, by_name = {}, given = given, how = how }
end

local recipe = parameter.scope(core.parameters, "-p %s=VALUE")

--- "a,b" or a JSON array as a list; or nil and what it should be.
local function convert_list(text)
  if text:find("^%s*%[") then
    local done, value = core.json(text)
    if not done or type(value) ~= "table" then
      return nil, "a list: a,b or [\"a\",\"b\"]"
    end
    return value
  end
  local list = {}
  for item in (text == "" and "" or text .. ","):gmatch("([^,]*),") do
    list[#list + 1] = item
  end
  return list
end

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
  elseif wanted == "list" then
    return convert_list(text)
  end
  return text
end

--- Is it one of the choices?  Otherwise what is wrong.
local function wrong_choice(value, choices)
  local texts = {}
  for i, choice in ipairs(choices) do
    if choice == value then
      return nil
    end
    texts[i] = core.text(choice)
  end
  return ("is one of %s, not '%s'%s"):format(table.concat(texts, ", "), core.text(value),
    problems.suggestion(core.text(value), texts))
end

local function is_list(value)
  local count = 0
  for _ in next, value do
    count = count + 1
  end
  return count == rawlen(value)
end

--- What is wrong with a list: its choices are those of each item, its bounds are of their number.
local function wrong_list(list, options)
  if not is_list(list) then
    return "is a list { … }, not a table with names"
  elseif type(options.min) == "number" and #list < options.min then
    return ("has at least %s items, not %d"):format(options.min, #list)
  elseif type(options.max) == "number" and #list > options.max then
    return ("has at most %s items, not %d"):format(options.max, #list)
  end
  for i = 1, type(options.choices) == "table" and #list or 0 do
    local wrong = wrong_choice(list[i], options.choices)
    if wrong then
      return ("item %d %s"):format(i, wrong)
    end
  end
end

--- What is wrong with a value, or nil.
local function wrong_with(value, wanted, options)
  if type(value) ~= TYPES[wanted] then
    return ("is a %s, not %s"):format(wanted, check.kind(value))
  elseif wanted == "list" then
    return wrong_list(value, options)
  elseif type(options.choices) == "table" then
    return wrong_choice(value, options.choices)
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
    local value = options[name]
    if value ~= nil and not core.is_placeholder(value) then
      read[name] = value
    end
  end
  for name, kind in pairs(KINDS) do
    if read[name] ~= nil and type(read[name]) ~= kind then
      problems.add(("%s: '%s' is a %s, not %s"):format(word, name, kind, check.kind(read[name])))
      read[name] = nil
    end
  end
  return read
end

--- "string", "number", "boolean" or "list": as said, or as the default is.
local function type_of(word, options)
  local wanted = options.type
  if wanted == nil then
    local given = type(options.default)
    return given == "table" and "list" or TYPES[given] and given or "string"
  elseif TYPES[wanted] then
    return wanted
  end
  problems.add(("%s: 'type' is \"string\", \"number\", \"boolean\" or \"list\""):format(word))
  return "string"
end

--- The value: what was given, else the default; a placeholder when neither is right.
local function value_of(scope, word, name, wanted, options)
  local default = options.default
  if default ~= nil then
    local wrong = wrong_with(default, wanted, options)
    if wrong then
      problems.add(("%s: its default %s"):format(word, wrong))
      default = nil
    end
  end
  local given = scope.given[name]
  if given == nil then
    if options.required or (options.default == nil and options.required == nil) then
      problems.add(("%s has no value: give one with " .. scope.how):format(word, name))
    elseif options.default == nil then
      return nil, nil
    end
  else
    local value, expected = given, nil
    if type(given) == "string" and not scope.is_typed then
      value, expected = convert(given, wanted)
    end
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

--- Declares a parameter in a scope and gives its value.
function parameter.declare(scope, name, options)
  local file, line = core.where()
  if not check.name("parameter", name, "its name") then
    return core.placeholder
  end
  local word = ("parameter '%s'"):format(name)
  local first = scope.by_name[name]
  if first then
    problems.add(("%s was already declared at %s:%d"):format(word, first.file, first.line))
    return first.value
  end
  options = read_options(word, options)
  local entry = { name = name, file = file, line = line, description = options.description,
    type = type_of(word, options), choices = options.choices,
    required = options.required or (options.default == nil and options.required == nil) }
  entry.value, entry.default = value_of(scope, word, name, entry.type, options)
  scope.declared[#scope.declared + 1] = entry
  scope.by_name[name] = entry
  return entry.value
end

--- parameter("name", { default = …, description = …, type = …, choices = {…}, min = …, max = …,
--- required = … })
function parameter.word(name, options)
  return parameter.declare(recipe, name, options)
end

--- Tells of values for parameters that a scope does not have.
function parameter.check_given(scope, whose, file)
  local names = {}
  for i, entry in ipairs(scope.declared) do
    names[i] = entry.name
  end
  for name in pairs(scope.given) do
    if not scope.by_name[name] then
      problems.add(("%s has no parameter '%s'%s"):format(whose, core.text(name),
        problems.suggestion(core.text(name), names)), file, 0)
    end
  end
end

--- Values for parameters that the recipe does not have.
function parameter.check_whole()
  parameter.check_given(recipe, "this recipe", core.name)
end

function parameter.write()
  core.write(',"parameters":[')
  for i, entry in ipairs(recipe.declared) do
    core.write(i > 1 and "," or "", '{"name":', core.quote(entry.name), ',"value":',
      core.encode(entry.value), ',"default":', core.encode(entry.default), ',"description":',
      entry.description and core.quote(entry.description) or "null", ',"at":',
      problems.at(entry.file, entry.line), "}")
  end
  core.write("]")
end

return parameter
