-- What a sender says and is given in one call: what became of attempts, then events that are due, under a lease each.
-- ARGV: JSON {reports: {{id, attempt, entry, ending, wait, jitter}}, free: {lane: how many more it can send}, holding: {receiver: how many
-- it is sending}, new: {key: how many it is sending to its new receivers}, turn}. An entry is kept as it is; an ending is delivered, gone, retry or given_back, which has no entry.
-- Begins with EVENT_FIELDS, PER_RECEIVER, ATTEMPTS_KEPT, TTL and the lengths of pauses.
-- Answers {time, claims, ids of events that are given up}; of each claim {lane, EVENT_FIELDS' values, id, generation of the secret, 1 where the former is used too}.
local said, failed = cjson.decode(ARGV[1]), {}

local function end_event(key, receiver, request, state, expires_at)
  redis.call('HSET', key, 'state', state, 'lease', 0)
  count_undelivered(receiver, -1)
  redis.call('ZREM', UNTRIED .. receiver, request)
  redis.call('ZREM', TRIED .. receiver, request)
  redis.call('PEXPIREAT', key, whole(math.max(tonumber(expires_at), now + TTL)))
end

-- One that fails again and again is left alone for a while, and for as long as it says.
local function judge(receiver, succeeded, wait)
  local failures, pause = standing_of(receiver), 0
  if succeeded and failures == 0 then return end
  failures = succeeded and 0 or (failures or 0) + 1
  if not succeeded then
    if failures >= TROUBLED then pause = math.min(LONGEST_PAUSE, PAUSE * 2 ^ math.min(failures - TROUBLED, 20)) end
    pause = math.max(pause, math.min(wait, LONGEST_WAIT))
  end
  redis.call('SET', STANDING .. receiver, failures .. ' ' .. whole(now + pause), 'PX', STANDING_TTL)
end

local function report(of)
  local key = EVENT .. of.id
  local receiver, attempts, tries, state, until_ms, expires_at = unpack(redis.call('HMGET', key, 'receiver', 'attempts', 'tries',
    'state', 'until', 'expires_at'))
  if not receiver then return end -- the request was deleted
  local is_latest = tonumber(attempts) == of.attempt and state == 'pending'
  if of.ending == 'given_back' then
    if not is_latest then return end
    redis.call('HSET', key, 'lease', 0)
    redis.call('ZADD', TRIED .. receiver, at, of.id)
    return receiver
  end
  if redis.call('HSETNX', key, 'attempt:' .. of.attempt, of.entry) == 0 then return end -- said before
  if of.attempt > ATTEMPTS_KEPT then redis.call('HDEL', key, 'attempt:' .. of.attempt - ATTEMPTS_KEPT) end
  judge(receiver, of.ending ~= 'retry', of.wait)
  if of.ending ~= 'retry' then
    if state == 'pending' then end_event(key, receiver, of.id, of.ending, expires_at) end
  elseif is_latest then
    tries = tonumber(tries) + 1
    local due = SCHEDULE[tries] and now + math.max(SCHEDULE[tries] * of.jitter, of.wait)
    if due and due < tonumber(until_ms) then
      redis.call('HSET', key, 'tries', tries, 'next', whole(due), 'lease', 0)
      redis.call('ZADD', TRIED .. receiver, whole(due), of.id)
    else
      end_event(key, receiver, of.id, 'failed', expires_at)
      failed[#failed + 1] = of.id
    end
  end
  return receiver
end

-- It holds up no other.
local function drop(receiver, request)
  redis.call('ZREM', UNTRIED .. receiver, request)
  redis.call('ZREM', TRIED .. receiver, request)
  count_undelivered(receiver, -1)
  failed[#failed + 1] = request
end

-- Whether the event is there still.
local function claim(lane, receiver, request, claims)
  local key = EVENT .. request
  local values = redis.call('HMGET', key, unpack(EVENT_FIELDS))
  redis.call('ZREM', UNTRIED .. receiver, request)
  if not values[1] then -- it has expired
    redis.call('ZREM', TRIED .. receiver, request)
    count_undelivered(receiver, -1)
    return false
  end
  local event = {}
  for nth, field in ipairs(EVENT_FIELDS) do event[field] = values[nth] end
  local until_ms = whole(now + EVENT_LEASE)
  redis.call('HSET', key, 'attempts', whole(event.attempts + 1), 'lease', until_ms)
  redis.call('ZADD', TRIED .. receiver, until_ms, request)
  local digests, generation, former = unpack(redis.call('HMGET', API_KEY .. event.key_id, 'digests', 'webhook_generation',
    'webhook_former_until'))
  if not digests then generation, former = event.generation, false end -- the key was revoked
  claims[#claims + 1] = {lane, values, request, tonumber(generation or 0), former and now < tonumber(former) and 1 or 0}
  return true
end

local function claim_from(lane, receiver, most, claims)
  local due = {}
  for nth, kind in ipairs({UNTRIED, TRIED}) do
    due[nth] = redis.call('ZRANGE', kind .. receiver, '-inf', at, 'BYSCORE', 'LIMIT', 0, most)
  end
  local claimed = 0
  for nth = 1, #due[1] + #due[2] do
    if claimed == most then break end
    local kind = (said.turn + nth) % 2 + 1
    if #due[kind] == 0 then kind = 3 - kind end
    local request = table.remove(due[kind], 1)
    local is_ours, found = pcall(claim, lane, receiver, request, claims)
    if not is_ours then drop(receiver, request) end -- another type of value has its name, or a field is missing
    if is_ours and found then claimed = claimed + 1 end
  end
  place(receiver)
  return claimed
end

local seen = {}
for _, of in ipairs(said.reports) do
  local is_ours, receiver = pcall(report, of)
  if is_ours and receiver then seen[receiver] = true end
end
for receiver in pairs(seen) do place(receiver) end

local function due_in(line, most) return redis.call('ZRANGE', line, '-inf', at, 'BYSCORE', 'LIMIT', 0, most + said.busy) end

-- Of those in a line that are due, as far as it may send them more; how many.
local function claim_in(line, lane, free, claims)
  local claimed = 0
  for _, receiver in ipairs(due_in(line, free)) do
    local most = math.min(PER_RECEIVER[lane] - (said.holding[receiver] or 0), free - claimed)
    if most > 0 then claimed = claimed + claim_from(lane, receiver, most, claims) end
  end
  return claimed
end

-- As many of each key.
local function claim_new(free, claims)
  local keys = due_in(LANE .. 'new', free)
  local share = math.max(1, math.floor(free / #keys))
  for _, key_id in ipairs(keys) do
    if free == 0 then break end
    local most = math.min(share, free, NEW_OF_KEY - (said.new[key_id] or 0))
    if most > 0 then free = free - claim_in(NEW_RECEIVERS .. key_id, 'new', most, claims) end
    place_key(key_id)
  end
end

local claims = {}
claim_in(LANE .. 'proven', 'proven', said.free.proven, claims)
claim_new(said.free.new, claims)
claim_in(LANE .. 'troubled', 'troubled', said.free.troubled, claims)
return {at, claims, failed}
