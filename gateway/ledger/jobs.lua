-- Jobs: requests that are drawn without anybody waiting. Who runs one holds it for a while, and says again that it does;
-- one that nobody holds any more is for whoever takes it. No money is in any of this.

local HELD_MS = 20 * 1000
local JOB_KEPT_S = 25 * 3600

-- Whoever tells a receiver has so long for it, then another does.
local TELLING_MS = 60 * 1000

-- What a glance at the oldest jobs may cost.
local JOBS_AT_ONCE = 16

-- What the trail tells of a job that somebody has deleted; the team first, by which it is found.
local JOB_TOLD = {'team', 'key', 'state', 'route', 'model'}

local function write_job(place, fields)
  redis.call('HSET', place, unpack(fields))
  redis.call('EXPIRE', place, JOB_KEPT_S)
end

local function hold_job(open, id, now)
  redis.call('ZADD', open, whole(now + HELD_MS), id)
end

-- Puts a job into an index, and what is too old out of it: so many at a time that it stays as long as it is.
local function index_job(index, id, now)
  redis.call('ZADD', index, whole(now), id)
  redis.call('EXPIRE', index, JOB_KEPT_S)
  local before = whole(now - JOB_KEPT_S * 1000)
  local old = redis.call('ZRANGEBYSCORE', index, '-inf', before, 'LIMIT', 0, JOBS_AT_ONCE)
  if #old > 0 then redis.call('ZREM', index, unpack(old)) end
end

-- job_add: writes a job, which its owner then holds.
--   keys    job, jobs that are not over, and every index that it is found in
--   args    id, key id, owner, then name and value of every field
--   answer  {'added'}, or {'there'}: it is there already, and stays as it is
local function job_add(keys, args)
  if redis.call('EXISTS', keys[1]) == 1 then return {'there'} end
  local now = now_ms()
  write_job(keys[1], {'key', args[2], 'owner', args[3], unpack(args, 4)})
  hold_job(keys[2], args[1], now)
  for at = 3, #keys do index_job(keys[at], args[1], now) end
  return {'added'}
end

-- The job in a queue that has been due for the longest, which nobody else is given for a while; nil: none is due.
local function next_due(stem, queue, held_ms)
  local now = now_ms()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', queue, '-inf', now, 'LIMIT', 0, JOBS_AT_ONCE)) do
    if redis.call('EXISTS', stem .. id) == 1 then
      redis.call('ZADD', queue, whole(now + held_ms), id)
      return id
    end
    redis.call('ZREM', queue, id)  -- it is long gone
  end
  return nil
end

-- job_take: the job that nobody has held for the longest is its taker's.
--   keys    stem of a job's name, jobs that are not over
--   args    owner
--   answer  {id}; empty: every job is held
local function job_take(keys, args)
  local id = next_due(keys[1], keys[2], HELD_MS)
  if not id then return {} end
  redis.call('HSET', keys[1] .. id, 'owner', args[1])
  return {id}
end

-- job_hold: an owner still has a job.
--   keys    job, jobs that are not over
--   args    id, owner
--   answer  {'held'}, or {'lost'}: it is another's, or was deleted
local function job_hold(keys, args)
  if redis.call('HGET', keys[1], 'owner') ~= args[2] then return {'lost'} end
  hold_job(keys[2], args[1], now_ms())
  return {'held'}
end

-- job_note: writes fields of a job. When it is over, a receiver that it has is to be told.
--   keys    job, jobs that are not over, jobs to be told of
--   args    id, owner, '1': it is over, then name and value of every field
--   answer  {'noted'}, or {'lost'}: it is another's, or was deleted; nothing was written
local function job_note(keys, args)
  if redis.call('HGET', keys[1], 'owner') ~= args[2] then return {'lost'} end
  write_job(keys[1], {unpack(args, 4)})
  if args[3] == '1' then
    redis.call('ZREM', keys[2], args[1])
    if redis.call('HGET', keys[1], 'webhook') then redis.call('ZADD', keys[3], whole(now_ms()), args[1]) end
  end
  return {'noted'}
end

-- job_forget: deletes a job. What was sent for it goes on.
--   keys    job, jobs that are not over, trail of jobs, and every index that it is found in
--   args    id; and where an administrator does it who, door, action, subject
--   answer  {'gone', how it stood}, or {'unknown'}
local function job_forget(keys, args)
  local known = redis.call('HMGET', keys[1], 'state', unpack(JOB_TOLD))
  if not known[1] then return {'unknown'} end
  if #args > 1 then
    local told = deed({unpack(args, 2)})
    told[#told + 1], told[#told + 2] = 'team', known[2] or ''
    for at = 2, #JOB_TOLD do changed(told, JOB_TOLD[at], known[at + 1] or '', '') end
    enter(keys[3], told)
  end
  redis.call('EXPIRE', keys[1], 0)
  redis.call('ZREM', keys[2], args[1])
  for at = 4, #keys do redis.call('ZREM', keys[at], args[1]) end
  return {'gone', known[1]}
end

-- jobs_of: the jobs of an index, the newest first; of those made in one millisecond in the order of their ids.
--   keys    stem of a job's name, index
--   args    how many at most; behind which job, or an empty text, and when that was made, in ms, or an empty text:
--           then it must be there
--   answer  {id, when it was made, in ms, id, when …}
local function jobs_of(keys, args)
  local most, last, made = tonumber(args[1]), args[2], args[3]
  if last ~= '' and made == '' then made = redis.call('ZSCORE', keys[2], last) end
  if not made then return {} end
  local from, to = last == '' and '+inf' or made, whole(now_ms() - JOB_KEPT_S * 1000)
  local found, gone, at = {}, {}, 0
  repeat
    local rows = redis.call('ZRANGE', keys[2], from, to, 'BYSCORE', 'REV', 'LIMIT', at, most, 'WITHSCORES')
    for row = 1, #rows, 2 do
      local id, ms = rows[row], rows[row + 1]
      local behind = last == '' or tonumber(ms) < tonumber(made) or id < last
      if behind and redis.call('EXISTS', keys[1] .. id) == 0 then
        gone[#gone + 1] = id
      elseif behind and #found < 2 * most then
        found[#found + 1], found[#found + 2] = id, ms
      end
    end
    at = at + most
  until #found >= 2 * most or #rows < 2 * most
  for _, id in ipairs(gone) do redis.call('ZREM', keys[2], id) end
  return found
end

-- job_tell: a job whose receiver is to be told now, by whoever asks.
--   keys    stem of a job's name, jobs to be told of
--   answer  {id}; empty: nobody is to be told
local function job_tell(keys)
  local id = next_due(keys[1], keys[2], TELLING_MS)
  return id and {id} or {}
end

-- job_told: writes what came of that.
--   keys    job, jobs to be told of
--   args    id, in how many ms its receiver is to be told again or an empty text, then name and value of every field
--   answer  {'noted'}, or {'gone'}: it was deleted
local function job_told(keys, args)
  if redis.call('EXISTS', keys[1]) == 0 then return {'gone'} end
  write_job(keys[1], {unpack(args, 3)})
  if args[2] == '' then
    redis.call('ZREM', keys[2], args[1])
  else
    redis.call('ZADD', keys[2], whole(now_ms() + tonumber(args[2])), args[1])
  end
  return {'noted'}
end

offer('job_add', job_add)
offer('job_take', job_take)
offer('job_hold', job_hold)
offer('job_note', job_note)
offer('job_tell', job_tell)
offer('job_told', job_told)
offer('job_forget', job_forget)
offer('jobs_of', jobs_of)
