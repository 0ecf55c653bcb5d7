-- Its test gives MOONFLEET_SECRET_TOKEN and MOONFLEET_SECRET_PIN, which is too short.
fleet "ds" { tags = { token = secret "TOKEN" } }
local token = secret "TOKEN"
secret "MISSING"
secret "PIN"
secret "two words"
secret(7)
secret ""
instance("ds-" .. token) { description = token .. "x" }
instance "ds-b" { description = tostring(token), setup = setup_script { workspace = "a.sh", args = { token } } }
instance "ds-c" { description = ("%s"):format(token), setup = setup_script { workspace = 7 } }
instance "ds-d" { setup = setup_script { workspace = "a.sh", inline = "" } }
output("token", { token })
instance "ds-e" { setup = setup_script { inline = "#!/bin/sh\n", args = { token }, cache = true } }
local wrong = "x" .. user "ada@moonfleet.local"
