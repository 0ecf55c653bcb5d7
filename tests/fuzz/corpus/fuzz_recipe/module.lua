local m = require "lib.m"
local ok, e = pcall(function() return json "x.json" end)
return { m = m, e = env "HOME" }