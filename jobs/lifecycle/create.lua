-- Creates a request: its record, the credits it holds, its job in the queue; all or nothing.
-- ARGV: the request id, arguments as JSON, the parameters as JSON, which are stored unchanged.
-- Returns {'ok' or 'replayed', ..., remaining credits} or a reason: exists, revoked, conflict, credits, full.

id, args = ARGV[1], cjson.decode(ARGV[2])
record = REQUEST .. id
local key = API_KEY .. args.key_id

local function create()
  if redis.call('EXISTS', record) == 1 then return {'exists'} end
  local refused, account = refusal(key, 1)
  if refused then return refused end
  enqueue(args.key_id, account.weight, {id}, args.stamp, args.timeout)
  local fields = accepted_fields(now_text, account.credits and args.cost > 0, args.cost)
  append(fields, unpack(submitted_fields(key, args, ARGV[3])))
  if args.idempotency then
    redis.call('HSET', args.idempotency, 'request_id', id, 'fingerprint', args.fingerprint)
    append(fields, 'idempotency', args.idempotency)
  end
  redis.call('HSET', record, unpack(fields))
  add_to_lists(args.key_id, args.custom_id, integer(clock[1] * 1000000 + clock[2]), args.life)
  for _, list in ipairs(lists_of(args.key_id, args.custom_id)) do drop_expired(list, 1, REQUEST) end
  redis.call('ZADD', DEADLINES, integer(now + args.start_timeout), id)
  return {'ok', hold_credits(key, account, 1)}
end

return create()
