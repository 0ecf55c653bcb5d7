--- files.lua - `file`, `csv`, `json`, `env`: what a recipe may read.  The parent opens files, and only
--- inside the recipe's folder.
local check = require "check"
local problems = require "problems"

local files = {}

local texts = {} -- path → text: a file is the same during a whole run

--- The text of a file; or nil, why not, and whether it is only missing.
function files.read(path)
  if texts[path] then
    return texts[path]
  end
  local text, wrong, missing = core.read(path)
  texts[path] = text
  return text, wrong, missing
end

local function read(word, path)
  if not check.name(word, path, "the path") then
    return nil
  end
  local text, wrong = files.read(path)
  if not text then
    problems.add(("%s '%s': %s"):format(word, path, wrong))
  end
  return text
end

--- file "path" → its text, without the newline at its end
function files.file(path)
  local text = read("file", path)
  if not text then
    return core.placeholder
  end
  return (text:gsub("\r?\n$", ""))
end

--- Asking a row for a column that does not exist is a mistake, not nil.
local function watch_rows(path, rows)
  local columns = {}
  for name in pairs(rows[1] or {}) do
    columns[#columns + 1] = name
  end
  local meta = {
    __index = function(_, key)
      if type(key) == "string" then
        error(("%s has no column '%s'%s"):format(path, key, problems.suggestion(key, columns)), 2)
      end
    end,
    __metatable = false,
  }
  for _, row in ipairs(rows) do
    setmetatable(row, meta)
  end
end

--- csv "path" → a list of rows, each a table by the names of the header row
function files.csv(path)
  local text = read("csv", path)
  if not text then
    return core.placeholder
  end
  local rows, wrong = core.csv(text)
  for _, problem in ipairs(wrong) do
    problems.add(problem[2], path, problem[1])
  end
  watch_rows(path, rows)
  return rows
end

--- json "path" → its value
function files.json(path)
  local text = read("json", path)
  if not text then
    return core.placeholder
  end
  local done, value, line = core.json(text)
  if not done then
    problems.add(value, path, line)
    return core.placeholder
  end
  return value
end

--- env "NAME" → the value of an environment variable, or `default`, or nil
function files.env(name, default)
  if not check.name("env", name, "the variable's name") then
    return core.placeholder
  end
  local value, wrong = core.env(name)
  if wrong then
    problems.add(("env '%s': %s"):format(name, wrong))
    return core.placeholder
  end
  if value == nil then
    return default
  end
  return value
end

return files
