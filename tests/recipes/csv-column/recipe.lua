fleet "ds" {}
for _, person in ipairs(csv "people.csv") do
  instance("ds-" .. person.logn) {}
end
