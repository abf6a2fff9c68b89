-- The archive: rows that are in files leave their ledger.

-- archived: rows up to one are in a volume, so they leave. What is noted beside the ledger is where it begins now, and
-- what the rows that have left make of the accounts.
--   keys    ledger, what is noted of its archive
--   args    name of the row up to which rows had left before, that of the volume's last row, how many rows it has, its
--           digest, sums of the accounts as JSON
--   answer  {'archived'}
--           {'elsewhere', row}: rows up to this one had left, with this volume or with another; nothing was changed
local function archived(keys, args)
  local ledger, noted = keys[1], keys[2]
  local after, last, rows, digest, sums = unpack(args)
  local known = redis.call('HGET', noted, 'to') or '0-0'
  if known ~= after then return {'elsewhere', known} end
  local at_ms, place = string.match(last, '^(%d+)-(%d+)$')
  redis.call('XTRIM', ledger, 'MINID', at_ms .. '-' .. whole(tonumber(place) + 1))
  redis.call('HSET', noted, 'to', last, 'digest', digest, 'sums', sums)
  redis.call('HINCRBY', noted, 'rows', rows)
  return {'archived'}
end

offer('archived', archived)
