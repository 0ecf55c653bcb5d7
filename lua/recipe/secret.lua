--- secret.lua - the `secret` word: a value that a recipe hands to a setup script and never sees.
---
--- A secret is a reference.  It can stand in `with` and `args` of a setup script and nowhere else: it
--- cannot be joined with text, and as text it is "(secret NAME)".
local check = require "check"
local problems = require "problems"

local secret = {}

local MAX = 64         -- SECRETS_MAX
local NAME_MAX = 128   -- SECRET_NAME_MAX
local records, count = {}, 0 -- by name

--- The name and the value of a secret, or nil.
function secret.of(value)
  local kind, record = core.reference_of(value)
  if kind == "secret" then
    return record.name, record.value
  end
end

--- Adds the names of the secrets in a value, in tables of tables too, to the set `names`.
function secret.collect(value, names, seen)
  seen = seen or {}
  if type(value) == "userdata" then
    local name = secret.of(value)
    if name then
      names[name] = true
    end
  elseif type(value) == "table" and not seen[value] then
    seen[value] = true
    for _, item in next, value do
      if type(item) ~= "string" then
        secret.collect(item, names, seen)
      end
    end
  end
end

local function fetch(name)
  if #name > NAME_MAX or not name:find("^[%a_][%w_]*$") then
    problems.add(("secret '%s': its name is made of letters, digits and '_', a letter first"):format(name))
    return core.placeholder
  elseif count == MAX then
    problems.add(("secret '%s': a recipe uses at most %d secrets"):format(name, MAX))
    return core.placeholder
  end
  local value, wrong = core.secret(name)
  if value then
    count = count + 1
    problems.hide(value, name)
    return core.reference("secret", { name = name, value = value })
  end
  problems.add(wrong and ("secret '%s' %s"):format(name, wrong)
    or ("secret '%s' has no value: set MOONFLEET_SECRET_%s in the environment, or write %s=… into a file "
      .. "of your own and give it with --secrets FILE"):format(name, name, name))
  return core.placeholder
end

--- secret "NAME" → the secret, its value from whoever runs the recipe
function secret.word(name)
  if not check.name("secret", name, "its name") then
    return core.placeholder
  end
  records[name] = records[name] or fetch(name)
  return records[name]
end

return secret
