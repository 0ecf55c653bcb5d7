-- the other one
local a = require "a"
return a
