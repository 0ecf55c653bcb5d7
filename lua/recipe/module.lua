--- module.lua - `require` inside the recipe's folder: "lib.team" is lib/team.lua or lib/team/init.lua.
local check = require "check"
local files = require "files"
local problems = require "problems"

local module = {}

local loaded = {}  -- file → { value }
local loading = {} -- names, outermost first, of what is being loaded

--- The file of a module and its text; nil and why not.
local function find(name)
  local path = name:gsub("%.", "/")
  for _, candidate in ipairs { path .. ".lua", path .. "/init.lua" } do
    if loaded[candidate] then
      return candidate
    end
    local text, wrong, missing = files.read(candidate)
    if text then
      return candidate, text
    elseif not missing then
      return nil, ("module '%s': %s"):format(name, wrong)
    end
  end
  return nil, ("module '%s' was not found: there is neither %s.lua nor %s/init.lua in the recipe's folder")
    :format(name, path, path)
end

local function check_cycle(name, file)
  for i, outer in ipairs(loading) do
    if outer.file == file then
      local names = {}
      for k = i, #loading do
        names[#names + 1] = loading[k].name
      end
      names[#names + 1] = name
      problems.add(("module '%s' requires itself: %s"):format(name, table.concat(names, " -> ")))
      return false
    end
  end
  return true
end

--- Runs the module.  An error in it goes on to whoever required it.
local function run(chunk, name, file)
  local depth = #loading
  local guard <close> = setmetatable({}, { __close = function()
    for i = #loading, depth + 1, -1 do
      loading[i] = nil
    end
  end })
  loading[depth + 1] = { name = name, file = file }
  local value = chunk(name, file)
  if value == nil then
    value = true
  end
  loaded[file] = { value }
  return value
end

--- The `require` of a recipe with these globals.
function module.loader(globals)
  return function(name)
    if not check.name("require", name, "the module's name") then
      return core.placeholder
    elseif not name:find("^[%w_%-]+[%w_%-./]*$") or name:find("[./][./]") or name:find("[./]$") then
      problems.add(("require: '%s' is no module's name"):format(name))
      return core.placeholder
    end
    local file, text = find(name)
    if not file then
      problems.add(text)
      return core.placeholder
    elseif loaded[file] then
      return loaded[file][1]
    elseif not check_cycle(name, file) then
      return core.placeholder
    end
    local chunk, wrong, line = core.compile(text, file, globals)
    if not chunk then
      problems.add(wrong, file, line)
      return core.placeholder
    end
    return run(chunk, name, file)
  end
end

return module
