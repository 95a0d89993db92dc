-- Adds to a key's credits; a negative amount takes some away. ARGV: amount, maximum balance. Returns 'ok' or the reason for a refusal.
local credits = redis.call('HGET', KEYS[1], 'credits')
if not credits then return redis.call('EXISTS', KEYS[1]) == 1 and 'unlimited' or 'missing' end
if credits + ARGV[1] < 0 then return 'below zero' end
if credits + ARGV[1] > tonumber(ARGV[2]) then return 'too many' end
redis.call('HINCRBY', KEYS[1], 'credits', ARGV[1])
return 'ok'
