--- grant.lua - the `grant` word: gives a role to somebody.  It has no name of its own.
local check = require "check"
local declarations = require "declarations"

local grant = {}

--- grant { role = "…", to = group "…", scope = "…" }
function grant.word(fields)
  local file, line = core.where()
  if check.block("grant", fields, file, line) then
    local role = rawget(fields, "role")
    local name = type(role) == "string" and role ~= "" and #role <= 256 and core.is_text(role)
      and not role:find("%c") and role or "grant"
    declarations.add("grant", name, check.fields("grant", fields, file, line), file, line)
  end
end

return grant
