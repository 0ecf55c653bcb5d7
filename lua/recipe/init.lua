--- init.lua - the recipe language: what a recipe's globals are, and how its document is written.
---
--- Runs in the recipe's child, as do all files of this folder.  `core` and `require` are ours
--- (runtime/script/bind_core.c); a recipe sees only the table `globals` below.
local problems = require "problems"
local unknown = require "unknown"
local module = require "module"
local fleet = require "fleet"
local grant = require "grant"
local declarations = require "declarations"
local setup_script = require "setup_script"
local principal = require "principal"
local parameter = require "parameter"
local template = require "template"
local secret = require "secret"
local files = require "files"
local output = require "output"

local globals = core.allowed()
for name, value in pairs(globals) do
  if type(value) == "table" then
    globals[name] = unknown.lock(name, value)
  end
end

local words = {
  fleet = fleet.word,
  instance = declarations.named("instance"),
  instances = function()
    return declarations.list("instance")
  end,
  grant = grant.word,
  role = declarations.named("role"),
  setup_script = setup_script.word,
  user = principal.user,
  group = principal.group,
  service_principal = principal.service_principal,
  parameter = parameter.word,
  file = files.file,
  csv = files.csv,
  json = files.json,
  env = files.env,
  secret = secret.word,
  output = output.word,
  print = output.print,
  require = module.loader(globals),
  load = core.load_into(globals),
}
for name, value in pairs(words) do
  globals[name] = value
end
globals._G = globals
unknown.watch(globals)

local control = {}

--- Renders the setup script `text` with the given parameters and writes the document of it.
function control.render(text)
  template.write(core.name, template.render(core.name, text, core.parameters, false))
end

--- The recipe as a function; or nil, what is wrong with its syntax, and the line.
function control.compile(text)
  return core.compile(text, core.name, globals)
end

--- A metatable counts as it was when setmetatable() was called: what came later has done nothing.
local function check_metatables()
  local places = core.changed_metatables()
  table.sort(places, function(a, b)
    return a[1] < b[1] or a[1] == b[1] and a[2] < b[2]
  end)
  for _, place in ipairs(places) do
    problems.add("setmetatable: metamethods that the metatable gets later do not count; set them before",
      place[1], place[2])
  end
end

--- Looks for what can only be seen at the end.
local function check_whole()
  fleet.check_whole()
  declarations.check_whole()
  parameter.check_whole()
end

--- Writes the document.  `failure` is nil, or { message, file, line, trace } of the error of Lua that
--- ended the recipe early.
function control.finish(failure)
  check_metatables()
  if failure == nil then
    check_whole()
  elseif type(failure) == "table" then
    problems.failed(failure[1], failure[2], failure[3], failure[4])
  else
    problems.failed("an error while handling an error", core.name, 0, {})
  end
  core.write('{"recipe":', core.quote(core.name))
  fleet.write()
  declarations.write()
  setup_script.write()
  parameter.write()
  output.write()
  core.write(',"stopped":', tostring(failure ~= nil))
  problems.write()
  core.write("}")
end

return control
