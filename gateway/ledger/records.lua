-- Records of teams and keys.

-- create: writes the record of a team or a key, unless there is one. Sums are left alone.
--   keys    record
--   args    name and value of every field; `created` is one of them
--   answer  {'created'} or {'exists'}
local function create(keys, args)
  if redis.call('HEXISTS', keys[1], 'created') == 1 then return {'exists'} end
  redis.call('HSET', keys[1], unpack(args))
  redis.call('HSET', keys[1], 'terms', terms_of(keys[1]))
  return {'created'}
end

-- update: writes fields of a record that exists.
--   keys    record
--   args    name and value of every field
--   answer  {'updated'} or {'unknown'}
local function update(keys, args)
  if redis.call('HEXISTS', keys[1], 'created') == 0 then return {'unknown'} end
  redis.call('HSET', keys[1], unpack(args))
  redis.call('HSET', keys[1], 'terms', terms_of(keys[1]))
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

offer('create', create)
offer('update', update)
offer('revoke', revoke)
