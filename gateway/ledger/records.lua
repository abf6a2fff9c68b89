-- Records of teams and keys.

-- create: writes the record of a team or a key, unless there is one. Sums are left alone.
--   keys    record
--   args    name and value of every field; `created` is one of them
--   answer  {'created'} or {'exists'}
local function create(keys, args)
  if redis.call('HEXISTS', keys[1], 'created') == 1 then return {'exists'} end
  redis.call('HSET', keys[1], unpack(args))
  return {'created'}
end

-- update: writes fields of a record that exists.
--   keys    record
--   args    name and value of every field; a field of metadata without a value goes
--   answer  {'updated'} or {'unknown'}
local function update(keys, args)
  if redis.call('HEXISTS', keys[1], 'created') == 0 then return {'unknown'} end
  for at = 1, #args, 2 do
    if args[at + 1] == '' and string.find(args[at], '^meta:') then
      redis.call('HDEL', keys[1], args[at])
    else
      redis.call('HSET', keys[1], args[at], args[at + 1])
    end
  end
  return {'updated'}
end

-- revoke: ends a key for good; the first time given stays.
--   keys    record
--   args    the time, in seconds
--   answer  {'revoked'} or {'unknown'}
local function revoke(keys, args)
  if redis.call('HEXISTS', keys[1], 'created') == 0 then return {'unknown'} end
  redis.call('HSETNX', keys[1], 'revoked', args[1])
  return {'revoked'}
end

-- rotate: gives a key another secret. What its secret was goes on until a time, and those before it no longer than that.
--   keys    record
--   args    name and hint of the new secret, the time, until when the old ones are good, both in seconds, and how many
--           of these there may be
--   answer  {'rotated', name of an old one, until when it is good, name …}; '-' is one without a name
--           {'unknown'}, {'revoked'}, or {'full', when the first of the old ones ends}; nothing was changed
local function rotate(keys, args)
  local record, now, ends = keys[1], tonumber(args[3]), args[4]
  local known = redis.call('HMGET', record, 'created', 'revoked', 'secret', 'hint', 'old_secrets')
  if not known[1] then return {'unknown'} end
  if known[2] then return {'revoked'} end
  local answer, good, first = {'rotated'}, {}, ends
  local function old(name, hint, last)
    if tonumber(last) > tonumber(ends) then last = ends end
    if tonumber(last) < tonumber(first) then first = last end
    if tonumber(last) > now then good[#good + 1] = name .. ':' .. hint .. ':' .. last end
    answer[#answer + 1], answer[#answer + 2] = name, last
  end
  for name, hint, last in string.gmatch(known[5] or '', '([^ :]+):([^ :]+):([^ :]+)') do
    if tonumber(last) > now then old(name, hint, last) end
  end
  old(known[3] and known[3] ~= '' and known[3] or '-', known[4], ends)
  if #good > tonumber(args[5]) then return {'full', first} end
  redis.call(
    'HSET', record, 'secret', args[1], 'hint', args[2], 'rotated', args[3], 'old_secrets', table.concat(good, ' ')
  )
  return answer
end

offer('create', create)
offer('update', update)
offer('revoke', revoke)
offer('rotate', rotate)
