"""Where a setting's text comes from: the file, the environment, a key's own file.

Three steps over a Draft, in this order: overrides from `GATEWAY__` variables, `${NAME}` in whatever
is left of the file's text, and the files that `key_file` names. Nothing here knows what a setting
means.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from gateway.config.draft import GIVEN, Draft, Where, leaves
from gateway.config.sections import Section, shape
from gateway.config.settings import ConfigError

PREFIX = "GATEWAY__"

# $${ stands for ${ itself; a ${ that is not a reference is a mistake.
_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|(?P<broken>\$\{)")


def read(path: Path) -> Mapping[Any, Any]:
    """The document in a YAML file, with line numbers. Raises `ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from None
    # The reader's own messages quote the text around a mistake, which may be a key: they end here.
    try:
        document = YAML().load(text)
    except DuplicateKeyError as error:
        raise ConfigError([f"{_spot(path, error)}: the same name appears twice in a section; keep one"]) from None
    except MarkedYAMLError as error:
        raise ConfigError([f"{_spot(path, error)}: is not valid YAML: {error.problem}{_hint(text, error)}"]) from None
    except (YAMLError, ValueError, RecursionError):
        raise ConfigError([f"{path.name}: is not valid YAML"]) from None
    if document is None:
        return {}
    if not isinstance(document, Mapping):
        raise ConfigError([f"{path.name}: must be made of settings, name: value"])
    return document


def override(draft: Draft, schema: type[Section], environ: Mapping[str, str]) -> None:
    """Puts the values of `GATEWAY__SECTION__NAME` variables in the place of the file's."""
    known = dict(_offered(schema, draft.values, ()))
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            continue
        where = known.get(variable)
        if where is None:
            draft.places[(variable,)] = GIVEN
            draft.wrong((variable,), f"overrides no setting; {_nearest(variable, known)}")
            continue
        _put(draft.values, where, environ[variable])
        draft.places[where] = variable
        draft.origins[where] = f"env {variable}"


def expand(draft: Draft, environ: Mapping[str, str]) -> None:
    """Replaces `${NAME}` and `${NAME:-default}` in every text of the file by what the environment has."""
    for where, value in list(leaves(draft.values)):
        if isinstance(value, str) and "${" in value and where not in draft.origins:
            _put(draft.values, where, _expanded(draft, where, value, environ))


def read_key_files(draft: Draft) -> None:
    """Replaces each `key_file` by the `key` in that file; a relative path starts at the configuration's folder."""
    for where, value in list(leaves(draft.values)):
        if where[-1] != "key_file" or value is None:
            continue
        key = (*where[:-1], "key")
        if where in draft.lacking:
            draft.lacking.add(key)
            continue
        if _at(draft.values, key) is not None:
            draft.wrong(where, "is given beside key; keep one of the two")
            continue
        try:
            text = (draft.base_dir / str(value)).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            draft.lacks(where, f"cannot be read: {reason}")
            draft.lacking.add(key)
            continue
        _put(draft.values, key, text.strip())
        draft.places[key] = draft.places[where]
        draft.origins[key] = "file"


def _nearest(variable: str, known: Iterable[str]) -> str:
    """The prefix is common to all and would make everything near."""
    names = [name.removeprefix(PREFIX) for name in known]
    near = difflib.get_close_matches(variable.removeprefix(PREFIX), names, n=1)
    return f"did you mean {PREFIX}{near[0]}?" if near else f"names are as in the file: {PREFIX}LIMITS__BODY_BYTES"


def _spot(path: Path, error: MarkedYAMLError) -> str:
    mark = error.problem_mark
    return path.name if mark is None else f"{path.name}:{mark.line + 1}"


def _hint(text: str, error: MarkedYAMLError) -> str:
    """The braces of a reference mean a mapping to YAML."""
    mark = error.problem_mark
    lines = text.splitlines()
    if mark is not None and mark.line < len(lines) and "${" in lines[mark.line]:
        return '; put "${NAME}" in quotes'
    return ""


def _expanded(draft: Draft, where: Where, text: str, environ: Mapping[str, str]) -> str:
    names: list[str] = []

    def value(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name = match["name"]
        if name is None:
            draft.lacks(
                where, "has a ${ that is not ${NAME} or ${NAME:-default}; write $${ for the characters themselves"
            )
            return ""
        names.append(name)
        found = environ.get(name) or match["default"]
        if found is None:
            draft.lacks(where, f"the environment variable {name} is {'empty' if name in environ else 'not set'}")
        return found or ""

    expanded = _REFERENCE.sub(value, text)
    if names:
        draft.origins[where] = f"env {', '.join(names)}"
    return expanded


def _offered(schema: type[Section], values: object, where: Where) -> Iterator[tuple[str, Where]]:
    """The variables that override something, given what there is: a list can be changed and grown by one."""
    for name, field in schema.model_fields.items():
        way = (*where, name)
        value = values.get(name) if isinstance(values, dict) else None
        part = shape(field.annotation)
        if part.section is None and part.plain:
            yield PREFIX + "__".join(str(step).upper() for step in way), way
        elif part.section is not None and part.plain and isinstance(value, dict | None):
            yield from _offered(part.section, value, way)
        elif part.section is not None and part.listed and isinstance(value, list | None):
            for number, child in enumerate([*(value or ()), None]):
                yield from _offered(part.section, child, (*way, number))


def _at(values: object, where: Where) -> object:
    for step in where:
        if isinstance(values, dict):
            values = values.get(step)
        elif isinstance(values, list) and isinstance(step, int) and step < len(values):
            values = values[step]
        else:
            return None
    return values


def _put(values: Any, where: Where, value: object) -> None:
    """Sets a value, making the sections and list entries on the way to it."""
    for step, following in pairwise(where):
        child = _at(values, (step,))
        if child is None:
            child = [] if isinstance(following, int) else {}
            _set(values, step, child)
        values = child
    _set(values, where[-1], value)


def _set(values: Any, step: str | int, value: object) -> None:
    if isinstance(values, list) and step == len(values):
        values.append(value)
    else:
        values[step] = value
