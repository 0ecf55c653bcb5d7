local people = require "lib.people"
local machine = require "machine"
assert(require "lib/people" == people)
fleet "ds" {}
for _, person in ipairs(people) do
  machine(person)
end
