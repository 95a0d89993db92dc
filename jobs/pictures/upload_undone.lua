-- Gives back the room of pictures that could not be kept, unless the same was kept meanwhile.
-- KEYS: the key's uploads by expiry, the same with "size token" each and their total, then each picture's own key.
-- ARGV: SHA-256, size and token of each.
for at = 1, #ARGV, 3 do
  local is_same = redis.call('HGET', KEYS[2], ARGV[at]) == ARGV[at + 1] .. ' ' .. ARGV[at + 2]
  if is_same and redis.call('EXISTS', KEYS[2 + (at + 2) / 3]) == 0 then
    redis.call('HDEL', KEYS[2], ARGV[at])
    redis.call('HINCRBY', KEYS[2], 'total', -ARGV[at + 1])
    redis.call('ZREM', KEYS[1], ARGV[at])
  end
end
