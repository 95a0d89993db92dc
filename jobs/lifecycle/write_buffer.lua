-- Buffers the writes that many endings have in common, for one flush: most of what a write costs is its line in the
-- append-only file. Without a buffer each is written at once.
local buffer

local function buffered(kind, key)
  buffer[kind][key] = buffer[kind][key] or {}
  return buffer[kind][key]
end

local function append(list, ...)
  for _, value in ipairs({...}) do list[#list + 1] = value end
end

-- Whether it was a member, as far as that is known now.
local function remove(key, member)
  if not buffer then return redis.call('ZREM', key, member) == 1 end
  append(buffered('removed', key), member)
  return true
end

local function add_to_key(key, field, amount)
  if buffer then
    local sums = buffered('sums', key)
    sums[field] = (sums[field] or 0) + amount
  elseif redis.call('EXISTS', key) == 1 then
    redis.call('HINCRBY', key, field, amount)
  end
end

local function unlink(key)
  if buffer then append(buffer.unlinked, key) else redis.call('UNLINK', key) end
end

local function flush_buffer()
  local writes = buffer
  buffer = nil
  if #writes.unlinked > 0 then redis.call('UNLINK', unpack(writes.unlinked)) end
  for key, members in pairs(writes.removed) do redis.call('ZREM', key, unpack(members)) end
  for key, members in pairs(writes.scored) do redis.call('ZADD', key, unpack(members)) end
  for key, sums in pairs(writes.sums) do
    for field, amount in pairs(sums) do add_to_key(key, field, amount) end
  end
end
