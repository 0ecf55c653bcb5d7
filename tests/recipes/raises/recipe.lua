fleet "ds" {}

local function check(name)
  error("bad name " .. name, 2)
end

check("ada")
