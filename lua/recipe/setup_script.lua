--- setup_script.lua - the `setup_script` word: a shell script and how it is run.
---
---   setup_script "path"                 as it is
---   setup_script "path" { with = {…}, args = {…}, timeout = "20m" }
---   setup_script { inline = [[…]], args = {…}, timeout = "20m" }
---   setup_script { workspace = "Users/ada/x.sh", args = {…}, timeout = "20m" }
---
--- With `cache = true` in a block the result does not depend on the instance: a plane may make it once.
---
--- The first three send the script's text; the last one names a script in the workspace's file share.
---
--- `with` are the parameters of the script, which may be a template (template.lua).
---
--- Gives a reference.  A script gets its place in the document when something first refers to it;
--- equal ones share one.
local check = require "check"
local files = require "files"
local problems = require "problems"
local secret = require "secret"
local template = require "template"

local setup_script = {}

local FIELDS = { "with", "args", "timeout", "cache" }
local BLOCK_FIELDS = { "with", "args", "timeout", "cache", "inline", "workspace" }

local records = {}    -- every script, in order of the word
local numbered = {}   -- by index + 1: those in the document
local by_content = {} -- what makes scripts equal → index
local references = {} -- by index + 1

--- Makes the script of the template, once.  What is wrong in it is told where the recipe names it.
local function render(record)
  if record.rendered or not record.readable then
    return
  end
  record.rendered = true
  local name = record.path or "inline script"
  local result = template.render(name, record.text, record.with or {}, true)
  for _, problem in ipairs(result.problems) do
    local place = problem.line > 0 and (":%d:%d"):format(problem.line, problem.column) or ""
    problems.add(("%s%s: %s"):format(name, place, problem.message), record.file, record.line)
  end
  record.lines = result.lines
  record.text = ""
  if result.text and core.is_text(result.text) then
    record.text = result.text
  elseif result.text then
    problems.add(("%s: with these values it is not UTF-8 text"):format(name), record.file, record.line)
  end
end

--- The index of a record in "scripts".
local function index_of(record)
  if not record.index then
    render(record)
    local content = table.concat({ record.source, record.path or "", record.text, record.args, record.timeout,
      tostring(record.cache) }, "\0")
    record.index = by_content[content]
    if not record.index then
      numbered[#numbered + 1] = record
      references[#numbered] = record.reference
      record.index = #numbered - 1
      by_content[content] = record.index
    end
  end
  return record.index
end
core.scripts(index_of, references)

--- Arguments as JSON texts; numbers become text, secrets {"$secret":name}.
local function read_args(record, args)
  if core.is_placeholder(args) then
    return
  elseif type(args) ~= "table" then
    problems.add(("%s: 'args' is a list of texts, not %s"):format(record.word, check.kind(args)))
    return
  end
  local texts, count = {}, 0
  for key, value in pairs(args) do
    count = count + 1
    if math.type(key) ~= "integer" or key ~= count then
      problems.add(("%s: 'args' is a list of texts"):format(record.word))
      return
    elseif core.is_placeholder(value) then
      texts[count] = '""'
    elseif secret.of(value) then
      texts[count] = ('{"$secret":%s}'):format(core.quote((secret.of(value))))
    elseif type(value) ~= "string" and type(value) ~= "number" then
      problems.add(("%s: args[%d] is text, not %s"):format(record.word, count, check.kind(value)))
      return
    elseif not core.is_text(tostring(value)) then
      problems.add(("%s: args[%d] is not plain text"):format(record.word, count))
      return
    else
      texts[count] = core.quote(tostring(value))
    end
  end
  record.args = "[" .. table.concat(texts, ",") .. "]"
end

local function read_timeout(record, timeout)
  if core.is_placeholder(timeout) then
    return
  elseif type(timeout) ~= "string" then
    problems.add(("%s: 'timeout' is a duration such as \"20m\", not %s"):format(record.word,
      check.kind(timeout)))
    return
  end
  local wrong = core.duration_wrong(timeout)
  if wrong then
    problems.add(("%s: 'timeout': %s"):format(record.word, wrong))
  else
    record.timeout = core.quote(timeout)
  end
end

local function read_options(record, options, known)
  check.known(record.word, options, known)
  if options.with ~= nil then
    record.with = template.values(record.word, options.with)
    record.readable = record.readable and record.with ~= nil
  end
  if options.args ~= nil then
    read_args(record, options.args)
  end
  secret.collect(options, record.secrets)
  if options.timeout ~= nil then
    read_timeout(record, options.timeout)
  end
  if type(options.cache) == "boolean" then
    record.cache = options.cache
  elseif options.cache ~= nil and not core.is_placeholder(options.cache) then
    problems.add(("%s: 'cache' is true or false, not %s"):format(record.word, check.kind(options.cache)))
  end
  if record.cache and next(record.secrets) then
    problems.add(record.word .. ": a cached script cannot be given secrets, because what it leaves, perhaps with "
      .. "them in it, is kept for other instances; use them in a script of its own, such as 'startup'")
  end
end

--- Shell scripts are text without zero bytes.
local function check_text(record, text)
  if core.is_text(text) then
    record.text = text
    record.readable = true
  else
    problems.add(("%s is not UTF-8 text"):format(record.word))
  end
end

local function new(source, path, word)
  local file, line = core.where()
  local record = { source = source, path = path, text = "", args = "[]", timeout = "null", cache = false, secrets = {},
    word = word, file = file, line = line }
  records[#records + 1] = record
  record.reference = core.reference("setup_script", record)
  return record
end

local function inline(options)
  local record = new("inline", nil, "setup_script")
  if type(options.inline) == "string" then
    check_text(record, options.inline)
  end
  read_options(record, options, BLOCK_FIELDS)
  record.blocked = true
  if type(options.inline) ~= "string" and not core.is_placeholder(options.inline) then
    problems.add(options.inline == nil
      and "setup_script: give a path, or inline = [[ ... ]], or workspace = \"Users/….sh\""
      or ("setup_script: 'inline' is text, not %s"):format(check.kind(options.inline)))
  end
  return record.reference
end

--- A script in the workspace's file share.  What its path may be is the service's business: the plan
--- checks it.
local function in_workspace(options)
  local path = options.workspace
  if not check.name("setup_script", path, "'workspace'") then
    return core.placeholder
  end
  local record = new("workspace", path, ("setup_script workspace '%s'"):format(path))
  read_options(record, options, BLOCK_FIELDS)
  record.blocked = true
  if options.inline ~= nil then
    problems.add(record.word .. ": give inline or workspace, not both")
  end
  if options.with ~= nil then
    problems.add(record.word .. ": a script of the file share is run as it is there: 'with' has no meaning")
  end
  if next(record.secrets) then
    problems.add(record.word .. ": a script of the file share cannot be given secrets, because nothing in it "
      .. "would say what to hide in its log; send the script itself: setup_script \"x.sh\" { … }")
  end
  return record.reference
end

function setup_script.word(path)
  if type(path) == "table" then
    return path.workspace ~= nil and in_workspace(path) or inline(path)
  elseif not check.name("setup_script", path, "its path") then
    return core.placeholder
  end
  local record = new("inline", path, ("setup_script '%s'"):format(path))
  local text, wrong = files.read(path)
  if text then
    check_text(record, text)
  else
    problems.add(("%s: %s"):format(record.word, wrong))
  end
  return record.reference
end

--- References can be compared and shown, and that of a setup script takes its block.
local meta = core.reference_type

function meta.__call(reference, options)
  local kind, record = core.reference_of(reference)
  if kind ~= "setup_script" then
    problems.add(("%s '%s' takes no block"):format(kind, record))
  elseif record.blocked then
    problems.add(record.word .. " has its block already")
  elseif record.index then
    problems.add(record.word .. " is in use already: give its block where it is declared")
  elseif check.block(record.word, options) then
    record.blocked = true
    read_options(record, options, FIELDS)
  end
  return reference
end

function meta.__eq(a, b)
  local kind_a, value_a = core.reference_of(a)
  local kind_b, value_b = core.reference_of(b)
  return kind_a == kind_b and value_a == value_b
end

function meta.__tostring(reference)
  local kind, value = core.reference_of(reference)
  if kind == "secret" then
    problems.add(("secret '%s' has no text in a recipe: it can be given to a setup script, by itself, in "
      .. "'with' and 'args'"):format(value.name))
    return ("(secret %s)"):format(value.name)
  end
  return kind == "setup_script" and value.word or ("%s '%s'"):format(kind, value)
end

--- A secret joined with text would not be known for one any more.
function meta.__concat(a, b)
  local name = secret.of(a) or secret.of(b)
  if not name then
    error(("attempt to concatenate %s"):format(check.kind(core.reference_of(a) and a or b)), 2)
  end
  problems.add(("secret '%s' cannot be joined with text: give it by itself, in 'with' or 'args', and join "
    .. "it in the script"):format(name))
  return core.placeholder
end

local function names_json(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = core.quote(name)
  end
  table.sort(names)
  return "[" .. table.concat(names, ",") .. "]"
end

function setup_script.write()
  for _, record in ipairs(records) do
    index_of(record)
  end
  core.write(',"scripts":[')
  for i, record in ipairs(numbered) do
    core.write(i > 1 and "," or "", '{"source":"', record.source, '","path":',
      record.path and core.quote(record.path) or "null", ',"secrets":', names_json(record.secrets), ',"text":', core.quote(record.text), ',"args":', record.args, ',"timeout":', record.timeout,
      ',"cache":', tostring(record.cache), ',"lines":', record.lines or "null", ',"at":', problems.at(record.file, record.line), "}")
  end
  core.write("]")
end

return setup_script
