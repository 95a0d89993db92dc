-- The queue of events. A receiver is a host named by an API key. Its events are in two sorted sets, those without an attempt in
-- one of them, so that neither kind starves the other. Receivers with events are in lanes by the results of their latest
-- attempts, sorted by when to check them next. Each lane has its own share of the concurrency, so that dead receivers do not delay
-- live ones. In the lane "new" API keys take turns, so that a key with many dead receivers delays only itself.

-- The number of consecutive failures, nil if unknown, and until when the receiver is paused.
local function standing_of(receiver)
  local failures, until_ms = string.match(redis.call('GET', STANDING .. receiver) or '', '^(%d+) (%d+)$')
  return tonumber(failures), tonumber(until_ms or 0)
end

local function lane_of(failures) return not failures and 'new' or failures == 0 and 'proven' or 'troubled' end

local function first_due(receiver)
  local due = math.huge
  for _, kind in ipairs({UNTRIED_EVENTS, TRIED_EVENTS}) do
    local first = redis.call('ZRANGE', kind .. receiver, 0, 0, 'WITHSCORES')
    due = math.min(due, tonumber(first[2] or math.huge))
  end
  return due
end

local function key_of(receiver) return string.match(receiver, '^%S+') end

-- The sorted set with the receivers of a lane; the lane "new" has one for each API key.
local function lane_set(lane, receiver) return lane == 'new' and NEW_RECEIVERS .. key_of(receiver) or LANE .. lane end

-- Moves a key behind all keys with due events in the lane "new".
local function place_key(key_id)
  local first = redis.call('ZRANGE', NEW_RECEIVERS .. key_id, 0, 0, 'WITHSCORES')
  if first[1] then
    redis.call('ZADD', LANE .. 'new', integer(math.max(tonumber(first[2]), now)), key_id)
  else
    redis.call('ZREM', LANE .. 'new', key_id)
  end
end

-- Puts a receiver into the lane of its standing, behind all receivers with due events.
local function place(receiver)
  local failures, until_ms = standing_of(receiver)
  local due = first_due(receiver)
  local own_lane = due < math.huge and lane_of(failures)
  for _, lane in ipairs(LANES) do
    local set = lane_set(lane, receiver)
    local has_changed = lane == own_lane
    if has_changed then
      redis.call('ZADD', set, integer(math.max(due, until_ms, now)), receiver)
    else
      has_changed = redis.call('ZREM', set, receiver) == 1
    end
    if lane == 'new' and has_changed then place_key(key_of(receiver)) end
  end
end

-- Counts undelivered events of an API key, unless it was revoked.
local function count_undelivered(receiver, amount)
  local key = API_KEY .. key_of(receiver)
  if redis.call('HEXISTS', key, 'digests') == 1 then redis.call('HINCRBY', key, 'undelivered', amount) end
end

local function queue_event(receiver, request)
  local failures, until_ms = standing_of(receiver)
  redis.call('ZADD', UNTRIED_EVENTS .. receiver, now_text, request)
  local lane, check_at = lane_of(failures), integer(math.max(now, until_ms))
  redis.call('ZADD', lane_set(lane, receiver), 'LT', check_at, receiver)
  if lane == 'new' then redis.call('ZADD', LANE .. lane, 'LT', check_at, key_of(receiver)) end
  if redis.call('LLEN', EVENT_BELL) == 0 then redis.call('RPUSH', EVENT_BELL, 1) end
end

-- Stores an event for a sender, with a copy of `fields`, as the record may expire before the delivery.
local function write_event(request, key_id, ending, webhook, fields)
  local name = 'msg_' .. string.gsub(request, '-', '') .. '_' .. ending
  redis.call('HSET', EVENT .. request, 'id', name, 'state', 'pending', 'tries', 0, 'attempts', 0, 'next', now_text,
    'until', integer(now + EVENT_TTL), 'url', webhook.url, 'receiver', webhook.receiver, 'origin', webhook.origin, 'base64', webhook.base64 and 1 or 0,
    'generation', webhook.generation, 'key_id', key_id, unpack(fields))
  redis.call('PEXPIRE', EVENT .. request, EVENT_TTL)
  count_undelivered(webhook.receiver, 1)
  queue_event(webhook.receiver, request)
end

-- Drops the event of a request, delivered or not; an attempt in flight continues without a retry.
local function forget_event(request)
  local receiver, state = unpack(redis.call('HMGET', EVENT .. request, 'receiver', 'state'))
  if not receiver then return end
  redis.call('UNLINK', EVENT .. request)
  redis.call('ZREM', UNTRIED_EVENTS .. receiver, request)
  redis.call('ZREM', TRIED_EVENTS .. receiver, request)
  if state == 'pending' then count_undelivered(receiver, -1) end
  place(receiver)
end
