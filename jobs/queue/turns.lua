-- Whose request starts next. The QUEUED requests of a key stand in its line, first come, first served. A line has a turn for each
-- of them, and all turns stand in one sorted set by virtual time: those of a line are 1 / weight of its key apart, and the first
-- of a new line comes that long after the turn that is next. So keys take turns, whatever each has waiting, and a key alone has
-- all of them (self-clocked fair queueing, S. J. Golestani, 1994). Turns are numbered and not bound to requests: one that leaves
-- early takes the last turn of its line with it, and those behind it move up.

local function turn_of(key_id, number) return key_id .. ' ' .. whole(number) end

-- What RQ and its dashboards see of a line.
local function rq_queue_of(key_id) return RQ_QUEUE .. ':' .. key_id end

-- The number of its last turn and the virtual time of that; of a new line, from which its first turn is counted.
local function last_turn(key_id)
  local number = tonumber(redis.call('HGET', LAST_TURNS, key_id) or 0)
  local time = number > 0 and redis.call('ZSCORE', TURNS, turn_of(key_id, number))
  return number, tonumber(time or redis.call('ZRANGE', TURNS, 0, 0, 'WITHSCORES')[2] or 0)
end

-- How many turns come before the last of the next `count` of a key.
local function turns_before(key_id, weight, count)
  local _, time = last_turn(key_id)
  return redis.call('ZCOUNT', TURNS, '-inf', '(' .. string.format('%.17g', time + count / weight)) + count - 1
end

-- As many more turns as there are `requests`, which stand in the line of their key: by `push` at its end, or at its head.
local function add_turns(key_id, weight, requests, push)
  local queue, turns = rq_queue_of(key_id), {}
  local number, time = last_turn(key_id)
  for nth = 1, #requests do
    turns[2 * nth - 1], turns[2 * nth] = string.format('%.17g', time + nth / weight), turn_of(key_id, number + nth)
  end
  redis.call('HSET', LAST_TURNS, key_id, whole(number + #requests))
  redis.call('ZADD', TURNS, unpack(turns))
  if rq(push, queue, unpack(requests)) == #requests then rq('SADD', RQ_QUEUES, RQ_QUEUE, queue) end
  ring()
end

-- At the end of the line of its key.
local function join_line(key_id, weight, requests)
  local line, places, waiting = LINE .. key_id, {}, {}
  local newest = tonumber(redis.call('ZRANGE', line, -1, -1, 'WITHSCORES')[2] or 0)
  for nth, request in ipairs(requests) do
    places[2 * nth - 1], places[2 * nth] = whole(newest + nth), request
    waiting[2 * nth - 1], waiting[2 * nth] = at, request
  end
  redis.call('ZADD', line, unpack(places))
  redis.call('ZADD', WAITING, unpack(waiting))
  add_turns(key_id, weight, requests, 'RPUSH')
end

-- At the head of it: it has begun before, and is not QUEUED any more.
local function rejoin_line(key_id, request)
  local line = LINE .. key_id
  local oldest = tonumber(redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')[2] or 1)
  redis.call('ZADD', line, whole(oldest - 1), request)
  add_turns(key_id, tonumber(redis.call('HGET', API_KEY .. key_id, 'weight') or 1), {request}, 'LPUSH')
end

-- Entries that many moves of one call take out of RQ's queues: removed together, as each is searched for from an end.
local leaving

local function leave_rq_queue(queue, place, left, request)
  if leaving then
    leaving[queue] = leaving[queue] or {}
    leaving[queue][#leaving[queue] + 1] = {place, request, left}
  else
    rq('LREM', queue, place <= left - place and 1 or -1, request) -- from the nearer end
  end
end

-- Those that left in their order, as they mostly do, are found by their places.
local function flush_leaving()
  for queue, entries in pairs(leaving) do
    local place, _, left = unpack(entries[1])
    local marked = 0
    for nth, entry in ipairs(entries) do
      local index, request = entry[1] + nth - 1, entry[2]
      if rq('LINDEX', queue, index) == request then
        rq('LSET', queue, index, '')
        marked = marked + 1
      else
        rq('LREM', queue, 1, request)
      end
    end
    if marked > 0 then rq('LREM', queue, place <= left - place and marked or -marked, '') end
  end
  leaving = nil
end

-- Takes `turn`, or the last one of its line. Answers whether it stood in it.
local function leave_line(key_id, request, turn)
  local line = LINE .. key_id
  local place = redis.call('ZRANK', line, request)
  if not place then return false end
  redis.call('ZREM', line, request)
  local left, queue = redis.call('ZCARD', line), rq_queue_of(key_id)
  leave_rq_queue(queue, place, left, request)
  if not turn then turn = turn_of(key_id, redis.call('HINCRBY', LAST_TURNS, key_id, -1) + 1) end
  redis.call('ZREM', TURNS, turn)
  if left == 0 then
    redis.call('HDEL', LAST_TURNS, key_id)
    rq('SREM', RQ_QUEUES, queue)
  end
  return true
end

-- The request whose turn it is, its key and the turn. Drops turns of an empty line.
local function first_in_turn()
  local turn = redis.call('ZRANGE', TURNS, 0, 0)[1]
  while turn do
    local key_id = string.match(turn, '^%S*')
    local request = redis.call('ZRANGE', LINE .. key_id, 0, 0)[1]
    if request then return request, key_id, turn end
    redis.call('ZREM', TURNS, turn)
    turn = redis.call('ZRANGE', TURNS, 0, 0)[1]
  end
end
