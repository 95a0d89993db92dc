-- Authenticates a call and takes it from its rate limit, and reads what the call is for: one round trip in all.
-- Begins with RATES, {count, period in ms} by bucket, READS, the buckets of calls that change nothing, FIELDS, those of a record by what is read, WRITES, and `reading.lua`.
-- Without WRITES, while Redis refuses changes, reads are held against the limits and not counted, and other calls get an error.
-- ARGV: this batch's number, then one line for each call: digest of the presented key, address, bucket, bucket of the address, then what to read,
-- if anything ('picture' or a name of FIELDS), and the picture's token or the request's id, which may be any text.
-- Answers for each {{allowed, count, period, remaining, wait, until full} (ms), followed for a valid key by
-- {id, digests, scopes, credits}; what was read, as HMGET or HGETALL do; place in the queue or false}.
-- KEYS: the last batch of this client. One whose answer is late is repeated, and takes nothing then that it has taken.
local LAST_USED_STEP = 60000 -- ms: so that a poll is no write to the key
local KEPT = 60000 -- ms: each bucket that has expired is a write to the disk, by the next call that looks for it
local REPEATED_WITHIN = 5000 -- ms
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
-- Where this batch was run before, a digit for each line: whether it has taken.
local before = string.match(redis.call('GET', KEYS[1]) or '', '^' .. ARGV[1] .. ' (%d+)$')
local line_number, taken = 0, {}

-- After a restart all buckets are full, or each poll would wait for the disk.
local function set_here_alone(...)
  if not WRITES then return end
  redis.set_repl(redis.REPL_NONE)
  redis.call('SET', ...)
  redis.set_repl(redis.REPL_ALL)
end

-- The generic cell rate algorithm: a bucket is the time at which it will be full again, at most a period away; further
-- away it was before the clock went back, or the rate was changed.
local function take(bucket_key, count, period)
  if count == 0 then return {1, 0, 0, 0, 0, 0} end
  local interval = period / count
  local full_at = math.min(math.max(tonumber(redis.call('GET', bucket_key) or now), now), now + period)
  if before and string.sub(before, line_number, line_number) == '1' then
    return {1, count, period, math.max(0, math.floor((period - full_at + now) / interval + 0.001)), 0,
      math.ceil(full_at - now)}
  end
  local wait = full_at + interval - period - now
  if wait > 0.001 then -- 0.001: what doubles lose of a time in ms
    return {0, count, period, 0, math.ceil(wait), math.ceil(full_at - now)}
  end
  full_at = full_at + interval
  local left = full_at - now
  set_here_alone(bucket_key, string.format('%.17g', full_at), 'PX', math.max(KEPT, math.ceil(left)))
  taken[line_number] = '1'
  return {1, count, period, math.floor((period - left) / interval + 0.001), 0, math.ceil(left)}
end

local function admit(digest, address, bucket, anonymous)
  local id = redis.call('GET', KEY_DIGEST .. digest)
  if not id then return take(BUCKET .. anonymous .. ':' .. address, unpack(RATES[anonymous])) end
  local key = API_KEY .. id
  local kept = redis.call('HMGET', key, 'digests', 'scopes', 'credits', 'expires_at', 'last_used_at',
    'count:' .. bucket, 'period:' .. bucket)
  if not kept[1] or (kept[4] and now >= tonumber(kept[4])) then
    return take(BUCKET .. anonymous .. ':' .. address, unpack(RATES[anonymous]))
  end
  if WRITES and now - tonumber(kept[5] or 0) > LAST_USED_STEP then
    redis.call('HSET', key, 'last_used_at', math.floor(now))
  end
  local count, period = unpack(RATES[bucket])
  local answer = take(BUCKET .. bucket .. ':' .. id, tonumber(kept[6] or count), tonumber(kept[7] or period))
  for _, value in ipairs({id, kept[1], kept[2], kept[3] or ''}) do answer[#answer + 1] = value end
  return answer
end

local function answer(line)
  local digest, address, bucket, anonymous, read, id = string.match(line, '^(%S+) (%S+) (%S+) (%S+) (%S*) (.*)$')
  if not WRITES and not READS[bucket] then return redis.error_reply('MISCONF Redis refuses changes') end
  local admission = admit(digest, address, bucket, anonymous)
  if read == '' then return {admission} end
  if read == 'picture' then return {admission, redis.call('HGETALL', PICTURE .. id)} end
  return {admission, shown(read, id)}
end

local answers = {}
for at = 1, #ARGV - 1 do
  line_number, taken[at] = at, '0'
  answers[at] = answer(ARGV[at + 1])
end
if not before then set_here_alone(KEYS[1], ARGV[1] .. ' ' .. table.concat(taken), 'PX', REPEATED_WITHIN) end
return answers
