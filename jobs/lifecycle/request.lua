-- The time in ms, the current request, and helpers of all scripts that change requests.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local move, id, record, args

-- As text, because Redis itself formats a Lua number slowly, each time it is an argument.
local function integer(number) return string.format('%d', number) end
local now_text = integer(now)

local function append(list, ...)
  for _, value in ipairs({...}) do list[#list + 1] = value end
end

-- RQ's keys are only a copy for dashboards, so a value of a wrong type is replaced.
local function rq(command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if type(answer) == 'table' and answer.err then
    if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('DEL', key) end
    answer = redis.call(command, key, ...)
  end
  return answer
end

-- Wakes one idle worker, which wakes the next if its claim leaves requests in the queue.
local function ring_bell()
  if rq('LLEN', BELL) == 0 then rq('RPUSH', BELL, 1) end
end
