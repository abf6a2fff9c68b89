-- Records of teams and keys. Every change of one is a row of the team's trail: trail.lua.

-- Puts into a row which of these fields, name and value in turn, a record has otherwise; whether any.
local function compare(record, fields, row)
  local before = #row
  for at = 1, #fields, 2 do
    changed(row, fields[at], redis.call('HGET', record, fields[at]) or '', fields[at + 1])
  end
  return #row > before
end

-- Writes them, and what they come to for `reserve`. One of metadata without a value goes.
local function put(record, fields)
  for at = 1, #fields, 2 do
    if fields[at + 1] == '' and string.find(fields[at], '^meta:') then
      redis.call('HDEL', record, fields[at])
    else
      redis.call('HSET', record, fields[at], fields[at + 1])
    end
  end
  redis.call('HSET', record, 'terms', terms_of(record))
end

-- create: writes the record of a team or a key, unless there is one. Sums are left alone.
--   keys    record, trail
--   args    who, door, action, subject, then name and value of every field; `created` is one of them
--   answer  {'created'} or {'exists'}
local function create(keys, args)
  if redis.call('HEXISTS', keys[1], 'created') == 1 then return {'exists'} end
  local row, fields = deed(args)
  compare(keys[1], fields, row)
  enter(keys[2], row)
  put(keys[1], fields)
  return {'created'}
end

-- update: writes fields of a record that exists.
--   keys    record, trail
--   args    who, door, action, subject, then name and value of every field; one of metadata without a value goes
--   answer  {'updated'}, {'same'}: as it was before, or {'unknown'}
local function update(keys, args)
  if redis.call('HEXISTS', keys[1], 'created') == 0 then return {'unknown'} end
  local row, fields = deed(args)
  if not compare(keys[1], fields, row) then return {'same'} end
  enter(keys[2], row)
  put(keys[1], fields)
  return {'updated'}
end

-- revoke: ends a key for good; the first time given stays.
--   keys    record, trail
--   args    who, door, action, subject, the time, in seconds
--   answer  {'revoked'}, {'same'}: as it was before, or {'unknown'}
local function revoke(keys, args)
  if redis.call('HEXISTS', keys[1], 'created') == 0 then return {'unknown'} end
  local row, given = deed(args)
  if redis.call('HEXISTS', keys[1], 'revoked') == 1 then return {'same'} end
  changed(row, 'revoked', '', given[1])
  enter(keys[2], row)
  redis.call('HSETNX', keys[1], 'revoked', given[1])
  return {'revoked'}
end

-- rotate: gives a key another secret. What its secret was goes on until a time, and those before it no longer than that.
--   keys    record, trail
--   args    who, door, action, subject, name and hint of the new secret, the time, until when the old ones are good,
--           both in seconds, and how many of these there may be
--   answer  {'rotated', name of an old one, until when it is good, name …}; '-' is one without a name
--           {'unknown'}, {'revoked'}, or {'full', when the first of the old ones ends}; nothing was changed
local function rotate(keys, args)
  local row, given = deed(args)
  local now, ends = tonumber(given[3]), given[4]
  local known = redis.call('HMGET', keys[1], 'created', 'revoked', 'secret', 'hint', 'old_secrets')
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
  if #good > tonumber(given[5]) then return {'full', first} end
  changed(row, 'hint', known[4], given[2])
  changed(row, 'old_ends', '', ends)
  enter(keys[2], row)
  local olds = table.concat(good, ' ')
  redis.call('HSET', keys[1], 'secret', given[1], 'hint', given[2], 'rotated', given[3], 'old_secrets', olds)
  return answer
end

offer('create', create)
offer('update', update)
offer('revoke', revoke)
offer('rotate', rotate)
