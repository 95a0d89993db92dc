-- The lists of a key's requests, newest first by time of creation in µs: of all, and of those with one custom_id.
-- A list has nothing of a request but its id, which is taken out some time after its record has expired.

local function lists_of(key_id, custom_id)
  local of_key = REQUESTS .. key_id
  return custom_id and {of_key, of_key .. ':' .. custom_id} or {of_key}
end

-- Has request `id` in its lists, and the lists for another `life` ms at least.
local function enlist(key_id, custom_id, created_us, life)
  for _, list in ipairs(lists_of(key_id, custom_id)) do
    redis.call('ZADD', list, 'NX', created_us, id)
    if redis.call('PTTL', list) < life then redis.call('PEXPIRE', list, life + 60000) end
  end
end

-- Of its lists' oldest; two for each request that is added, so that a list shrinks to what is alive.
local function drop_expired(key_id, custom_id)
  for _, list in ipairs(lists_of(key_id, custom_id)) do
    local expired = {}
    for _, oldest in ipairs(redis.call('ZRANGE', list, 0, 1)) do
      if redis.call('EXISTS', REQUEST .. oldest) == 0 then expired[#expired + 1] = oldest end
    end
    if #expired > 0 then redis.call('ZREM', list, unpack(expired)) end
  end
end
