fleet "ds" {}
local step = coroutine.wrap(function()
  instance "ok" {}
  coroutine.yield()
  local nothing
  nothing.field = 1
end)
step()
step()
