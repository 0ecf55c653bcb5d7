--- problems.lua - the mistakes of a recipe, collected so that one run tells them all.
local problems = {}

local LIMIT = 1000 -- mistakes
local MESSAGE_MAX = 1500 -- bytes

local list, seen = {}, {}
local sink -- who is told instead, while something else than the recipe is run
local hidden = {} -- { value, what stands for it }, longest value first

--- From now on the value of a secret is not in what a recipe says.
function problems.hide(value, name)
  hidden[#hidden + 1] = { value, ("(secret %s)"):format(name) }
  table.sort(hidden, function(a, b) return #a[1] > #b[1] end)
end

local function hide(text)
  for _, pair in ipairs(hidden) do
    local from, to = text:find(pair[1], 1, true)
    while from do
      text = text:sub(1, from - 1) .. pair[2] .. text:sub(to + 1)
      from, to = text:find(pair[1], from + #pair[2], true)
    end
  end
  return text
end

--- One line of printable text: what recipes raise ends up on terminals.
function problems.plain(text)
  text = hide(text):gsub("\xC2[\x80-\x9F]", "?"):gsub("%c+", " ")
  if #text > MESSAGE_MAX then
    local cut = MESSAGE_MAX
    while cut > 1 and text:byte(cut + 1) & 0xC0 == 0x80 do -- never inside a character
      cut = cut - 1
    end
    text = text:sub(1, cut) .. "..."
  end
  return text
end

--- The JSON of a place.
function problems.at(file, line)
  return ('{"file":%s,"line":%d}'):format(core.quote(file), line)
end

local function add(message, file, line, trace)
  message = problems.plain(message)
  local key = ("%s:%d:%s"):format(file, line, message)
  if not seen[key] then
    seen[key] = true
    list[#list + 1] = { message = message, file = file, line = line, trace = trace }
  end
end

--- From now on mistakes go to sink(message, file, line); gives what was there before, for the way back.
function problems.divert(to)
  local before = sink
  sink = to
  return before
end

--- Notes a mistake; without a place: that of the recipe's code that called.
function problems.add(message, file, line)
  if not file then
    file, line = core.where()
  end
  if sink then
    return sink(message, file, line)
  end
  add(message, file, line)
  if #list >= LIMIT then
    error(("more than %d mistakes: the rest is not looked at"):format(LIMIT), 0)
  end
end

local translations = {
  ["C stack overflow"] = "nested too deeply (C stack overflow)",
  ["stack overflow"] = "functions call each other too deeply (stack overflow)",
}

--- Notes the error that ended the recipe.
function problems.failed(message, file, line, trace)
  for from, to in pairs(translations) do
    if message:sub(1, #from) == from then
      message = to
    end
  end
  add(message, file, line, trace)
end

--- ", did you mean 'x'?" or "".
function problems.suggestion(word, candidates)
  local near = core.nearest(word, candidates)
  return near and (", did you mean '%s'?"):format(near) or ""
end

local function trace_json(trace)
  local frames = {}
  for i, frame in ipairs(trace) do
    frames[i] = problems.at(frame[1], frame[2])
  end
  return ',"trace":[' .. table.concat(frames, ",") .. "]"
end

function problems.write()
  core.write(',"problems":[')
  for i, problem in ipairs(list) do
    core.write(i > 1 and "," or "", '{"message":', core.quote(problem.message), ',"at":',
      problems.at(problem.file, problem.line), problem.trace and trace_json(problem.trace) or "", "}")
  end
  core.write("]")
end

return problems
