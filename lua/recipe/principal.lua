--- principal.lua - `user`, `group`, `service_principal`: who, to be looked up when a plan is made.
local check = require "check"

local function word(kind, what)
  return function(name)
    if not check.name(kind, name, what) then
      return core.placeholder
    end
    return core.reference(kind, name)
  end
end

return {
  user = word("user", "the user principal name"),
  group = word("group", "the group's name"),
  service_principal = word("service_principal", "the service principal's name"),
}
