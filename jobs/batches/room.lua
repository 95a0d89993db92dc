-- Whether more requests would be accepted now. ARGV: arguments as JSON. Answers why not, as `accept.lua`, or false.
args = cjson.decode(ARGV[1])
return (refusal(API_KEY .. args.key_id, args.total))
