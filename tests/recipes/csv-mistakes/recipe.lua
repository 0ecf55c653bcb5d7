fleet "ds" {}
for _, row in ipairs(csv "people.csv") do
  instance(row.login) {}
end
for _, row in ipairs(csv "twice.csv") do
  instance(row.login) {}
end
for _ in ipairs(csv "missing.csv") do
  instance "never" {}
end
for _ in ipairs(csv "empty.csv") do end
local names = json "broken.json"
output("name", names.first)
