-- The lists of a key's requests, newest first by time of creation in µs: of all, and of those with one custom_id; and of its batches.
-- A list has nothing of what is in it but its id, which is taken out some time after its record has expired.

local function lists_of(key_id, custom_id)
  local of_key = REQUESTS .. key_id
  return custom_id and {of_key, of_key .. ':' .. custom_id} or {of_key}
end

-- Has these {created_us, id, ...} in a list, and the list for another `life` ms at least.
local function list_for(list, life, entries)
  redis.call('ZADD', list, 'NX', unpack(entries))
  if redis.call('PTTL', list) < life then redis.call('PEXPIRE', list, life + 60000) end
end

-- Of the oldest in a list, whose records have names that begin with `record`.
local function drop_oldest(list, most, record)
  local expired = {}
  for _, oldest in ipairs(redis.call('ZRANGE', list, 0, most - 1)) do
    if redis.call('EXISTS', record .. oldest) == 0 then expired[#expired + 1] = oldest end
  end
  if #expired > 0 then redis.call('ZREM', list, unpack(expired)) end
end

-- Has request `id` in its lists.
local function enlist(key_id, custom_id, created_us, life)
  for _, list in ipairs(lists_of(key_id, custom_id)) do list_for(list, life, {created_us, id}) end
end

-- Two for each request that is added, so that a list shrinks to what is alive.
local function drop_expired(key_id, custom_id)
  for _, list in ipairs(lists_of(key_id, custom_id)) do drop_oldest(list, 2, REQUEST) end
end
