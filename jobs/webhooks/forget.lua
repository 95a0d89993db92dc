-- Drops the event of a request, delivered or not; what is being sent goes on and is not tried again. ARGV: the request's id.
local receiver, state = unpack(redis.call('HMGET', EVENT .. ARGV[1], 'receiver', 'state'))
if not receiver then return end
redis.call('DEL', EVENT .. ARGV[1])
redis.call('ZREM', UNTRIED .. receiver, ARGV[1])
redis.call('ZREM', TRIED .. receiver, ARGV[1])
if state == 'pending' then count_undelivered(receiver, -1) end
place(receiver)
