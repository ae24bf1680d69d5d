"""Keeps up with all objects of a kind, as a controller does."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread

from kuber.rehearsal.api import Api, ApiError, Kind, Object

_AGAIN_SECONDS = 0.3


class Follower:
    """All objects of a kind as they are now, and word of each that has come or changed.

    It ends with the API server, or some time after `end`.

    Args:
        api: The API server.
        kind: Which objects.
        changed: Told of each object that is there at first, comes or changes, and again and again of one that it returns False
            for. ApiError counts as False: another may have changed the object. Never called twice at a time.

    Attributes:
        objects: The objects by namespace and name; the namespace is "" where the kind has none. To be copied before it is
            walked over.
    """

    def __init__(self, api: Api, kind: Kind, changed: Callable[[Object], bool] | None = None) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self._api = api
        self._kind = kind
        self._changed = changed
        self._undone: set[tuple[str, str]] = set()
        self._acting = Lock()
        self._over = Event()
        targets = [self._follow, *([self._try_again] if changed else [])]
        self._threads = [Thread(target=target, name=f"follow-{kind[1]}", daemon=True) for target in targets]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Act no more."""
        self._over.set()

    def join(self) -> None:
        """Wait for the end, once the API server is gone."""
        for thread in self._threads:
            thread.join()

    def _follow(self) -> None:
        while not self._over.is_set():
            try:
                version = self._list()
                for what, one in self._api.watch(self._kind, version):
                    if self._over.is_set():
                        return
                    self._told(what, one)
            except ApiError:
                self._over.wait(_AGAIN_SECONDS)

    def _list(self) -> str:
        """Take all as they are; the version that a watch goes on from."""
        answer = self._api.request("GET", self._api.path(self._kind))
        there = {_key(one): one for one in answer["items"]}
        for key in self.objects.keys() - there.keys():
            self.objects.pop(key, None)
        for one in there.values():
            self._told("ADDED", one)
        return answer["metadata"]["resourceVersion"]

    def _told(self, what: str, one: Object) -> None:
        key = _key(one)
        if what == "DELETED":
            self.objects.pop(key, None)
        else:
            self.objects[key] = one
            self._act(key, one)

    def _try_again(self) -> None:
        while not self._over.wait(_AGAIN_SECONDS):
            for key in list(self._undone):
                if one := self.objects.get(key):
                    self._act(key, one)
                else:
                    self._undone.discard(key)

    def _act(self, key: tuple[str, str], one: Object) -> None:
        if not self._changed or self._over.is_set():
            return
        with self._acting:
            try:
                done = self._changed(one)
            except ApiError:
                done = False
            (self._undone.discard if done else self._undone.add)(key)


def _key(one: Object) -> tuple[str, str]:
    return one["metadata"].get("namespace", ""), one["metadata"]["name"]
