--- template.lua - setup scripts that are templates: what their Lua may call, and how they are run.
---
---   {{ expression }}  {% statement %}  {# comment #}
---
--- What a value becomes in the script is decided in C (runtime/setup), by where it stands.  A template
--- sees its parameters, Lua's libraries as a recipe does, and the words below; nothing of the recipe.
local check = require "check"
local parameter = require "parameter"
local problems = require "problems"
local secret = require "secret"
local unknown = require "unknown"

local template = {}

local DEPTH_MAX = 32  -- of tables in `with`
local HOW = "with = { %s = … } in the recipe, or -p NAME=VALUE"

local libraries = core.allowed()
for name, value in pairs(libraries) do
  if type(value) == "table" then
    libraries[name] = unknown.lock(name, value)
  end
end

local words = {}    -- what a template has besides them
local current       -- the rendering that runs
local compiled = {} -- by name and text: { cut, chunk, problem }

--- ---- mistakes ----

local Failure = {} -- the class of what we raise ourselves
local STOP = setmetatable({}, Failure) -- the reason is among the problems already

local function add_problem(message, line, column)
  local list = current.problems
  list[#list + 1] = { message = problems.plain(message), line = line, column = column }
end

--- Ends the rendering with a mistake at a marker, or at the line of the template that runs.
local function fail(message, marker)
  local line, column
  if marker and current.cut:place(marker) then
    line, column = current.cut:place(marker)
  else
    local _, at = core.where()
    line, column = at, current.cut:column(at, current.at)
  end
  error(setmetatable({ message = message, line = line, column = column }, Failure), 0)
end

--- Whatever was raised, as a problem; for xpcall().
local function describe(raised)
  if raised == STOP then
    return
  elseif getmetatable(raised) == Failure then
    add_problem(raised.message, raised.line, raised.column)
    return
  end
  local message, file, line = "the template raised a " .. type(raised) .. " instead of a message", nil, nil
  if type(raised) == "string" then
    message, file, line = core.place(raised)
  else
    file, line = core.where()
  end
  if file ~= current.name then
    line = 0
  end
  add_problem(message, line, line > 0 and current.cut:column(line, current.at) or 0)
end

--- The outcome of one step of the rendering.
local function ensure(done, message, marker)
  if not done then
    fail(message, marker)
  end
  return done
end

--- ---- what the template calls ----

--- raw(x): the text as it is, whatever it does.
function words.raw(text)
  local line, column = current.cut:place(current.at)
  local key = ("%d:%d"):format(line or 0, column or 0)
  if not current.raw_seen[key] then
    current.raw_seen[key] = true
    current.raw[#current.raw + 1] = { line = line or 0, column = column or 0 }
  end
  local written, what = core.shell_text(text)
  if not written then
    fail(("raw() takes a text, not %s"):format(what))
  end
  return core.reference("raw", written)
end

--- quote(x): the text as a word of a shell, for commands inside of texts.
function words.quote(text)
  local written, what = core.shell_text(text)
  if not written then
    fail(("quote() takes a text, not %s"):format(what))
  end
  local word, wrong = core.shell_quote(written)
  if not word then
    fail(wrong)
  end
  return word
end

--- join(list, separator): the items of a list as one text.
function words.join(list, separator)
  if type(list) ~= "table" then
    fail(("join() takes a list, not %s"):format(check.kind(list)))
  end
  local texts = {}
  for i = 1, rawlen(list) do
    local written, what = core.shell_text(list[i])
    if not written then
      fail(("join(): item %d is %s"):format(i, what))
    end
    texts[i] = written
  end
  return table.concat(texts, separator == nil and " " or separator)
end

--- lines(list): the items of a list, each on a line of its own.
function words.lines(list)
  return words.join(list, "\n")
end

--- json(x): the value as JSON.
function words.json(value)
  local text, wrong = core.encode(value)
  if wrong[1] then
    fail("json(): " .. wrong[1])
  end
  return text
end

--- as_user(name) as it stands in `for _ in as_user(name) do`: a loop that runs once.
function words.as_user(name)
  if name == nil then
    name = "azureuser"
  elseif type(name) ~= "string" then
    fail(("as_user() takes a user's name, not %s"):format(check.kind(name)))
  end
  ensure(current.render:as_user(current.at, name))
  local first = true
  local function once()
    local go_on = first
    first = false
    return go_on or nil
  end
  return once, nil, nil, setmetatable({}, { __close = function(_, raised)
    if raised == nil then
      ensure(current.render:end_as_user(current.at))
    end
  end })
end

--- parameter("name", { … }): what the script is given, as a variable of that name.
function words.parameter(name, options)
  local value = parameter.declare(current.scope, name, options)
  if type(name) ~= "string" or core.is_placeholder(value) then
    return nil
  elseif not name:find("^[%a_][%w_]*$") or words[name] or libraries[name] then
    problems.add(("parameter '%s': a variable cannot have this name"):format(name))
    return nil
  end
  rawset(current.globals, name, value)
  return value
end

--- ---- the template's globals ----

local function candidates()
  local names = {}
  for _, entry in ipairs(current.scope.declared) do
    names[#names + 1] = entry.name
  end
  for name in pairs(words) do
    names[#names + 1] = name
  end
  return names
end

local function look_up(_, key)
  local value = words[key]
  if value == nil then
    value = libraries[key]
  end
  if value ~= nil or current.scope.by_name[key] and #current.problems == 0 then
    return value
  elseif #current.problems > 0 then
    error(STOP, 0)
  end
  key = core.text(key)
  local given = current.scope.given[key] ~= nil
  fail(given and ("'%s' is given, and no parameter of the script: begin it with {%% parameter(\"%s\") %%}")
    :format(key, key) or ("unknown variable '%s'%s"):format(key, problems.suggestion(key, candidates())))
end

--- ---- running ----

local function literal(index)
  ensure(current.render:literal(index))
end

local function at(marker)
  current.at = marker
  return marker
end

local function value(marker, given)
  if #current.problems > 0 then
    error(STOP, 0)
  end
  local kind, text = nil, nil
  if type(given) == "userdata" then
    kind, text = core.reference_of(given)
  end
  if kind == "raw" then
    ensure(current.render:raw(marker, text))
    return
  end
  local done, message, blamed = current.render:value(marker, given)
  if not done then
    local _, _, code = current.cut:place(marker)
    if message:find("^is ") or message:find("^holds") then -- the value itself; else its place
      message = ("'%s' %s"):format(#code > 60 and code:sub(1, 57) .. "..." or code, message)
    end
    fail(message, blamed)
  end
end

--- Cuts and compiles a script, once for each text.
local function compile(name, text)
  local of_name = compiled[name] or {}
  if of_name[text] then
    return of_name[text]
  end
  local entry = {}
  local cut, wrong, line, column = core.template(text)
  compiled[name] = of_name
  of_name[text] = entry
  if not cut then
    entry.problem = { message = problems.plain(wrong), line = line, column = column }
    return entry
  end
  entry.cut = cut
  local source = cut:lua()
  if source then
    entry.chunk, wrong, line = core.compile(source, name, {})
    if not entry.chunk then
      wrong = wrong:gsub("__%a+", "…")
      entry.problem = { message = problems.plain(wrong), line = line, column = cut:column(line, 0) }
    end
  end
  return entry
end

local function run(entry)
  local globals = setmetatable({}, { __index = look_up, __metatable = false })
  rawset(globals, "_G", globals)
  current.globals = globals
  if entry.chunk and xpcall(entry.chunk, describe, globals, literal, value, at)
    and #current.problems == 0 then
    local done, lines, blamed = current.render:finish()
    if done then
      current.text, current.lines = done, lines
    else
      local line, column = current.cut:place(blamed)
      add_problem(lines, line or 0, column or 0)
    end
  end
end

--- Renders a script.  `given` are its parameters by name; texts among them are converted to the types of
--- the parameters unless they are `typed`.  Gives { text, lines, raw, declared, problems }: a text, or
--- problems with line (0: the whole) and column.
function template.render(name, text, given, typed)
  local entry, before = compile(name, text), current
  current = { name = name, cut = entry.cut, at = 0, raw = {}, raw_seen = {}, problems = {},
    scope = parameter.scope(given, HOW) }
  current.scope.is_typed = typed
  local result = current
  local outer = problems.divert(function(message, _, line)
    add_problem(message, line, line > 0 and result.cut and result.cut:column(line, result.at) or 0)
  end)
  if entry.problem then
    result.problems[1] = entry.problem
  else
    result.render = entry.cut:render()
    run(entry)
    if not entry.chunk then
      result.text = text
    end
    parameter.check_given(result.scope, "this script", name)
  end
  problems.divert(outer)
  current = before
  if #result.problems > 0 then
    result.text = nil
  end
  return result
end

--- ---- what a recipe gives ----

local function copy(word, item, path, depth, inside)
  local kind = type(item)
  if kind == "number" or kind == "boolean" then
    return item
  elseif core.is_placeholder(item) then
    return nil, true
  elseif secret.of(item) then
    local _, text = secret.of(item)
    return text
  elseif kind ~= "table" or depth > DEPTH_MAX or inside[item] then
    problems.add(("%s: %s is %s"):format(word, path, kind ~= "table" and check.kind(item) .. ", no data"
      or "nested too deeply"))
    return nil, true
  end
  local result, wrong = {}, false
  inside[item] = true
  for key, member in next, item do
    if type(key) ~= "string" and math.type(key) ~= "integer" then
      problems.add(("%s: %s has a key that is neither text nor a whole number"):format(word, path))
      return nil, true
    end
    if type(member) == "string" then
      result[key] = member
    else
      local copied, bad = copy(word, member, ("%s.%s"):format(path, key), depth + 1, inside)
      result[key] = copied
      wrong = wrong or bad
    end
  end
  inside[item] = nil
  return result, wrong
end

--- A copy of the `with` of a setup script, which the template may change as it likes; nil when something
--- in it is no data, which is told, or not known because of an earlier mistake.
function template.values(word, with)
  if core.is_placeholder(with) then
    return nil
  elseif type(with) ~= "table" then
    problems.add(("%s: 'with' is a table of parameters, not %s"):format(word, check.kind(with)))
    return nil
  end
  for name in pairs(with) do
    if type(name) ~= "string" then
      problems.add(("%s: 'with' is a table of parameters by name: with = { packages = {…} }"):format(word))
      return nil
    end
  end
  local result, wrong = copy(word, with, "with", 1, {})
  return not wrong and result or nil
end

--- ---- the document of recipe_render() ----

local function list(name, items, write)
  core.write(',"', name, '":[')
  for i, item in ipairs(items) do
    core.write(i > 1 and "," or "")
    write(item)
  end
  core.write("]")
end

function template.write(name, result)
  local plain = result.text and core.is_text(result.text)
  core.write('{"script":', core.quote(name), ',"text":', plain and core.quote(result.text) or "null",
    ',"base64":', result.text and not plain and core.quote(core.base64(result.text)) or "null",
    ',"lines":', result.text and result.lines or "null")
  list("raw", result.raw, function(item)
    core.write(('{"line":%d,"column":%d}'):format(item.line, item.column))
  end)
  list("parameters", result.scope.declared, function(entry)
    local value = entry.value
    if core.is_placeholder(value) then
      value = nil
    end
    core.write('{"name":', core.quote(entry.name), ',"type":', core.quote(entry.type), ',"value":',
      (core.encode(value)), ',"default":', (core.encode(entry.default)), ',"description":',
      entry.description and core.quote(entry.description) or "null", ',"choices":',
      entry.choices and (core.encode(entry.choices)) or "null", ',"required":', tostring(entry.required),
      ',"line":', ("%d"):format(entry.line), "}")
  end)
  list("problems", result.problems, function(problem)
    core.write('{"message":', core.quote(problem.message), ',"at":', problems.at(name, problem.line),
      (',"column":%d}'):format(problem.column))
  end)
  core.write("}")
end

return template
