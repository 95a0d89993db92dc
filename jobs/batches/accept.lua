-- Accepts all requests of a staged batch, or none. ARGV: the batch id, arguments as JSON.
-- Returns the same as `create.lua`; missing: the batch was dropped.
args = cjson.decode(ARGV[2])
local batch_id, batch, key = ARGV[1], BATCH .. ARGV[1], API_KEY .. args.key_id
local total = integer(args.total)

local function accept()
  if redis.call('HGET', batch, 'state') ~= 'staged' then return {'missing'} end
  local refused, account = refusal(key, args.total)
  if refused then return refused end
  local fields = {'state', 'accepted', 'created_at', now_text, 'total', total, 'queued', total, 'processing', '0', 'completed', '0',
    'failed', '0', 'entered', '0', 'start_by', integer(now + args.start_timeout), 'timeout', integer(args.timeout),
    'life', integer(args.life), 'stamp', args.stamp, 'archive', args.archive}
  if account.credits and args.cost > 0 then append(fields, 'cost', integer(args.cost)) end
  if args.traceparent then append(fields, 'traceparent', args.traceparent) end
  if args.webhook then append(fields, 'webhook', with_generation(key, args.webhook)) end
  if args.idempotency then
    redis.call('HSET', args.idempotency, 'batch_id', batch_id, 'fingerprint', args.fingerprint)
    redis.call('HDEL', args.idempotency, 'request_id')
    append(fields, 'idempotency', args.idempotency)
  end
  redis.call('HSET', batch, unpack(fields))
  redis.call('SET', ARCHIVE .. args.archive, batch_id)
  add_to_list(BATCHES .. args.key_id, args.life, {integer(clock[1] * 1000000 + clock[2]), batch_id})
  drop_expired(BATCHES .. args.key_id, 1, BATCH)
  redis.call('INCRBY', ENTERING, total)
  redis.call('ZADD', OPEN_BATCHES, integer(now + IDLE_FOR), batch_id)
  return {'ok', hold_credits(key, account, args.total, 'entering', integer(account.entering + total))}
end

return accept()
