fleet "ds" {}
local function script(n)
  return setup_script { inline = "echo " .. n }
end
instance "b2" { setup = script(2) }
instance "a2" { setup = script(2), startup = setup_script "x.sh" }
script(3)
output("setup", instances()[2].setup)
output("equal", user "a" == user "a")
output("different", user "a" == group "a")
output("shown", tostring(user "a"))
