-- One call of a sender: it reports attempts, then claims due events, each under a lease.
-- ARGV: JSON {reports: {{id, attempt, entry, ending, wait, jitter}}, free: {lane: free slots}, in_flight: {receiver: events being
-- sent}, receivers: the number of those, new: {key: events being sent to its new receivers}, turn}. An entry is stored unchanged;
-- an ending is delivered, gone, retry or given_back, which has no entry.
-- Prepended constants: EVENT_FIELDS, PER_RECEIVER, NEW_OF_KEY, MAX_ATTEMPTS_SHOWN, TTL, and the lengths of pauses.
-- Returns {time, claims, ids of events that are given up}; each claim is {lane, values of EVENT_FIELDS, id, generation of the
-- secret, 1 if the previous generation is used too}.
local args, given_up = cjson.decode(ARGV[1]), {}

local function end_event(key, receiver, request, state, expires_at)
  redis.call('HSET', key, 'state', state, 'lease', 0)
  count_undelivered(receiver, -1)
  redis.call('ZREM', UNTRIED_EVENTS .. receiver, request)
  redis.call('ZREM', TRIED_EVENTS .. receiver, request)
  redis.call('PEXPIREAT', key, integer(math.max(tonumber(expires_at), now + TTL)))
end

-- A receiver is paused after several consecutive failures, and for the `wait` of its Retry-After.
local function update_standing(receiver, succeeded, wait)
  local failures, pause = standing_of(receiver), 0
  if succeeded and failures == 0 then return end
  failures = succeeded and 0 or (failures or 0) + 1
  if not succeeded then
    if failures >= TROUBLED then pause = math.min(MAX_PAUSE, PAUSE * 2 ^ math.min(failures - TROUBLED, 20)) end
    pause = math.max(pause, math.min(wait, MAX_WAIT))
  end
  redis.call('SET', STANDING .. receiver, failures .. ' ' .. integer(now + pause), 'PX', STANDING_TTL)
end

-- Returns the receiver if its place in the lanes may change.
local function apply_report(report)
  local key = EVENT .. report.id
  local receiver, attempts, tries, state, until_ms, expires_at = unpack(redis.call('HMGET', key, 'receiver', 'attempts', 'tries',
    'state', 'until', 'expires_at'))
  if not receiver then return end -- the request was deleted
  local is_latest = tonumber(attempts) == report.attempt and state == 'pending'
  if report.ending == 'given_back' then
    if not is_latest then return end
    redis.call('HSET', key, 'lease', 0)
    redis.call('ZADD', TRIED_EVENTS .. receiver, now_text, report.id)
    return receiver
  end
  if redis.call('HSETNX', key, 'attempt:' .. report.attempt, report.entry) == 0 then return end -- a repeated report
  if report.attempt > MAX_ATTEMPTS_SHOWN then redis.call('HDEL', key, 'attempt:' .. report.attempt - MAX_ATTEMPTS_SHOWN) end
  update_standing(receiver, report.ending ~= 'retry', report.wait)
  if report.ending ~= 'retry' then
    if state == 'pending' then end_event(key, receiver, report.id, report.ending, expires_at) end
  elseif is_latest then
    tries = tonumber(tries) + 1
    local due = SCHEDULE[tries] and now + math.max(SCHEDULE[tries] * report.jitter, report.wait)
    if due and due < tonumber(until_ms) then
      redis.call('HSET', key, 'tries', tries, 'next', integer(due), 'lease', 0)
      redis.call('ZADD', TRIED_EVENTS .. receiver, integer(due), report.id)
    else
      end_event(key, receiver, report.id, 'failed', expires_at)
      given_up[#given_up + 1] = report.id
    end
  end
  return receiver
end

-- Drops an unreadable event, which would otherwise block its receiver.
local function drop(receiver, request)
  redis.call('ZREM', UNTRIED_EVENTS .. receiver, request)
  redis.call('ZREM', TRIED_EVENTS .. receiver, request)
  count_undelivered(receiver, -1)
  given_up[#given_up + 1] = request
end

-- Returns whether the event still exists.
local function claim(lane, receiver, request, claims)
  local key = EVENT .. request
  local values = redis.call('HMGET', key, unpack(EVENT_FIELDS))
  redis.call('ZREM', UNTRIED_EVENTS .. receiver, request)
  if not values[1] then -- it has expired
    redis.call('ZREM', TRIED_EVENTS .. receiver, request)
    count_undelivered(receiver, -1)
    return false
  end
  local event = {}
  for nth, field in ipairs(EVENT_FIELDS) do event[field] = values[nth] end
  local until_ms = integer(now + EVENT_LEASE)
  redis.call('HSET', key, 'attempts', integer(event.attempts + 1), 'lease', until_ms)
  redis.call('ZADD', TRIED_EVENTS .. receiver, until_ms, request)
  local digests, generation, former_until = unpack(redis.call('HMGET', API_KEY .. event.key_id, 'digests', 'webhook_generation',
    'webhook_former_until'))
  if not digests then generation, former_until = event.generation, false end -- the key was revoked
  claims[#claims + 1] = {lane, values, request, tonumber(generation or 0), former_until and now < tonumber(former_until) and 1 or 0}
  return true
end

-- Claims due events of a receiver, alternately without and with earlier attempts. Returns how many.
local function claim_from(lane, receiver, limit, claims)
  local due = {}
  for nth, kind in ipairs({UNTRIED_EVENTS, TRIED_EVENTS}) do
    due[nth] = redis.call('ZRANGE', kind .. receiver, '-inf', now_text, 'BYSCORE', 'LIMIT', 0, limit)
  end
  local claimed = 0
  for nth = 1, #due[1] + #due[2] do
    if claimed == limit then break end
    local kind = (args.turn + nth) % 2 + 1
    if #due[kind] == 0 then kind = 3 - kind end
    local request = table.remove(due[kind], 1)
    local is_readable, exists = pcall(claim, lane, receiver, request, claims)
    if not is_readable then drop(receiver, request) end -- its key holds a value of another type, or a field is missing
    if is_readable and exists then claimed = claimed + 1 end
  end
  place(receiver)
  return claimed
end

local reported = {}
for _, report in ipairs(args.reports) do
  local is_readable, receiver = pcall(apply_report, report)
  if is_readable and receiver then reported[receiver] = true end
end
for receiver in pairs(reported) do place(receiver) end

-- More than `limit` due members, as `claim_in` skips receivers that are being sent to.
local function due_in(set, limit)
  return redis.call('ZRANGE', set, '-inf', now_text, 'BYSCORE', 'LIMIT', 0, limit + args.receivers)
end

-- Claims events of the due receivers in a set, within the limit of each receiver. Returns how many.
local function claim_in(set, lane, free, claims)
  local claimed = 0
  for _, receiver in ipairs(due_in(set, free)) do
    local limit = math.min(PER_RECEIVER[lane] - (args.in_flight[receiver] or 0), free - claimed)
    if limit > 0 then claimed = claimed + claim_from(lane, receiver, limit, claims) end
  end
  return claimed
end

-- Claims events of new receivers, in equal shares for all keys.
local function claim_new(free, claims)
  local keys = due_in(LANE .. 'new', free)
  local share = math.max(1, math.floor(free / #keys))
  for _, key_id in ipairs(keys) do
    if free == 0 then break end
    local limit = math.min(share, free, NEW_OF_KEY - (args.new[key_id] or 0))
    if limit > 0 then free = free - claim_in(NEW_RECEIVERS .. key_id, 'new', limit, claims) end
    place_key(key_id)
  end
end

local claims = {}
claim_in(LANE .. 'proven', 'proven', args.free.proven, claims)
claim_new(args.free.new, claims)
claim_in(LANE .. 'troubled', 'troubled', args.free.troubled, claims)
return {now_text, claims, given_up}
