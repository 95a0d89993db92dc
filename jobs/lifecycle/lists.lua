-- The lists of a key's requests, newest first by time of creation in µs: of all, and of those with one custom_id; and of its
-- batches. A list has nothing of what is in it but its id, which is taken out some time after its record has expired.

local function lists_of(key_id, custom_id)
  local of_key = REQUESTS .. key_id
  return custom_id and {of_key, of_key .. ':' .. custom_id} or {of_key}
end

-- Has these {created_us, id, ...} in a list, and the list for another `life` ms at least.
local function list_for(list, life, entries)
  redis.call('ZADD', list, 'NX', unpack(entries))
  if redis.call('PTTL', list) < life then redis.call('PEXPIRE', list, life + 60000) end
end

-- Looks at the oldest in a list, twice as many as were added to it, so that it shrinks to what is alive. `record` is what the
-- names of their records begin with.
local function drop_expired(list, added, record)
  local oldest, records, expired = redis.call('ZRANGE', list, 0, 2 * added - 1), {}, {}
  for nth, entry in ipairs(oldest) do records[nth] = record .. entry end
  if redis.call('EXISTS', unpack(records)) == #records then return end
  for nth, entry in ipairs(oldest) do
    if redis.call('EXISTS', records[nth]) == 0 then expired[#expired + 1] = entry end
  end
  redis.call('ZREM', list, unpack(expired))
end

-- Has request `id` in its lists.
local function enlist(key_id, custom_id, created_us, life)
  for _, list in ipairs(lists_of(key_id, custom_id)) do list_for(list, life, {created_us, id}) end
end
