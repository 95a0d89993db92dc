-- Authenticates calls, applies their rate limits, and reads the records they ask for, all in one round trip.
-- Prepended constants: RATES, {count, period in ms} by bucket; READS, the buckets of read-only calls; FIELDS, the record fields by
-- view; WRITES; and `record.lua`. Without WRITES, while Redis refuses changes, reads are checked against the limits but not
-- counted, and other calls get an error.
-- ARGV: the number of this batch, then one line for each call: digest of the presented key, address, bucket, bucket of the
-- address, what to read ('picture', a name of FIELDS, or ''), and the picture's token or the request's id, which may be any text.
-- KEYS: the last batch of this client. When a batch is repeated because its reply was late, a call counts only once.
-- Returns for each call {{allowed, count, period, remaining, wait, until full} (ms), followed for a valid key by
-- {id, digests, scopes, credits}; the values read, as HMGET or HGETALL return them; position in the queue or false}.
local LAST_USED_STEP = 60000 -- ms: so that not every poll writes to the key
local BUCKET_TTL = 60000 -- ms at least: Redis writes each expiry of a bucket to disk
local REPEATED_WITHIN = 5000 -- ms
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
-- If this batch ran before: one digit for each line, 1 if it was counted.
local earlier = string.match(redis.call('GET', KEYS[1]) or '', '^' .. ARGV[1] .. ' (%d+)$')
local line_number, counted = 0, {}

-- Not replicated or written to disk, or each poll would wait for the disk; after a restart all buckets are full.
local function set_unreplicated(...)
  if not WRITES then return end
  redis.set_repl(redis.REPL_NONE)
  redis.call('SET', ...)
  redis.set_repl(redis.REPL_ALL)
end

-- The generic cell rate algorithm: a bucket stores the time at which it will be full again. That is at most one period away,
-- unless the clock went back or the rate was changed.
local function take(bucket_key, count, period)
  if count == 0 then return {1, 0, 0, 0, 0, 0} end
  local interval = period / count
  local full_at = math.min(math.max(tonumber(redis.call('GET', bucket_key) or now), now), now + period)
  if earlier and string.sub(earlier, line_number, line_number) == '1' then
    return {1, count, period, math.max(0, math.floor((period - full_at + now) / interval + 0.001)), 0,
      math.ceil(full_at - now)}
  end
  local wait = full_at + interval - period - now
  if wait > 0.001 then -- 0.001: the rounding error of a time in ms as a double
    return {0, count, period, 0, math.ceil(wait), math.ceil(full_at - now)}
  end
  full_at = full_at + interval
  local until_full = full_at - now
  set_unreplicated(bucket_key, string.format('%.17g', full_at), 'PX', math.max(BUCKET_TTL, math.ceil(until_full)))
  counted[line_number] = '1'
  return {1, count, period, math.floor((period - until_full) / interval + 0.001), 0, math.ceil(until_full)}
end

local function admit(digest, address, bucket, address_bucket)
  local id = redis.call('GET', KEY_DIGEST .. digest)
  local key = id and API_KEY .. id
  local digests, scopes, credits, expires_at, last_used_at, own_count, own_period
  if key then
    digests, scopes, credits, expires_at, last_used_at, own_count, own_period = unpack(redis.call('HMGET', key, 'digests',
      'scopes', 'credits', 'expires_at', 'last_used_at', 'count:' .. bucket, 'period:' .. bucket))
  end
  if not digests or (expires_at and now >= tonumber(expires_at)) then
    return take(BUCKET .. address_bucket .. ':' .. address, unpack(RATES[address_bucket]))
  end
  if WRITES and now - tonumber(last_used_at or 0) > LAST_USED_STEP then
    redis.call('HSET', key, 'last_used_at', math.floor(now))
  end
  local count, period = unpack(RATES[bucket])
  local reply = take(BUCKET .. bucket .. ':' .. id, tonumber(own_count or count), tonumber(own_period or period))
  for _, value in ipairs({id, digests, scopes, credits or ''}) do reply[#reply + 1] = value end
  return reply
end

local function answer(line)
  local digest, address, bucket, address_bucket, view, id = string.match(line, '^(%S+) (%S+) (%S+) (%S+) (%S*) (.*)$')
  if not WRITES and not READS[bucket] then return redis.error_reply('MISCONF Redis refuses changes') end
  local admission = admit(digest, address, bucket, address_bucket)
  if view == '' then return {admission} end
  if view == 'picture' then return {admission, redis.call('HGETALL', PICTURE .. id)} end
  return {admission, read_record(view, id)}
end

local answers = {}
for nth = 1, #ARGV - 1 do
  line_number, counted[nth] = nth, '0'
  answers[nth] = answer(ARGV[nth + 1])
end
if not earlier then set_unreplicated(KEYS[1], ARGV[1] .. ' ' .. table.concat(counted), 'PX', REPEATED_WITHIN) end
return answers
