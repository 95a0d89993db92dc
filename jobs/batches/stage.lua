-- Stores requests of a batch before it is accepted, without a status, so that no read finds them.
-- ARGV: the batch id, 1 for its first requests, arguments as JSON, then for each request its id, its own options as JSON
-- and its parameters as JSON. Returns the refusal, as `accept.lua` does, or false.
args = cjson.decode(ARGV[3])
local batch, key = BATCH .. ARGV[1], API_KEY .. args.key_id
local state = redis.call('HGET', batch, 'state')
if state ~= (ARGV[2] ~= '1' and 'staged') then return {'missing'} end
local refused = refusal(key, args.total) -- checked at once, or a stream could fill Redis before it is refused at its end
if refused then return refused end

local entries = {}
for nth = 4, #ARGV, 3 do
  local options = cjson.decode(ARGV[nth + 1])
  redis.call('HSET', REQUEST .. ARGV[nth], 'batch', ARGV[1], unpack(submitted_fields(key, options, ARGV[nth + 2])))
  entries[#entries + 1] = ARGV[nth] .. ' ' .. (options.custom_id or '')
end
redis.call('RPUSH', BATCH_REQUESTS .. ARGV[1], unpack(entries))
if not state then redis.call('HSET', batch, 'state', 'staged', 'key_id', args.key_id) end
redis.call('ZADD', OPEN_BATCHES, 'NX', integer(now + STAGED_FOR), ARGV[1])
return false
