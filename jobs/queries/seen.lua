-- Requests as they are now, for calls that were admitted before. ARGV: a view and a request's id each, `admission.lua`'s
-- last two words. Answers {fields, place in the queue or false} for each.
local answers = {}
for at, line in ipairs(ARGV) do
  local view, id = string.match(line, '^(%S+) (.*)$')
  answers[at] = {shown(view, id)}
end
return answers
