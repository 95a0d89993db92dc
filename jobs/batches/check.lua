-- Checks whether `total` requests would be accepted now. ARGV: arguments as JSON.
-- Returns the refusal, as `accept.lua` does, or false.
args = cjson.decode(ARGV[1])
return (refusal(API_KEY .. args.key_id, args.total))
