-- The one way a request changes: QUEUED -> PROCESSING -> COMPLETED | FAILED, and QUEUED -> FAILED.
-- KEYS: record, waiting, deadlines, and for `complete` the picture.
-- ARGV: move, request id, channel, prefix of API keys, then what the move needs (said at each move; all
-- lengths in ms).
-- Answers {'ok', ...} or {reason}: exists, revoked, credits, missing, terminal, stale, exhausted, early.
local record, waiting, deadlines, picture = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local move, id, channel, key_prefix = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local args = {unpack(ARGV, 5)}
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local status = redis.call('HGET', record, 'status')

local function enter(new_status)
  redis.call('HSET', record, 'status', new_status)
  redis.call('PUBLISH', channel, id .. ' ' .. new_status)
end

local function leave_queues()
  redis.call('ZREM', waiting, id)
  redis.call('ZREM', deadlines, id)
end

-- A request's credits are held from its making to its end: charge goes held -> settled | released, once.
local function hold(key, credits, cost)
  redis.call('HINCRBY', key, 'credits', -cost)
  redis.call('HINCRBY', key, 'held', cost)
  redis.call('HSET', record, 'charge', 'held', 'cost', cost)
  return credits - cost
end

local function settle(new_status)
  local kept = redis.call('HMGET', record, 'charge', 'cost', 'key_id')
  if kept[1] ~= 'held' then return end
  local cost, key = kept[2], key_prefix .. kept[3]
  local done = new_status == 'COMPLETED'
  redis.call('HSET', record, 'charge', done and 'settled' or 'released')
  if redis.call('EXISTS', key) == 1 then
    redis.call('HINCRBY', key, 'held', -cost)
    redis.call('HINCRBY', key, done and 'spent' or 'credits', cost)
  end
end

local function finish(new_status, ttl_ms, ...)
  local expires_at = now + ttl_ms
  redis.call('HSET', record, 'finished_at', now, 'expires_at', expires_at, ...)
  if new_status == 'FAILED' then redis.call('HSET', record, 'params', '{}') end -- nobody pays to fill Redis
  redis.call('PEXPIREAT', record, expires_at)
  leave_queues()
  settle(new_status)
  enter(new_status)
  return expires_at
end

if move == 'create' then
  -- start_timeout, key id, cost, params, then the queue's commands, each as its length and its words
  if status then return {'exists'} end
  local key = key_prefix .. args[2]
  if redis.call('EXISTS', key) == 0 then return {'revoked'} end
  local credits, cost = redis.call('HGET', key, 'credits'), tonumber(args[3])
  if credits and tonumber(credits) < cost then return {'credits', credits} end
  local at = 5
  while args[at] do
    local length = tonumber(args[at])
    redis.call(unpack(args, at + 1, at + length))
    at = at + 1 + length
  end
  redis.call('HSET', record, 'created_at', now, 'attempts', 0, 'key_id', args[2], 'params', args[4])
  if credits and cost > 0 then credits = hold(key, credits, cost) end
  redis.call('ZADD', waiting, now, id)
  redis.call('ZADD', deadlines, now + args[1], id)
  enter('QUEUED')
  return {'ok', credits or 'unlimited'}
end

if not status then
  leave_queues()
  return {'missing'}
end
if status == 'COMPLETED' or status == 'FAILED' then return {'terminal'} end

local attempts = redis.call('HGET', record, 'attempts')

if move == 'claim' then
  -- attempt_timeout, max_attempts, ttl, code, error
  if tonumber(attempts) >= tonumber(args[2]) then
    finish('FAILED', args[3], 'code', args[4], 'error', args[5])
    return {'exhausted'}
  end
  redis.call('HSETNX', record, 'started_at', now)
  redis.call('ZREM', waiting, id)
  redis.call('ZADD', deadlines, now + args[1], id)
  if status == 'QUEUED' then enter('PROCESSING') end
  return {'ok', redis.call('HINCRBY', record, 'attempts', 1), redis.call('HGET', record, 'params')}
end

if move == 'complete' then
  -- attempt, ttl, output, metrics, path, content_type, file_size
  if status ~= 'PROCESSING' or args[1] ~= attempts then return {'stale'} end
  local expires_at = finish('COMPLETED', args[2], 'output', args[3], 'metrics', args[4])
  redis.call('HSET', picture, 'path', args[5], 'content_type', args[6], 'file_size', args[7],
    'expires_at', expires_at, 'owner', redis.call('HGET', record, 'key_id'))
  redis.call('PEXPIREAT', picture, expires_at)
  return {'ok'}
end

if move == 'fail' then
  -- attempt (or '' for any), ttl, code, error, metrics
  if args[1] ~= '' and args[1] ~= attempts then return {'stale'} end
  finish('FAILED', args[2], 'code', args[3], 'error', args[4], 'metrics', args[5])
  return {'ok'}
end

if move == 'expire' then
  -- ttl, code, error if it is QUEUED, code, error if it is PROCESSING
  local deadline = redis.call('ZSCORE', deadlines, id)
  if deadline and now < tonumber(deadline) then return {'early'} end
  local at = status == 'QUEUED' and 2 or 4
  finish('FAILED', args[1], 'code', args[at], 'error', args[at + 1])
  return {'ok'}
end

return redis.error_reply('unknown move ' .. move)
