fleet "ds" {}
pool { role = "AzureML Compute Operator", to = group "data-scientists" }
for _, row in ipairs(cvs "people.csv") do
  instance(row.login) {}
end
for line in io.lines("people.csv") do
  instance(line) {}
end
instance("ds-" .. os.getenv("HOME")) { size = os.time() + 1 }
while undefined do
  undefined()
  break
end
local text = ("x"):uper()
