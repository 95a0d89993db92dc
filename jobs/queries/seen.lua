-- Requests as they are now, for calls that were admitted before. ARGV: the call's number, then a view and an id each, `admission.lua`'s
-- last two words. Answers {fields, place in the queue or false} for each.
local answers = {}
for at = 2, #ARGV do
  local view, id = string.match(ARGV[at], '^(%S+) (.*)$')
  answers[at - 1] = {shown(view, id)}
end
return answers
