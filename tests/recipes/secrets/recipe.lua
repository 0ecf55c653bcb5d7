-- Its test gives MOONFLEET_SECRET_TOKEN.
fleet "ds" {}
local token = secret "TOKEN"
print("the token is", token, token == secret "TOKEN")
instance "ds-ada" {
  setup = setup_script { inline = "login $1 $2", args = { token, "plain" } },
  startup = setup_script { workspace = "Users/ada/start.sh", args = { "two words" }, timeout = "5m" },
}
