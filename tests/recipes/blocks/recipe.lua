instance "early"
fleet "ds"
fleet "other" {}
local twice = instance "twice"
twice {}
twice {}
user "ada" {}
setup_script "x.sh" { with = { packages = {} }, arg = { 1 }, timeout = "soon" }
setup_script { args = { {} } }
setup_script { inline = 3 }
output("o", 1)
output("o", 2)
user(nil)
group ""
