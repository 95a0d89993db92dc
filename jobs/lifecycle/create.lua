-- Creates a request: its record, the credits it holds, its job in the queue; all or nothing.
-- ARGV: its id, arguments as JSON, its parameters as JSON, which are kept as they are. Answers {'ok' or 'replayed', ..., credits left}, or a reason: exists, revoked, conflict,
-- credits, full.

id, args = ARGV[1], cjson.decode(ARGV[2])
record = REQUEST .. id
local key = API_KEY .. args.key_id

local function create()
  if redis.call('EXISTS', record) == 1 then return {'exists'} end
  local refused, has = refusal(key, 1)
  if refused then return refused end
  enqueue(args.key_id, has.weight, {id}, args.stamp, args.timeout)
  local fields = accepted_fields(at, has.credits and args.cost > 0, args.cost)
  for _, word in ipairs(asked_fields(key, args, ARGV[3])) do fields[#fields + 1] = word end
  if args.idempotency then
    redis.call('HSET', args.idempotency, 'request_id', id, 'fingerprint', args.fingerprint)
    fields[#fields + 1], fields[#fields + 2] = 'idempotency', args.idempotency
  end
  redis.call('HSET', record, unpack(fields))
  enlist(args.key_id, args.custom_id, whole(clock[1] * 1000000 + clock[2]), args.life)
  for _, list in ipairs(lists_of(args.key_id, args.custom_id)) do drop_expired(list, 1, REQUEST) end
  redis.call('ZADD', DEADLINES, whole(now + args.start_timeout), id)
  return {'ok', hold(key, has, 1)}
end

return create()
