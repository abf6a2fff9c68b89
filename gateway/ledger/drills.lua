-- Drills that are on.

-- When a drill ends, in ms by this server's clock: replicas need not agree on theirs.
local function drill_ends(row)
  return tonumber(string.match(row, '^%d+'))
end

local function drill_is(row)
  return string.match(row, '^%d+ (.*)$')
end

-- drills: the drills that are not over.
--   keys    drills
--   answer  {now in ms, id, row, id, row …}; a row is when it ends, in ms, a space, and what it is
local function drills(keys)
  local now, rows = now_ms(), redis.call('HGETALL', keys[1])
  local on = {whole(now)}
  for at = 1, #rows, 2 do
    if drill_ends(rows[at + 1]) > now then
      on[#on + 1] = rows[at]
      on[#on + 1] = rows[at + 1]
    end
  end
  return on
end

-- drill: writes a drill, and clears away those that are over. The hash goes with the last of them.
--   keys    drills, their trail
--   args    who, door, action, subject, id, row
--   answer  {'written'}
local function drill(keys, args)
  local told, given = deed(args)
  local now, last, rows = now_ms(), drill_ends(given[2]), redis.call('HGETALL', keys[1])
  for at = 1, #rows, 2 do
    local ends = drill_ends(rows[at + 1])
    if ends <= now then redis.call('HDEL', keys[1], rows[at]) end
    last = math.max(last, ends)
  end
  changed(told, 'drill', '', drill_is(given[2]))
  enter(keys[2], told)
  redis.call('HSET', keys[1], given[1], given[2])
  redis.call('PEXPIREAT', keys[1], whole(last))
  return {'written'}
end

-- undrill: ends a drill before its time.
--   keys    drills, their trail
--   args    who, door, action, subject, id
--   answer  {'ended'} or {'unknown'}
local function undrill(keys, args)
  local told, given = deed(args)
  local row = redis.call('HGET', keys[1], given[1])
  if not row then return {'unknown'} end
  changed(told, 'drill', drill_is(row), '')
  enter(keys[2], told)
  redis.call('HDEL', keys[1], given[1])
  return {'ended'}
end

offer('drills', drills)
offer('drill', drill)
offer('undrill', undrill)
