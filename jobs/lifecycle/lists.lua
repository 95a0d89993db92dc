-- The lists of a key's requests, all of them and those with one custom_id, and of its batches: sorted sets of ids by time of
-- creation in µs. An id is removed some time after its record has expired.

local function lists_of(key_id, custom_id)
  local key_list = REQUESTS .. key_id
  return custom_id and {key_list, key_list .. ':' .. custom_id} or {key_list}
end

-- Adds {created_us, id, ...} to a list, and lets the list live for at least `life` ms more.
local function add_to_list(list, life, entries)
  redis.call('ZADD', list, 'NX', unpack(entries))
  if redis.call('PTTL', list) < life then redis.call('PEXPIRE', list, life + 60000) end
end

-- Checks the oldest entries of a list, twice as many as were added, so that expired ones cannot accumulate. `prefix` is the
-- start of the keys of their records.
local function drop_expired(list, added, prefix)
  local oldest, records, expired = redis.call('ZRANGE', list, 0, 2 * added - 1), {}, {}
  for nth, entry in ipairs(oldest) do records[nth] = prefix .. entry end
  if redis.call('EXISTS', unpack(records)) == #records then return end
  for nth, entry in ipairs(oldest) do
    if redis.call('EXISTS', records[nth]) == 0 then expired[#expired + 1] = entry end
  end
  redis.call('ZREM', list, unpack(expired))
end

-- Adds request `id` to its lists.
local function add_to_lists(key_id, custom_id, created_us, life)
  for _, list in ipairs(lists_of(key_id, custom_id)) do add_to_list(list, life, {created_us, id}) end
end
