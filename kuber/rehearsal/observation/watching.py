"""Watches of an API server, kept up by threads."""

from __future__ import annotations

import time
from threading import Event, Thread

from kuber.rehearsal.api import Api, ApiError, Kind, Object

from .facts import Observed
from .ledger import WATCHED, Change, Ledger

_AGAIN_SECONDS = 0.5
_WATCH_SECONDS = 300
_QUIET_SECONDS = 1.0
_STUCK_SECONDS = 12.0
"""After so long without any change of a pod or workload, nothing more is to come: the autoscaler may add another node after 10 s."""


class Observer:
    """Watches a cluster, from entering the context until leaving it.

    A watch that is broken off is taken up again: all objects are listed, so that nothing that happened in between is lost but how
    it came about.

    Args:
        api: The API server.
        ledger: What is told.
    """

    def __init__(self, api: Api, ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger()
        self._api = api
        self._over = Event()
        self._started = time.monotonic()
        self._last = 0.0

    def __enter__(self) -> Observer:
        for kind in WATCHED:
            # They end with the server's next word, or with the process: nothing waits for them.
            Thread(target=self._follow, args=(kind,), name=f"watch-{kind[1]}", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def begin(self) -> None:
        """From now on counts what happens."""
        self.ledger.begin(self._now())

    def end(self) -> Observed:
        """What happened since `begin`."""
        return self.ledger.end(self._now())

    def settle(self, longest_seconds: float) -> bool:
        """Wait until every workload has its pods and for a moment nothing has happened; False if that doesn't come."""
        until = time.monotonic() + longest_seconds
        while time.monotonic() < until:
            quiet = self._now() - self._last
            if quiet > _QUIET_SECONDS and not self.ledger.unsettled():
                return True
            if quiet > _STUCK_SECONDS:
                return False
            time.sleep(0.1)
        return False

    def _now(self) -> float:
        return time.monotonic() - self._started

    def _follow(self, kind: Kind) -> None:
        known: dict[str, Object] = {}
        while not self._over.is_set():
            try:
                version = self._list(kind, known)
                for what, one in self._api.watch(kind, version, timeout_seconds=_WATCH_SECONDS):
                    if self._over.is_set():
                        return
                    self._told(kind, what, one, known)
            except ApiError:
                self._over.wait(_AGAIN_SECONDS)

    def _list(self, kind: Kind, known: dict[str, Object]) -> str:
        """Tell of all objects of a kind, also of those that went meanwhile; the version that a watch goes on from."""
        answer = self._api.request("GET", self._api.path(kind))
        there = {one["metadata"]["uid"]: one for one in answer["items"]}
        for uid in known.keys() - there.keys():
            self._told(kind, "DELETED", known[uid], {})
            del known[uid]
        for one in there.values():
            self._told(kind, "ADDED", one, known)
        return answer["metadata"]["resourceVersion"]

    def _told(self, kind: Kind, what: str, one: Object, known: dict[str, Object]) -> None:
        if what == "DELETED":
            known.pop(one["metadata"]["uid"], None)
        else:
            known[one["metadata"]["uid"]] = one
        now = self._now()
        if kind[1] not in ("Node", "Event"):  # nodes tell of themselves all the time
            self._last = now
        self.ledger.take(Change(now, kind[1], what, one))
