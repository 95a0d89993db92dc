-- What every script about a request begins with.
local move, id, args = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local record = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local status = redis.call('HGET', record, 'status')
