-- Fairness between keys: self-clocked fair queueing (S. J. Golestani, 1994). Each key has a FIFO queue of its QUEUED requests,
-- and one turn for each of them. All turns are in one sorted set by virtual time. The turns of a key are 1 / weight apart; the
-- first turn of a queue that was empty follows the next turn of all at that distance. So keys take turns however many requests
-- each has queued, and a single key gets all turns. Turns are numbered, not bound to requests: a request that leaves early
-- removes the last turn of its key, and the requests behind it move up.

local function turn_of(key_id, number) return key_id .. ' ' .. integer(number) end

-- The RQ queue in which dashboards show the queue of a key.
local function rq_queue_of(key_id) return RQ_QUEUE .. ':' .. key_id end

-- The number of a key's last turn and its virtual time; for an empty queue, 0 and the virtual time of the next turn of all.
local function last_turn(key_id)
  local number = tonumber(redis.call('HGET', LAST_TURNS, key_id) or 0)
  local time = number > 0 and redis.call('ZSCORE', TURNS, turn_of(key_id, number))
  return number, tonumber(time or redis.call('ZRANGE', TURNS, 0, 0, 'WITHSCORES')[2] or 0)
end

-- How many turns would precede the last of `count` new turns of a key.
local function turns_before(key_id, weight, count)
  local _, time = last_turn(key_id)
  return redis.call('ZCOUNT', TURNS, '-inf', '(' .. string.format('%.17g', time + count / weight)) + count - 1
end

-- Adds a turn for each of `requests`, which are already in the queue of their key. `push` adds them to RQ's queue: RPUSH at
-- its end, LPUSH at its head.
local function add_turns(key_id, weight, requests, push)
  local queue, turns = rq_queue_of(key_id), {}
  local number, time = last_turn(key_id)
  for nth = 1, #requests do
    turns[2 * nth - 1], turns[2 * nth] = string.format('%.17g', time + nth / weight), turn_of(key_id, number + nth)
  end
  redis.call('HSET', LAST_TURNS, key_id, integer(number + #requests))
  redis.call('ZADD', TURNS, unpack(turns))
  if rq(push, queue, unpack(requests)) == #requests then rq('SADD', RQ_QUEUES, RQ_QUEUE, queue) end
  ring_bell()
end

local function append_to_key_queue(key_id, weight, requests)
  local key_queue, scores, waiting = KEY_QUEUE .. key_id, {}, {}
  local newest = tonumber(redis.call('ZRANGE', key_queue, -1, -1, 'WITHSCORES')[2] or 0)
  for nth, request in ipairs(requests) do
    scores[2 * nth - 1], scores[2 * nth] = integer(newest + nth), request
    waiting[2 * nth - 1], waiting[2 * nth] = now_text, request
  end
  redis.call('ZADD', key_queue, unpack(scores))
  redis.call('ZADD', WAITING, unpack(waiting))
  add_turns(key_id, weight, requests, 'RPUSH')
end

-- Puts a request that has started before, and so is not QUEUED, at the head of the queue of its key.
local function prepend_to_key_queue(key_id, request)
  local key_queue = KEY_QUEUE .. key_id
  local oldest = tonumber(redis.call('ZRANGE', key_queue, 0, 0, 'WITHSCORES')[2] or 1)
  redis.call('ZADD', key_queue, integer(oldest - 1), request)
  add_turns(key_id, tonumber(redis.call('HGET', API_KEY .. key_id, 'weight') or 1), {request}, 'LPUSH')
end

-- Entries to remove from RQ's queues, collected during a sweep and removed together, as LREM searches for each one; else nil.
local removals

-- `remaining` is the length of the queue without this entry.
local function leave_rq_queue(queue, rank, remaining, request)
  if removals then
    removals[queue] = removals[queue] or {}
    removals[queue][#removals[queue] + 1] = {rank, request, remaining}
  else
    rq('LREM', queue, rank <= remaining - rank and 1 or -1, request) -- from the nearer end
  end
end

-- Entries mostly leave in queue order, so that their index is known: they are marked, then removed in one scan.
local function flush_removals()
  for queue, entries in pairs(removals) do
    local rank, _, remaining = unpack(entries[1])
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
    if marked > 0 then rq('LREM', queue, rank <= remaining - rank and marked or -marked, '') end
  end
  removals = nil
end

-- Removes a request from the queue of its key, with `turn` or else the key's last turn. Returns whether it was queued.
local function leave_key_queue(key_id, request, turn)
  local key_queue = KEY_QUEUE .. key_id
  local rank = redis.call('ZRANK', key_queue, request)
  if not rank then return false end
  redis.call('ZREM', key_queue, request)
  local remaining, queue = redis.call('ZCARD', key_queue), rq_queue_of(key_id)
  leave_rq_queue(queue, rank, remaining, request)
  if not turn then turn = turn_of(key_id, redis.call('HINCRBY', LAST_TURNS, key_id, -1) + 1) end
  redis.call('ZREM', TURNS, turn)
  if remaining == 0 then
    redis.call('HDEL', LAST_TURNS, key_id)
    rq('SREM', RQ_QUEUES, queue)
  end
  return true
end

-- Returns the request whose turn is next, its key and the turn. Drops turns of empty queues.
local function first_in_turn()
  local turn = redis.call('ZRANGE', TURNS, 0, 0)[1]
  while turn do
    local key_id = string.match(turn, '^%S*')
    local request = redis.call('ZRANGE', KEY_QUEUE .. key_id, 0, 0)[1]
    if request then return request, key_id, turn end
    redis.call('ZREM', TURNS, turn)
    turn = redis.call('ZRANGE', TURNS, 0, 0)[1]
  end
end
