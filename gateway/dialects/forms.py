"""multipart/form-data, as the OpenAI SDKs send pictures: text fields and files, in their order."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.core.errors import BadRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

# No SDK sends more; a form of a million empty parts would only cost time.
MOST_PARTS = 64


@dataclass(frozen=True, slots=True)
class File:
    """A file of a form, where it is in the body. What it is called and said to be is the sender's claim; its bytes
    decide.
    """

    name: str
    content: memoryview


@dataclass(frozen=True, slots=True)
class Form:
    fields: dict[str, str]
    files: tuple[File, ...]


def is_form(content_type: str) -> bool:
    return content_type.lower().startswith("multipart/form-data")


def read_form(body: bytes, content_type: str) -> Form:
    """The form in a body. Raises `BadRequest` for one that is broken, or gives a field twice."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise _broken("the content type has no boundary")
    reading = _Reading()
    try:
        parser = MultipartParser(boundary, reading.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _broken(str(error)) from None
    if not reading.ended:
        raise _broken("it ends in the middle")
    return reading.form()


def _broken(why: str) -> BadRequest:
    return BadRequest(f"The request body is not a valid form: {why}.", code="invalid_form")


@dataclass(slots=True)
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    pieces: list[memoryview] = field(default_factory=list)

    @property
    def content(self) -> memoryview:
        return self.pieces[0] if len(self.pieces) == 1 else memoryview(b"".join(self.pieces))

    @property
    def disposition(self) -> dict[bytes, bytes]:
        return parse_options_header(self.headers.get(b"content-disposition", b""))[1]


class _Reading:
    """Collects what the parser tells of."""

    def __init__(self) -> None:
        self.ended = False
        self._parts: list[_Part] = []
        self._name = b""
        self._value = b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def form(self) -> Form:
        fields: dict[str, str] = {}
        files = []
        for part in self._parts:
            disposition = part.disposition
            name = disposition.get(b"name", b"").decode("utf-8", "replace")
            if b"filename" in disposition:
                files.append(File(name, part.content))
                continue
            if name in fields:
                raise BadRequest(f"{name!r} is given twice.", param=name)
            fields[name] = bytes(part.content).decode("utf-8", "replace")
        return Form(fields, tuple(files))

    def _begin(self) -> None:
        if len(self._parts) >= MOST_PARTS:
            raise _broken(f"it has more than {MOST_PARTS} parts")
        self._parts.append(_Part())

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._parts[-1].headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._parts[-1].pieces.append(memoryview(data)[start:end])

    def _end(self) -> None:
        self.ended = True
