fleet "ds" {}
file "../whole-language/people.csv"
file "/etc/passwd"
file "/proc/self/environ"
file "link"
file "nowhere"
file "."
env "RECIPE_TEST_TOKEN"
env "AZURE_CLIENT_SECRET"
env "ssh_private_key"
env "NOT A NAME"
assert(env "RECIPE_TEST_NOT_SET" == nil)
assert(env("RECIPE_TEST_NOT_SET", "x") == "x")
