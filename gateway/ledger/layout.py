"""Where everything is in Redis.

All that one team's money touches is in one slot, by the hash tag `{t:TEAM}`, so that one function
can move it in one step. What finds a team or a key from outside its slot is a pointer of its own.

    teams                   every team's id, as the fields of a hash
    key:KID                 the team of a key
    auth:DIGEST             the team and key of a secret; DIGEST is the HMAC of it
    {t:TEAM}:acct           the team's record, and its account: budget, held, spent
    {t:TEAM}:keys           the ids of the team's keys, in the same way
    {t:TEAM}:key:KID        the key's record, and its account
    {t:TEAM}:call:CALL      how a call stands: open, unsettled, settled or voided
    {t:TEAM}:open           the calls that hold money: id -> until when it is waited for their end, in ms
    {t:TEAM}:ledger         a stream, one row for every movement that is not in the archive
    {t:TEAM}:archive        up to which row the ledger is in the archive, in which volume, and what these rows make
    {t:TEAM}:sums:day:S     what is held and spent of the day that began at S, by the team and by each key; goes
    {t:TEAM}:sums:month:S   the same of a month; goes after a year
    {t:TEAM}:trail          a stream, one row for everything that administrators did to the team and its keys
    {t:TEAM}:adjusted:NAME  by how much the team was adjusted under a name; goes by itself
    {t:TEAM}:sig:DIGEST     what the model signed a picture or a text with; goes by itself
    {t:TEAM}:once:KID:NAME  the call that an Idempotency-Key stands for; NAME is its digest; goes after a day
    {t:TEAM}:asked:KID:PRINT  answers that their callers left, by the fingerprint of the request; goes by itself
    {t:TEAM}:use:DAY        what was used on a day, counted from 1970-01-01 (UTC)
    {t:TEAM}:use:hour:HOUR  the same of an hour; goes after 32 days
    {t:TEAM}:premium:…      what it drew for dearer groups: by hour, by day, and by attempt; go by themselves
    reaper                  whose turn it is to look for calls that nobody ends; goes by itself
    archiver                whose turn it is to archive; goes by itself
    drawing:OWNER           a process that has answers drawn; goes when it is no more
    moving                  in a store that another is being copied into: which; goes when all of it is there
    drills                  the drills that are on: id -> when it ends, in ms, and what it is; goes by itself
    {jobs}:open             the jobs that are not over: id -> until when their owner holds them, in ms
    {jobs}:told             the jobs that are over and whose receiver is to be told: id -> when, in ms
    {jobs}:job:ID           a job: whose it is, how it stands, who runs it; goes after a day
    {jobs}:of:KID           the jobs of a key: id -> when it was made, in ms; goes by itself
    {jobs}:team:TEAM        those of a team, in the same way
    {jobs}:all              those of all teams
    {jobs}:trail            what administrators did to jobs, in the same way as {op}:trail
    {op}:acct …             what the operator paid: account, ledger and its archive, and the attempts paid for
    {op}:unsettled          attempts of which nobody knows whether they were billed: id -> since when, in ms
    {op}:unsettled:ATTEMPT  what is known of one; stays until it is resolved, and a while longer
    {op}:trail              what administrators did to attempts and to the store, in the same way
    {drills}:trail          what they did to drills
    {op}:premium:… , {op}:races:…   what all calls drew, for dearer groups and for answers that lost
    served:S:N              how callers fared in the Nth slice of S seconds; goes by itself
    {h:GROUP|MODEL}         in which second replicas last said something of a group and model
    {h:GROUP|MODEL}:SECOND  what they said in it, counted: `core.tally`; goes after an hour
    {h:GROUP|MODEL}:day:DAY what they learned of its pace on a day; goes after a week
    {h:GROUP|MODEL}:lease   how many replicas may ask whether it is well again, in these five seconds
"""

import re
from datetime import date
from functools import cache
from urllib.parse import quote

TEAMS = "teams"
DRILLS = "drills"
REAPER = "reaper"
ARCHIVER = "archiver"
MOVING = "moving"
OPERATOR = "{op}:acct"
OPERATOR_LEDGER = "{op}:ledger"
OPERATOR_TRAIL = "{op}:trail"
JOBS = "{jobs}:open"
JOBS_TOLD = "{jobs}:told"
JOB_STEM = "{jobs}:job:"
ALL_JOBS = "{jobs}:all"
JOBS_TRAIL = "{jobs}:trail"
DRILLS_TRAIL = "{drills}:trail"  # which is in the slot of `drills`
UNSETTLED = "{op}:unsettled"

# All of these but `reaper`, `archiver` and `moving`, which are of one store.
_KEPT = re.compile(r"teams|drills|(key|auth|served):.*|\{(t|h):.*\}.*|\{(op|drills|jobs)\}:.*", re.DOTALL)

_OF_TEAM = re.compile(r"\{t:([^}]*)\}:")

_FIRST_DAY = date(1970, 1, 1)


def kept(name: str) -> bool:
    """Whether a key has something that another store needs too."""
    return _KEPT.fullmatch(name) is not None


def nowhere(name: str) -> str:
    """A key in the slot of another that never is there."""
    tag, end, _ = name.partition("}")
    return f"{tag}{end}:nothing" if end else name


def account(team: str) -> str:
    return f"{{t:{team}}}:acct"


def team_of(name: str) -> str | None:
    """The team in whose slot a key is; None: in no team's."""
    found = _OF_TEAM.match(name)
    return found[1] if found else None


def key_index(team: str) -> str:
    return f"{{t:{team}}}:keys"


def key(team: str, key_id: str) -> str:
    return f"{key_stem(team)}{key_id}"


def key_stem(team: str) -> str:
    """What the names of all keys of a team begin with."""
    return f"{{t:{team}}}:key:"


def call(team: str, call_id: str) -> str:
    return f"{call_stem(team)}{call_id}"


def call_stem(team: str) -> str:
    """What the names of all calls of a team begin with."""
    return f"{{t:{team}}}:call:"


def open_calls(team: str) -> str:
    return f"{{t:{team}}}:open"


def ledger(team: str) -> str:
    return f"{{t:{team}}}:ledger"


def trail(team: str) -> str:
    return f"{{t:{team}}}:trail"


def team_of_trail(name: str) -> str | None:
    """The team of a trail; None for that of the operator or of drills."""
    tag = name.removesuffix("}:trail")
    return tag.removeprefix("{t:") if tag.startswith("{t:") else None


def archive(ledger: str) -> str:
    """What is noted of the archive of a ledger, a team's or the operator's."""
    return f"{ledger.removesuffix('ledger')}archive"


def sums(team: str, period: str, begins: int) -> str:
    """Of a day or a month; the functions find it beside the team's account."""
    return f"{{t:{team}}}:sums:{period}:{begins}"


def adjusted(team: str, name: str) -> str:
    """The mark that something was adjusted under a name."""
    return f"{{t:{team}}}:adjusted:{name}"


def signature(team: str, digest: str) -> str:
    return f"{{t:{team}}}:sig:{digest}"


def once(team: str, key_id: str, name: str) -> str:
    """What an Idempotency-Key of this name stands for."""
    return f"{{t:{team}}}:once:{key_id}:{name}"


def job(job_id: str) -> str:
    return f"{JOB_STEM}{job_id}"


def jobs_of(key_id: str) -> str:
    return f"{{jobs}}:of:{key_id}"


def jobs_of_team(team: str) -> str:
    return f"{{jobs}}:team:{team}"


def drawing(owner: str) -> str:
    return f"drawing:{owner}"


def asked(team: str, key_id: str, fingerprint: str) -> str:
    """What is left of requests with this fingerprint."""
    return f"{{t:{team}}}:asked:{key_id}:{fingerprint}"


def use_stem(team: str) -> str:
    """What the name of a day's or an hour's use begins with; the function that settles knows which it is."""
    return f"{{t:{team}}}:use:"


def use(team: str, day: date) -> str:
    return f"{use_stem(team)}{(day - _FIRST_DAY).days}"


def use_of_hour(team: str, hour: int) -> str:
    """The same of an hour, counted from 1970 on."""
    return f"{use_stem(team)}hour:{hour}"


def allowance(purpose: str, team: str | None) -> str:
    """What the names of an allowance begin with: a team's, or the installation's."""
    return f"{{op}}:{purpose}:" if team is None else f"{{t:{team}}}:{purpose}:"


def attempt(attempt_id: str) -> str:
    """The mark that the operator has paid for an attempt."""
    return f"{{op}}:attempt:{attempt_id}"


def unsettled(attempt_id: str) -> str:
    """What is known of an attempt of which nobody knows, or knew, whether it was billed."""
    return f"{UNSETTLED}:{attempt_id}"


@cache
def pair(group: str, model: str) -> str:
    """Whose name all that is said of a pair begins with; the function that counts knows the second."""
    return f"{{h:{quote(group, safe=' ')}|{quote(model, safe=' ')}}}"


def served(slice_s: int, number: int) -> str:
    return f"served:{slice_s}:{number}"


def pointer(key_id: str) -> str:
    return f"key:{key_id}"


def secret(digest: str) -> str:
    return f"auth:{digest}"
