-- Allowances: what failover may cost, by the hour and by the day.

-- Whole seconds of the store's clock, and the windows an allowance is counted in.
local HOUR, DAY = 3600, 24 * 3600

local function counter(stem, window, number)
  return stem .. window .. ':' .. whole(number)
end

-- draw: draws on an allowance what an attempt may cost at most, unless the present hour or day (UTC)
-- would then hold more than its cap. What is drawn under a name is not drawn again.
--   keys    stem of the allowance, then the record whose fields `premium_hour` and `premium_day` are its
--           caps, if there is one
--   args    name, nanos, cap of the hour, cap of the day: where no record has them; empty: none
--   answer  {'drawn'} or {'spent', 'hour'|'day', seconds until that begins anew}
local function draw(keys, args)
  local stem, name, nanos = keys[1], args[1], amount(args[2])
  local mark = stem .. 'of:' .. name
  if redis.call('EXISTS', mark) == 1 then return {'drawn'} end
  local caps = keys[2] and redis.call('HMGET', keys[2], 'premium_hour', 'premium_day') or {args[3], args[4]}
  local now = tonumber(redis.call('TIME')[1])
  local windows = {{'hour', HOUR, caps[1]}, {'day', DAY, caps[2]}}
  for _, window in ipairs(windows) do
    local what, lasts, cap = unpack(window)
    local drawn = redis.call('GET', counter(stem, what, math.floor(now / lasts))) or '0'
    if cap and cap ~= '' and tonumber(drawn) + tonumber(nanos) > tonumber(cap) then
      return {'spent', what, whole(lasts - now % lasts)}
    end
  end
  for _, window in ipairs(windows) do
    local what, lasts = unpack(window)
    local count = counter(stem, what, math.floor(now / lasts))
    redis.call('INCRBY', count, nanos)
    redis.call('EXPIRE', count, 2 * lasts)
  end
  redis.call('HSET', mark, 'nanos', nanos, 'at', whole(now))
  redis.call('EXPIRE', mark, 2 * DAY)
  return {'drawn'}
end

-- correct: puts right what was drawn under a name, in the windows it was drawn in; the last word counts.
--   keys    stem of the allowance
--   args    name, nanos
--   answer  {'corrected'} or {'unknown'}
local function correct(keys, args)
  local stem, nanos = keys[1], amount(args[2])
  local mark = stem .. 'of:' .. args[1]
  local known = redis.call('HMGET', mark, 'nanos', 'at')
  if not known[1] then return {'unknown'} end
  for what, lasts in pairs({hour = HOUR, day = DAY}) do
    local count = counter(stem, what, math.floor(tonumber(known[2]) / lasts))
    if redis.call('EXISTS', count) == 1 then
      redis.call('DECRBY', count, known[1])
      redis.call('INCRBY', count, nanos)
    end
  end
  redis.call('HSET', mark, 'nanos', nanos)
  return {'corrected'}
end

-- drawn: what was drawn in the present hour and day.
--   keys    stem of the allowance
--   answer  {nanos of the hour, nanos of the day}
local function drawn(keys)
  local now = tonumber(redis.call('TIME')[1])
  return {
    redis.call('GET', counter(keys[1], 'hour', math.floor(now / HOUR))) or '0',
    redis.call('GET', counter(keys[1], 'day', math.floor(now / DAY))) or '0',
  }
end

offer('draw', draw)
offer('correct', correct)
offer('drawn', drawn)
