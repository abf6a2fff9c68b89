-- What replicas tell each other of how the groups are, which is evidence and no money.
--
-- What they say of a group and model is counted by the second, and goes by itself after an hour; what they
-- learned of its pace by the day too, for a week. Counts only grow, and a second that is over does not change.
local SECONDS_KEPT_S, DAYS_KEPT = 3600, 7
local REPLAYED_S, AT_ONCE_S = 1200, 300
local LEASE_MS = 5000
local LEARNED = '^took:'

-- Adds name and count of everything in a hash to an answer, behind the word that says whose they are.
local function tell(answer, word, hash)
  local found = redis.call('HGETALL', hash)
  for at = 1, #found, 2 do
    for _, each in ipairs({word, found[at], found[at + 1]}) do answer[#answer + 1] = each end
  end
end

-- Whether one more replica may ask the group whether it is well: at most `most` within five seconds.
local function leased(lease, most)
  if most < 1 or tonumber(redis.call('GET', lease) or '0') >= most then return '0' end
  if redis.call('INCR', lease) == 1 then redis.call('PEXPIRE', lease, LEASE_MS) end
  return '1'
end

-- pool: counts what one replica says of a pair to the current second, and tells what all have said.
--   keys    stem of the pair
--   args    the last second heard of, empty for a replica that has just begun; how many leases may be out;
--           then name and count of everything said
--   answer  time in ms, '1' if there is a lease for this replica, the second that this answer goes up to; then
--           second, name and count of everything said in the seconds after the one heard of that are over, the
--           last twenty minutes at most and five of them at a time; for a replica that has just begun
--           '-' and the day in place of the second for what was learned on each of the last days
local function pool(keys, args)
  local stem, most = keys[1], tonumber(args[2])
  local second, day = tonumber(redis.call('TIME')[1]), tonumber(today())
  local current, learned = stem .. ':' .. whole(second), stem .. ':day:'
  for at = 3, #args, 2 do
    redis.call('HINCRBY', current, args[at], args[at + 1])
    if string.find(args[at], LEARNED) then redis.call('HINCRBY', learned .. whole(day), args[at], args[at + 1]) end
  end
  if #args > 2 then
    redis.call('HSET', stem, 'last', whole(second))
    redis.call('EXPIRE', stem, SECONDS_KEPT_S)
    redis.call('EXPIRE', current, SECONDS_KEPT_S)
    redis.call('EXPIRE', learned .. whole(day), (DAYS_KEPT + 1) * 86400)
  end

  local heard_to = math.min(tonumber(args[1]) or 0, second)  -- a clock that went back begins anew from here
  local from = math.max(heard_to + 1, second - REPLAYED_S)
  local to = math.min(second - 1, from + AT_ONCE_S - 1)
  local answer = {whole(now_ms()), leased(stem .. ':lease', most), whole(math.max(heard_to, to))}
  for each = from, to do tell(answer, whole(each), stem .. ':' .. whole(each)) end
  if args[1] == '' then
    for each = day - DAYS_KEPT, day do tell(answer, '-' .. whole(each), learned .. whole(each)) end
  end
  return answer
end

offer('pool', pool)
