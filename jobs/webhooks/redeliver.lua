-- Makes the event of a request due now, with the full retry schedule. ARGV: the request id. Returns 0 if there is no event.
local receiver, lease, state = unpack(redis.call('HMGET', EVENT .. ARGV[1], 'receiver', 'lease', 'state'))
if not receiver then return 0 end
redis.call('HSET', EVENT .. ARGV[1], 'state', 'pending', 'tries', 0, 'next', now_text, 'until', integer(now + EVENT_TTL))
redis.call('PEXPIRE', EVENT .. ARGV[1], EVENT_TTL)
if state ~= 'pending' then count_undelivered(receiver, 1) end
if lease and now < tonumber(lease) then return 1 end -- an attempt is in flight
redis.call('ZREM', TRIED_EVENTS .. receiver, ARGV[1])
queue_event(receiver, ARGV[1])
return 1
