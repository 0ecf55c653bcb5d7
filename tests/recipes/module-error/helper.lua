local helper = {}

local function name_of(person)
  return person.name .. "x"
end

function helper.make(person)
  local name = name_of(person)
  instance(name) {}
end

return helper
