-- Releases the quota of pictures that could not be stored, unless the same picture was stored meanwhile.
-- KEYS: the key's uploads by expiry (sorted set of SHA-256), their "size token" by SHA-256 and `total` (hash), then each
-- picture's own key.
-- ARGV: SHA-256, size and token of each.
for nth = 1, #ARGV, 3 do
  local is_same = redis.call('HGET', KEYS[2], ARGV[nth]) == ARGV[nth + 1] .. ' ' .. ARGV[nth + 2]
  if is_same and redis.call('EXISTS', KEYS[2 + (nth + 2) / 3]) == 0 then
    redis.call('HDEL', KEYS[2], ARGV[nth])
    redis.call('HINCRBY', KEYS[2], 'total', -ARGV[nth + 1])
    redis.call('ZREM', KEYS[1], ARGV[nth])
  end
end
