-- Who calls, and whether they may call now: one step, so that it costs no round trip of its own.
-- KEYS: entry of the presented key's digest, bucket of the client's address, what the caller wants to read.
-- ARGV: prefix of API keys, prefix of the keys' buckets, bucket, count and period (ms) of a key without a
-- rate of its own, count and period of an address, then the fields to read, none for all of them.
-- Answers {{allowed, count, period, remaining, wait, until full} (ms), followed for a valid key by
-- {id, digests, scopes, credits}; what was read, as HMGET or HGETALL do; place in the queue or false}.
local key_prefix, bucket_prefix, bucket = ARGV[1], ARGV[2], ARGV[3]
local LAST_USED_STEP = 60000 -- ms: so that a poll is no write to the key
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000

-- The generic cell rate algorithm: a bucket is the time at which it will be full again.
local function take(bucket_key, count, period)
  if count == 0 then return {1, 0, 0, 0, 0, 0} end
  local interval = period / count
  local full_at = math.max(tonumber(redis.call('GET', bucket_key) or now), now)
  local wait = full_at + interval - period - now
  if wait > 0.001 then -- 0.001: what doubles lose of a time in ms
    return {0, count, period, 0, math.ceil(wait), math.ceil(full_at - now)}
  end
  full_at = full_at + interval
  local left = full_at - now
  redis.call('SET', bucket_key, string.format('%.17g', full_at), 'PX', math.max(1, math.ceil(left)))
  return {1, count, period, math.floor((period - left) / interval + 0.001), 0, math.ceil(left)}
end

local function admit()
  local id = redis.call('GET', KEYS[1])
  if not id then return take(KEYS[2], tonumber(ARGV[6]), tonumber(ARGV[7])) end
  local key = key_prefix .. id
  local kept = redis.call('HMGET', key, 'digests', 'scopes', 'credits', 'expires_at', 'last_used_at',
    'count:' .. bucket, 'period:' .. bucket)
  if not kept[1] or (kept[4] and now >= tonumber(kept[4])) then
    return take(KEYS[2], tonumber(ARGV[6]), tonumber(ARGV[7]))
  end
  if now - tonumber(kept[5] or 0) > LAST_USED_STEP then
    redis.call('HSET', key, 'last_used_at', math.floor(now))
  end
  local answer = take(bucket_prefix .. id, tonumber(kept[6] or ARGV[4]), tonumber(kept[7] or ARGV[5]))
  for _, value in ipairs({id, kept[1], kept[2], kept[3] or ''}) do answer[#answer + 1] = value end
  return answer
end

local function place(key)
  return redis.call('HGET', key, 'status') == 'QUEUED' and redis.call('ZRANK', WAITING, string.sub(key, #REQUEST + 1))
end

local admission, wanted = admit(), KEYS[3]
if not wanted then return {admission} end
if not ARGV[8] then return {admission, redis.call('HGETALL', wanted)} end
return {admission, redis.call('HMGET', wanted, unpack(ARGV, 8)), place(wanted)}
