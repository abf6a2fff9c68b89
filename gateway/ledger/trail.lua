-- The trail: what administrators did. A row is written by the very function that does it, in the same slot, and before
-- it does it: so that nothing is done without its row, whatever stops the function. What changed nothing has none.
--
-- A row says who, through which door, what it is called and of what, and then of every field that changed `was:FIELD`
-- and `now:FIELD`; one that had no value before, or has none after, is not named there.

-- So many rows of a trail are kept: for a team, for the operator, for drills.
local TRAIL_ROWS = 10000

-- What nobody needs to see: by what secrets are known, and the time, which the row has.
local UNTOLD = {secret = true, created = true}

-- The first four of a function's arguments: who, door, action, subject; and the others.
local function deed(args)
  return {'who', args[1], 'door', args[2], 'action', args[3], 'subject', args[4]}, {unpack(args, 5)}
end

-- Puts into a row that a field changed; '' is no value.
local function changed(row, field, was, now)
  if UNTOLD[field] or was == now then return end
  if was ~= '' then row[#row + 1], row[#row + 2] = 'was:' .. field, was end
  if now ~= '' then row[#row + 1], row[#row + 2] = 'now:' .. field, now end
end

local function enter(trail, row)
  redis.call('XADD', trail, 'MAXLEN', TRAIL_ROWS, '*', unpack(row))
end

-- entered: writes a row of what was done elsewhere.
--   keys    trail
--   args    who, door, action, subject, then name and value of what the row is to tell besides
--   answer  {'entered'}
local function entered(keys, args)
  local row, told = deed(args)
  for _, word in ipairs(told) do row[#row + 1] = word end
  enter(keys[1], row)
  return {'entered'}
end

offer('entered', entered)
