-- The request that a move is about.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local move, id, record, args

-- As text: Redis formats a number of Lua's slowly, and each time.
local function whole(number) return string.format('%d', number) end
local at = whole(now)

-- RQ's keys decide nothing: a value of a wrong type is replaced.
local function rq(command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if type(answer) == 'table' and answer.err then
    if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('DEL', key) end
    answer = redis.call(command, key, ...)
  end
  return answer
end

-- Wakes one idle worker; that one wakes the next where its claim leaves some in the queue.
local function ring()
  if rq('LLEN', BELL) == 0 then rq('RPUSH', BELL, 1) end
end
