"""`gateway rehearse`: the production policy in simulated incidents, beside what others do."""

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.options import AsJson, ConfigFile, out, print_json, print_table, settings_of
from gateway.config.load import parse
from gateway.config.settings import Settings
from gateway.core.catalog import Model
from gateway.core.errors import BadRequest
from gateway.core.keys import Key, Limits
from gateway.rehearse.drawing import timeline
from gateway.rehearse.engine import Rules, Run
from gateway.rehearse.history import History, Unusable, history_of
from gateway.rehearse.policies import OURS, POLICIES
from gateway.rehearse.report import Figures, averaged, figures
from gateway.rehearse.scenarios import SCENARIOS, Scenario

# How long a caller waits that does not say: what the seller advises.
_PATIENCE_S = 360.0

# In eighty columns.
_COLUMNS = (
    "policy",
    "served\n%",
    "p50\ns",
    "p99\ns",
    "moved\ns",
    "back\ns",
    "cost\nx",
    "in the\nend x",
    "twice\n%",
    "turned",
)

# Without a configuration: the seller's two groups, at its prices.
_USUAL = {
    "groups": [
        {
            "name": name,
            "multiplier": multiplier,
            "billing": "pay-as-you-go-priority",
            "lanes": [{"url": "http://127.0.0.1:9", "key": "nothing-is-sent-in-a-rehearsal"}],
        }
        for name, multiplier in (("Default", 1.0), ("NanoBananaEnterprise", 1.4))
    ]
}


@dataclass(frozen=True, slots=True)
class _Calls:
    """What is asked for, how often, and of how many gateways; None: as the incident, or the world, has it."""

    model: Model
    rate: float | None
    replicas: int | None
    history: History | None


@dataclass(frozen=True, slots=True)
class _Row:
    scenario: Scenario
    policy: str
    figures: Figures


_HistoryFile = Annotated[
    Path | None,
    typer.Option(help="A gateway's log, or CSV (size,seconds): how long answers took.", show_default=False),
]
_Directory = Annotated[
    Path | None, typer.Option("--out", help="Writes figures.csv and a picture of each run.", show_default=False)
]


def rehearse(
    incident: Annotated[
        list[str] | None,
        typer.Argument(help=f"Which: {', '.join(each.name for each in SCENARIOS)}. Default: all.", show_default=False),
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option(help=f"Which: {', '.join(POLICIES)}. Default: all.", show_default=False)
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Runs of each, with other dice.")] = 3,
    rate: Annotated[
        float | None, typer.Option(min=0.001, max=1000, help="Calls a second, in place of the incident's own.")
    ] = None,
    replicas: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Gateways that share a store, in place of the incident's own.")
    ] = None,
    model: Annotated[str, typer.Option(help="The model that is asked for.")] = "gemini-3.1-flash-image-preview",
    history: _HistoryFile = None,
    directory: _Directory = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Play incidents of the seller against the failover policy, on a clock that jumps. Sends nothing anywhere.

    The groups, prices and caps on what failover may cost are those of the configuration, if there is one; an hour
    and a day begin with the rehearsal. The other policies know no caps. All incidents take some minutes.

    served: of the calls, those whose picture came in time. moved: seconds until traffic first went elsewhere. back:
    until it last did, from the end. cost: what was billed meanwhile for each picture that was delivered, where 1 is
    the first group's price; in the end: with the bills that came later. twice: of the calls, those that were billed
    more than once. turned: how often traffic left within a quarter of an hour.

    The figures that are written, and --json, have in denied too how many calls found a cap spent, and in
    premium_hour_usd the most that dearer groups cost in an hour on top.
    """
    settings = _settings(config)
    asked = _model(settings, model)
    calls = _Calls(asked, rate, replicas, _history(history, asked))
    if calls.history is not None:
        typer.echo(calls.history.said(), err=as_json)
    rows: list[_Row] = []
    policies, incidents = _named(policy), _chosen(incident)
    _make(directory)
    for scenario in incidents:
        played = []
        for name in policies:
            runs = [_run(scenario, name, settings, calls, seed) for seed in range(seeds)]
            played.append(_row(scenario, name, settings, runs))
            if directory is not None:
                _draw(directory, scenario, name, settings, runs[0])
        rows += played
        if not as_json:
            _print(scenario, played)
    if directory is not None:
        _write(directory / "figures.csv", rows)
    if as_json:
        print_json(list(_documents(rows)))
    elif directory is not None:
        out.print(f"Figures and pictures are in {directory}.", highlight=False, soft_wrap=True)


def _settings(config: Path | None) -> Settings:
    there = config is not None or "GATEWAY_CONFIG" in os.environ or Path("config.yaml").exists()
    return settings_of(config) if there else parse(_USUAL, {}, Path.cwd())


def _model(settings: Settings, name: str) -> Model:
    found = settings.catalog.find(name)
    if found is None:
        known = ", ".join(each.id for each in settings.catalog.models)
        raise BadRequest(f"{name!r} is not a model here; known: {known}")
    return found.model


def _history(path: Path | None, model: Model) -> History | None:
    if path is None:
        return None
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            return history_of(lines, model)
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}") from error
    except Unusable as unusable:
        raise BadRequest(f"{path}: {unusable}") from unusable


def _make(directory: Path | None) -> None:
    """Before anything is played, since that takes minutes."""
    try:
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRequest(f"--out: {directory} cannot be made: {error.strerror}") from error


def _chosen(names: Sequence[str] | None) -> list[Scenario]:
    known = {each.name: each for each in SCENARIOS}
    for name in names or ():
        if name not in known:
            raise BadRequest(f"{name!r} is not an incident; there are {', '.join(known)}")
    return [each for each in SCENARIOS if not names or each.name in names]


def _named(names: Sequence[str] | None) -> list[str]:
    for name in names or ():
        if name not in POLICIES:
            raise BadRequest(f"{name!r} is not a policy; there are {', '.join(POLICIES)}")
    return [name for name in POLICIES if not names or name in names]


def _run(scenario: Scenario, policy: str, settings: Settings, calls: _Calls, seed: int) -> Run:
    lanes = [each.lane for each in settings.lanes]
    world = scenario.world([group.name for group in settings.groups], seed, calls.replicas)
    if calls.history is not None:
        world = replace(world, observed=calls.history.enough)
    caller = Key("rehearsal", "rehearsal", "rehearsal", "", Limits(), created_at=0.0)
    caps = settings.allowances if policy == OURS else {}
    run = Run(world, lanes, caller, POLICIES[policy](), Rules(_PATIENCE_S, settings.patience, caps))
    run.play(scenario.arrivals(calls.model, calls.rate, seed))
    return run


def _row(scenario: Scenario, policy: str, settings: Settings, runs: Sequence[Run]) -> _Row:
    several = [figures(run, scenario, _prices(settings), _PATIENCE_S) for run in runs]
    return _Row(scenario, policy, averaged(several))


def _prices(settings: Settings) -> dict[str, float]:
    return {each.name: float(each.multiplier) for each in settings.groups}


def _draw(directory: Path, scenario: Scenario, policy: str, settings: Settings, run: Run) -> None:
    picture = timeline(run, scenario, _prices(settings), f"{scenario.name}: {policy}")
    (directory / f"{scenario.name}-{policy.replace(' ', '-')}.svg").write_text(picture, encoding="utf-8")


def _write(path: Path, rows: Sequence[_Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        documents = list(_documents(rows))
        table = csv.DictWriter(file, list(documents[0]))
        table.writeheader()
        table.writerows(documents)


def _documents(rows: Sequence[_Row]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {"incident": row.scenario.name, "policy": row.policy, **asdict(row.figures)}


def _print(scenario: Scenario, rows: Sequence[_Row]) -> None:
    calls = rows[0].figures.calls
    out.print(f"[bold]{scenario.name}[/bold]: {scenario.what}; {calls:.0f} calls\n", highlight=False)
    print_table(_COLUMNS, [_cells(row) for row in rows], right=_COLUMNS[1:])
    out.print()


def _cells(row: _Row) -> list[object]:
    told = row.figures
    return [
        row.policy if row.policy != OURS else f"[bold]{OURS}[/bold]",
        f"{100 * told.delivered:.2f}",
        f"{told.p50_s:.0f}",
        f"{told.p99_s:.0f}",
        None if told.moved_s is None else f"{told.moved_s:.0f}",
        None if told.back_s is None else f"{told.back_s:.0f}",
        f"{told.cost:.3f}",
        f"{told.in_the_end:.3f}",
        f"{100 * told.twice:.2f}",
        f"{told.turned:.0f}",
    ]
