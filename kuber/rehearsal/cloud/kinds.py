"""What a simulated cloud knows of a resource type: ids, outputs, and what the cloud refuses."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kuber.rehearsal.cloud.endpoint import Endpoint
from kuber.rehearsal.cloud.store import CloudStore, Record
from kuber.wire import UNKNOWN, Properties, revealed


class CloudError(Exception):
    """The cloud refuses; the message is in the cloud's words, its error code first."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a provider makes things, as its configuration says.

    Attributes:
        owner: AWS account, Google Cloud project, or the address of a Vault server.
        region: Region; "" where there is none.
        tags: Default tags or labels.
    """

    owner: str
    region: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Resource:
    """A resource that is being made, changed or taken away, as a kind's functions see it.

    Attributes:
        record: As the store has it.
        inputs: As it is to be configured, secrets in clear; in a preview some values may be unknown.
        place: Where it is.
        store: Of the whole cloud.
        endpoint: What simulated clusters answer as their own; None for addresses where nothing answers.
    """

    record: Record
    inputs: Mapping[str, Any]
    place: Place
    store: CloudStore
    endpoint: Endpoint | None = None

    def hex(self, length: int = 17, purpose: str = "") -> str:
        """Digits of an id: of this resource and purpose alone, and the same each time."""
        text = f"{self.store.seed}/{self.record.urn}/{self.record.generation}/{purpose}"
        return hashlib.sha256(text.encode()).hexdigest()[:length]

    def digits(self, length: int, purpose: str = "") -> str:
        """As `hex`, in decimal; the first is no zero."""
        return str(10 ** (length - 1) + int(self.hex(32, purpose), 16) % (9 * 10 ** (length - 1)))

    def uuid(self, purpose: str = "") -> str:
        """As `hex`, as a UUID."""
        return str(uuid.UUID(self.hex(32, purpose), version=4))

    def get(self, path: str, default: Any = None) -> Any:
        """An input by its path: "vpcConfig.subnetIds"."""
        return next(values(self.inputs, path), default)

    def find(self, resource_type: str, **wanted: Any) -> Record | None:
        """The resource of a type, in the same place, that has all of some properties; `id` is its id."""
        return next(iter(self.all(resource_type, **wanted)), None)

    def all(self, resource_type: str, **wanted: Any) -> list[Record]:
        """As `find`, all of them; this one is left out."""
        return [
            one
            for one in self.store.resources(type=resource_type)
            if one.number != self.record.number
            and _near(one.place, self.record.place)
            and all(_has(one, key, value) for key, value in wanted.items())
        ]


@dataclass(frozen=True, kw_only=True)
class Autoname:
    """The name that the provider chooses where the program gives none: the resource's, a hyphen, seven hexadecimal digits.

    Attributes:
        property: Of the name.
        length: Most characters.
        lower: Whether it is written in small letters.
    """

    property: str
    length: int
    lower: bool = False


@dataclass(frozen=True)
class Unique:
    """Of one place there is one resource with the same values of some properties; a second one is refused.

    Attributes:
        properties: Paths of inputs; where one is missing, nothing is compared.
        message: In the cloud's words; `{id}` is the id of the one that is there, `{owner}` and `{region}` the place, and inputs have
            their names.
    """

    properties: Sequence[str]
    message: str


@dataclass(frozen=True)
class Needs:
    """What a resource names must be there, and may not go while this one is.

    Attributes:
        path: Of the input: "vpcConfig.subnetIds[*]".
        type: Type of what is named.
        by: What it is named by: "id", or a property; "id|name" for either.
        missing: Refusal where it isn't there; `{value}` is what was named. "" if that is no fault: it may be made elsewhere.
        in_use: Refusal to take it away meanwhile; `{id}` is its id, `{user}` the id of this one. "" if it may go.
        goes_too: Whether this one goes with it.
    """

    path: str
    type: str
    by: str
    missing: str
    in_use: str = ""
    goes_too: bool = False


def _no_outputs(resource: Resource) -> Properties:
    return {}


Rule = Callable[[Resource, Mapping[str, Any] | None], None]
"""Given a resource and its inputs of before (None if it is new); raises CloudError."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a cloud knows of one resource type.

    Attributes:
        id: The id of a new resource.
        outputs: What the cloud computes; inputs are outputs without that.
        autoname: How it is named where the program doesn't.
        global_: Whether ids and names are unique in the account and not by region.
        unique: What there can be one of.
        needs: What must be there.
        rules: What else is refused.
        guard: What refuses to take it away.
        overwrites: Whether making it again takes over the one that is there.
        lasting: Whether it stays in the cloud for ever.
        secret_outputs: Paths of computed outputs that are secret.
    """

    id: Callable[[Resource], str]
    outputs: Callable[[Resource], Properties] = _no_outputs
    autoname: Autoname | None = None
    global_: bool = False
    unique: Sequence[Unique] = ()
    needs: Sequence[Needs] = ()
    rules: Sequence[Rule] = ()
    guard: Callable[[Resource], None] | None = None
    overwrites: bool = False
    lasting: bool = False
    secret_outputs: Sequence[str] = ()


def refuse_what_is_there_already(kind: Kind, resource: Resource) -> None:
    """Hold a resource against all others of its type.

    Raises:
        CloudError: there can be but one, and it is there.
    """
    for unique in kind.unique:
        wanted = {path: resource.get(path) for path in unique.properties}
        if any(value in (None, UNKNOWN) for value in wanted.values()):
            continue
        there = resource.all(resource.record.type)
        same = [
            one
            for one in there
            if one.place == resource.record.place and all(_has(one, *item) for item in wanted.items())
        ]
        if same:
            raise CloudError(_told(unique.message, resource, id=same[0].id))


def refuse_what_is_missing(kind: Kind, resource: Resource, before: Mapping[str, Any]) -> None:
    """Look up all that a resource names and didn't name in its inputs of before.

    Raises:
        CloudError: something isn't there.
    """
    for needs in kind.needs:
        for value in values(resource.inputs, needs.path):
            if not needs.missing or value == UNKNOWN or value in values(before, needs.path):
                continue
            if not any(resource.find(needs.type, **{by: value}) for by in needs.by.split("|")):
                raise CloudError(_told(needs.missing, resource, value=value))


def refuse_to_leave_users(kinds: Mapping[str, Kind], resource: Resource) -> list[Record]:
    """Look up what uses a resource that is to go, and give what goes with it.

    Raises:
        CloudError: something does that holds it up.
    """
    together: list[Record] = []
    for user, needs in users(kinds, resource):
        if needs.goes_too:
            together.append(user)
        elif needs.in_use:
            raise CloudError(_told(needs.in_use, resource, id=resource.record.id, user=user.id))
    return together


def users(kinds: Mapping[str, Kind], resource: Resource) -> Iterator[tuple[Record, Needs]]:
    """What names a resource, and how."""
    record = resource.record
    for resource_type, kind in kinds.items():
        for needs in kind.needs:
            if needs.type != record.type:
                continue
            known = {value for by in needs.by.split("|") for value in _names(record, by)}
            for one in resource.all(resource_type):
                if known & set(values(revealed(one.inputs), needs.path)):
                    yield one, needs


def values(inputs: Any, path: str) -> Iterator[Any]:
    """The values at a path; "subnetIds[*]" gives each item."""
    key, _, rest = path.partition(".")
    name = key.removesuffix("[*]")
    value = inputs.get(name) if isinstance(inputs, Mapping) else None
    for one in (value if isinstance(value, list) else []) if key.endswith("[*]") else [value]:
        if rest:
            yield from values(one, rest)
        elif one is not None:
            yield one


def _near(place: str, other: str) -> bool:
    """Whether two places are the same, or one is the account that the other lies in."""
    return f"{place}/".startswith(f"{other}/") or f"{other}/".startswith(f"{place}/")


def _has(record: Record, path: str, value: Any) -> bool:
    return value in _names(record, path)


def _names(record: Record, path: str) -> list[Any]:
    return [record.id] if path == "id" else list(values(revealed(record.outputs), path))


def _told(message: str, resource: Resource, **named: Any) -> str:
    """A message with the top-level inputs that it names."""
    known = {key: value for key, value in resource.inputs.items() if not isinstance(value, (dict, list))}
    place = {"owner": resource.place.owner, "region": resource.place.region}
    return message.format_map(_Named({**known, **place, "id": resource.record.id, **named}))


class _Named(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"
