-- Where events wait. A receiver is a host that a key named. Its events lie in two sorted sets, those that were never tried in
-- one, so that neither kind starves the other. A receiver that has some stands in the lane of how it did lately, by when it is
-- looked at next: each lane has its own share of what is sent at a time, so that dead receivers hold up no live one. In the
-- lane of new ones keys take turns, so that who names many that are dead holds up only itself.

-- Failures in a row, nil where nothing is known, and until when it is left alone.
local function standing_of(receiver)
  local failures, until_ms = string.match(redis.call('GET', STANDING .. receiver) or '', '^(%d+) (%d+)$')
  return tonumber(failures), tonumber(until_ms or 0)
end

local function lane_of(failures) return not failures and 'new' or failures == 0 and 'proven' or 'troubled' end

local function first_due(receiver)
  local due = math.huge
  for _, kind in ipairs({UNTRIED, TRIED}) do
    local first = redis.call('ZRANGE', kind .. receiver, 0, 0, 'WITHSCORES')
    due = math.min(due, tonumber(first[2] or math.huge))
  end
  return due
end

local function key_of(receiver) return string.match(receiver, '^%S+') end

local function line_of(lane, receiver) return lane == 'new' and NEW_RECEIVERS .. key_of(receiver) or LANE .. lane end

-- At the end of the keys that have something due.
local function place_key(key_id)
  local first = redis.call('ZRANGE', NEW_RECEIVERS .. key_id, 0, 0, 'WITHSCORES')
  if first[1] then
    redis.call('ZADD', LANE .. 'new', whole(math.max(tonumber(first[2]), now)), key_id)
  else
    redis.call('ZREM', LANE .. 'new', key_id)
  end
end

-- Whoever was just looked at goes to the end of those that have something due.
local function place(receiver)
  local failures, until_ms = standing_of(receiver)
  local due = first_due(receiver)
  local own = due < math.huge and lane_of(failures)
  for _, lane in ipairs(LANES) do
    local line = line_of(lane, receiver)
    if lane == own then
      redis.call('ZADD', line, whole(math.max(due, until_ms, now)), receiver)
    elseif redis.call('ZREM', line, receiver) == 0 then
      line = nil
    end
    if lane == 'new' and line then place_key(key_of(receiver)) end
  end
end

-- Of a key, unless it was revoked.
local function count_undelivered(receiver, amount)
  local key = API_KEY .. key_of(receiver)
  if redis.call('HEXISTS', key, 'digests') == 1 then redis.call('HINCRBY', key, 'undelivered', amount) end
end

local function queue_event(receiver, request)
  local failures, until_ms = standing_of(receiver)
  redis.call('ZADD', UNTRIED .. receiver, at, request)
  local lane, look_at = lane_of(failures), whole(math.max(now, until_ms))
  redis.call('ZADD', line_of(lane, receiver), 'LT', look_at, receiver)
  if lane == 'new' then redis.call('ZADD', LANE .. lane, 'LT', look_at, key_of(receiver)) end
  if redis.call('LLEN', EVENT_BELL) == 0 then redis.call('RPUSH', EVENT_BELL, 1) end
end

-- Another process sends it; what it says is copied, as the record may expire before.
local function write_event(request, key_id, ending, webhook, fields)
  local name = 'msg_' .. string.gsub(request, '-', '') .. '_' .. ending
  redis.call('HSET', EVENT .. request, 'id', name, 'state', 'pending', 'tries', 0, 'attempts', 0, 'next', at,
    'until', whole(now + EVENT_TTL), 'url', webhook.url, 'receiver', webhook.receiver, 'origin', webhook.origin, 'base64', webhook.base64 and 1 or 0,
    'generation', webhook.generation, 'key_id', key_id, unpack(fields))
  redis.call('PEXPIRE', EVENT .. request, EVENT_TTL)
  count_undelivered(webhook.receiver, 1)
  queue_event(webhook.receiver, request)
end

-- Drops the event of a request, delivered or not; what is being sent goes on and is not tried again.
local function forget_event(request)
  local receiver, state = unpack(redis.call('HMGET', EVENT .. request, 'receiver', 'state'))
  if not receiver then return end
  redis.call('UNLINK', EVENT .. request)
  redis.call('ZREM', UNTRIED .. receiver, request)
  redis.call('ZREM', TRIED .. receiver, request)
  if state == 'pending' then count_undelivered(receiver, -1) end
  place(receiver)
end
