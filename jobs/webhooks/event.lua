-- Where events wait. A receiver is a host that a key named. Its events lie in two sorted sets, those that were never tried in
-- one, so that neither kind starves the other. A receiver that has some stands in the lane of how it did lately, by when it is
-- looked at next: each lane has its own share of what is sent at a time, so that dead receivers hold up no live one.

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

-- Whoever was just looked at goes to the end of those that have something due.
local function place(receiver)
  local failures, until_ms = standing_of(receiver)
  local due = first_due(receiver)
  for _, lane in ipairs(LANES) do
    if due < math.huge and lane == lane_of(failures) then
      redis.call('ZADD', LANE .. lane, whole(math.max(due, until_ms, now)), receiver)
    else
      redis.call('ZREM', LANE .. lane, receiver)
    end
  end
end

-- Of a key, unless it was revoked.
local function count_undelivered(receiver, amount)
  local key = API_KEY .. string.match(receiver, '^%S+')
  if redis.call('HEXISTS', key, 'digests') == 1 then redis.call('HINCRBY', key, 'undelivered', amount) end
end

local function queue_event(receiver, request)
  local failures, until_ms = standing_of(receiver)
  redis.call('ZADD', UNTRIED .. receiver, at, request)
  redis.call('ZADD', LANE .. lane_of(failures), 'LT', whole(math.max(now, until_ms)), receiver)
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
