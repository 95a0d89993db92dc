-- What a step that ends many requests changes in common is gathered, and written once at its end: most of what a
-- write costs is its line in the append-only file.
local gathered

local function gather(kind, key)
  gathered[kind][key] = gathered[kind][key] or {}
  return gathered[kind][key]
end

local function append(list, ...)
  for _, value in ipairs({...}) do list[#list + 1] = value end
end

-- Whether it was a member, as far as that is known now.
local function remove(key, member)
  if not gathered then return redis.call('ZREM', key, member) == 1 end
  append(gather('removed', key), member)
  return true
end

local function add_to_key(key, field, amount)
  if gathered then
    local sums = gather('sums', key)
    sums[field] = (sums[field] or 0) + amount
  elseif redis.call('EXISTS', key) == 1 then
    redis.call('HINCRBY', key, field, amount)
  end
end

local function unlink(key)
  if gathered then append(gathered.unlinked, key) else redis.call('UNLINK', key) end
end

local function write_gathered()
  local written = gathered
  gathered = nil
  if #written.unlinked > 0 then redis.call('UNLINK', unpack(written.unlinked)) end
  for key, members in pairs(written.removed) do redis.call('ZREM', key, unpack(members)) end
  for key, members in pairs(written.scored) do redis.call('ZADD', key, unpack(members)) end
  for key, sums in pairs(written.sums) do
    for field, amount in pairs(sums) do add_to_key(key, field, amount) end
  end
end
