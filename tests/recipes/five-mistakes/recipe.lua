fleet "ds" {}

local missing = setup_script "setup/missing.sh" { timeout = "20m" }

instance "ds-ada" { size = "Standard_DS3_v2", setup = missing }
instance "DS-Ada" { size = "Standard_DS3_v2" }
instanze "ds-grace" { size = "Standard_DS3_v2" }
instance "ds-linus" { ssh = { public_key = file "keys/linus.pub" } }
instance(42) {}
instance "ds-margaret" "no block"
