"""A dress rehearsal of a change: base, workloads, the change, chaos on request, and the way back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from config.cluster import CloudClusterSettings, ClusterSettings
from kuber.progress import Progress
from kuber.revisions import check_out, commit_of

from . import leftovers, workloads
from .chaos import Chaos, Interruption
from .engine import Engine, EngineError
from .events import Run
from .events import Step as EngineStep
from .judgement import broken_in_change, broken_in_chaos, refused
from .observation import Observed, Observer
from .result import Leftover, Outcome, Problem, Result, Step
from .stage import Stage
from .state_file import StateError
from .versions import ThrowAway, throw_away, tree_with

_SETTLE_SECONDS = 60.0
_CHANGE = "the working tree"
_CHECKED_OUT = "checked-out"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be rehearsed.

    Attributes:
        project: Folder of the project.
        stack: The stack.
        settings: What its stack file in the working tree says.
        resources: How many resources the working tree's version has, as far as that is known beforehand; for progress alone.
        base: Git revision that is brought up first; None for a new cluster.
        interrupt: Spot pools that are taken away.
        lose_zone: A zone that is lost.
        kill_engine_at: After how many steps of the change the engine is killed.
    """

    project: Path
    stack: str
    settings: ClusterSettings
    resources: int | None = None
    base: str | None = None
    interrupt: Sequence[Interruption] = ()
    lose_zone: str | None = None
    kill_engine_at: int | None = None


def rehearse(request: Request, progress: Progress) -> Result:
    """Rehearse a change, and tell what broke. Nothing of it is left afterwards, unless this process is killed.

    Raises:
        EngineMissingError, ControlPlaneMissingError: a program isn't on this machine; the text says how to get it.
        RevisionError: the base can't be had.
    """
    began, started = time.monotonic(), datetime.now(UTC)
    base = f"{request.base} ({commit_of(request.project, request.base)})" if request.base else ""
    with TemporaryDirectory(prefix="kuber-rehearsal-") as scratch:
        if request.base:
            check_out(request.project, request.base, Path(scratch) / _CHECKED_OUT)
        progress.begin("raise the stage")
        checkpoints = request.kill_engine_at is not None  # what a killed engine had not written would be lost
        staged = Stage(request.project, settings=request.settings, checkpoints=checkpoints)
        with staged as stage, Observer(stage.control_plane.api) as observer:
            progress.end("done")
            raised = Step(name="raise the stage", seconds=_since(began), outcome="done")
            play = _Play(request, stage, observer, progress, Path(scratch))
            play.perform()
        return Result(
            stack=request.stack,
            base=base,
            change=_CHANGE,
            chaos=_chaos_lines(request),
            started=started.strftime("%Y-%m-%d %H:%M UTC"),
            seconds=_since(began),
            kubernetes_provider=stage.kubernetes_provider,
            stand_ins=stage.stand_ins,
            real=stage.real,
            steps=[raised, *play.steps],
            problems=play.problems,
            leftovers=play.leftovers,
            notes=play.notes,
        )


@dataclass(kw_only=True)
class _Step:
    """A step under way."""

    name: str
    outcome: Outcome = "done"
    run: Run | None = None
    observed: Observed | None = None
    notes: list[str] = field(default_factory=list[str])


class _Play:
    """The steps of one rehearsal, in their order."""

    def __init__(self, request: Request, stage: Stage, observer: Observer, progress: Progress, scratch: Path) -> None:
        self._request, self._stage, self._observer, self._progress = request, stage, observer, progress
        self._scratch = scratch
        self._broken_off = False
        self.steps: list[Step] = []
        self.problems: list[Problem] = []
        self.leftovers: list[Leftover] = []
        self.notes: list[str] = []

    def perform(self) -> None:
        """Do all steps; after one that fails, what depends on it is left out."""
        request, api = self._request, self._stage.control_plane.api
        before = leftovers.objects_there(api)
        change = self._tree(request.project, "change")
        if request.base:
            base = self._tree(self._scratch / _CHECKED_OUT, "base")
            self._up(f"bring up {request.base}", base)
            self._deploy()
            self._up(f"apply {_CHANGE}", change, kill_at=request.kill_engine_at)
        else:
            self._up(f"bring up {_CHANGE}", change, kill_at=request.kill_engine_at)
            self._deploy()
        chaos = Chaos(api, self._stage.control_plane.nodes, self._stage.capacity)
        for interruption in request.interrupt:
            self._disturb(f"interrupt {interruption}", lambda one=interruption: chaos.interrupt(one))
            self._restore(f"give {interruption.pool} back", chaos)
        if request.lose_zone:
            self._disturb(f"lose zone {request.lose_zone}", lambda: chaos.lose_zone(request.lose_zone or ""))
            self._restore(f"give zone {request.lose_zone} back", chaos)
        self._take_down(before)

    def _tree(self, project: Path, name: str) -> Path:
        """A version of the project with its stack file made fit for a stack that is thrown away."""
        made = self._settings_of(project)
        if made.secrets:
            note = f"secrets of the stack file stand for themselves no more, a text of no meaning does: {', '.join(made.secrets)}"
            if note not in self.notes:
                self.notes.append(note)
        return tree_with(project, self._scratch / name, self._request.stack, made.text)

    def _settings_of(self, project: Path, *, protect: bool | None = None) -> ThrowAway:
        file = project / f"Pulumi.{self._request.stack}.yaml"
        return throw_away(file.read_text(encoding="utf-8"), reached=self._stage.reached, protect=protect)

    def _up(self, name: str, tree: Path, *, kill_at: int | None = None) -> None:
        """Run `up`, and see what it does to the cluster."""
        with self._step(name, total=self._expected()) as step:
            if step is None:
                return
            engine = self._stage.engine.at(tree)
            self._run(step, lambda: engine.up(self._request.stack, on_step=self._follow(), kill_at=kill_at))
            killed = step.run is not None and step.run.killed
            if kill_at is not None and step.outcome == "done" and not killed:
                changes = len(step.run.changes) if step.run else 0
                step.notes.append(
                    f"the engine was not killed: it was through after {changes} steps that change something"
                )
        if killed:
            self._recover(engine)

    def _recover(self, engine: Engine) -> None:
        stack = self._request.stack
        with self._step("recover from the kill: cancel, and up again", total=self._expected()) as step:
            if step is None:
                return
            recovery = engine.recover(stack)
            step.notes.append(
                f"locks lifted: {recovery.locks}; operations whose end nobody wrote: {len(recovery.pending)}"
            )
            self._run(step, lambda: engine.up(stack, on_step=self._follow()))
        with self._step("see whether it converged", total=self._expected()) as step:
            if step is None:
                return
            self._converged(step, engine)

    def _converged(self, step: _Step, engine: Engine) -> None:
        """Nothing is left to be done, nothing was made twice, and the engine knows all that is there."""
        stack = self._request.stack
        try:
            pending = engine.preview(stack).operations
        except EngineError as error:
            self._fail(step, [Problem(step=step.name, what="the preview failed", where=stack, told=str(error))])
            return
        found = [
            Problem(step=step.name, what="still to be done after `up`", where=urn.rpartition("::")[2], told=operation)
            for urn, operation in pending.items()
            if operation not in ("same", "read")
        ]
        known = {one["urn"] for one in engine.state_file(stack).resources()}
        made = Counter(one.urn for one in self._stage.store.resources())
        for urn, number in made.items():
            if number > 1:
                found.append(Problem(step=step.name, what="made twice in the simulated cloud", where=urn))
            if urn not in known:
                found.append(Problem(step=step.name, what="in the simulated cloud, unknown to the engine", where=urn))
        if found:
            self._fail(step, found)

    def _deploy(self) -> None:
        with self._step("deploy stand-in workloads") as step:
            if step is None:
                return
            made = workloads.deploy(self._stage.control_plane.api)
            step.notes.append(
                f"{len(made)} objects in the namespace {workloads.NAMESPACE}, for each pool that has nodes"
            )

    def _disturb(self, name: str, do: Callable[[], str]) -> None:
        with self._step(name, judge=broken_in_chaos) as step:
            if step is not None:
                step.notes.append(do())

    def _restore(self, name: str, chaos: Chaos) -> None:
        with self._step(name) as step:
            if step is not None:
                step.notes.append(chaos.restore())

    def _take_down(self, before: set[leftovers.ObjectName]) -> None:
        """Destroy the cluster as an operator would, and look what is left; also one that was brought up in part only."""
        failed, self._broken_off = self._broken_off, False
        stack, api = self._request.stack, self._stage.control_plane.api
        settings, project = self._request.settings, self._request.project
        protected = isinstance(settings, CloudClusterSettings) and settings.protect
        way_back = self._settings_of(project, protect=False if protected else None)
        # Nothing has changed behind the engine's back that matters now, and to read everything anew takes long.
        tree = tree_with(project, self._scratch / "way-back", stack, way_back.text, refresh=False)
        engine = self._stage.engine.at(tree)
        workloads.remove(api)  # they go while the engine is at work
        if protected:
            with self._step("lift the protection", total=self._expected(refresh=False), judge=None) as step:
                if step:
                    self._run(step, lambda: engine.up(stack, on_step=self._follow()), again=failed)
        retained = leftovers.retained_by_design(engine.state_file(stack).resources())
        with self._step("destroy", total=self._expected(refresh=False), judge=None) as step:
            if step is None:
                return
            if not workloads.gone(api):
                where = f"the namespace {workloads.NAMESPACE}"
                self.problems.append(Problem(step=step.name, what="the workloads don't go", where=where))
            self._run(step, lambda: engine.destroy(stack, on_step=self._follow()))
        self.leftovers = [
            *leftovers.in_state(engine.state_file(stack).resources()),
            *leftovers.in_cloud(self._stage.store.resources(), retained),
            *leftovers.in_api_server(before, leftovers.objects_there(api)),
        ]
        if not self._broken_off:
            self.problems += [
                Problem(step="destroy", what=f"left behind in the {one.where}", where=one.what)
                for one in self.leftovers
                if not one.why
            ]

    @contextmanager
    def _step(
        self,
        name: str,
        *,
        total: int | None = None,
        judge: Callable[[str, Observed], list[Problem]] | None = broken_in_change,
    ) -> Iterator[_Step | None]:
        """A step from its beginning until the cluster has settled; None where it is left out."""
        if self._broken_off:
            self.steps.append(Step(name=name, seconds=0.0, outcome="skipped"))
            yield None
            return
        began, step = time.monotonic(), _Step(name=name)
        self._progress.begin(name, total)
        self._observer.begin()
        try:
            yield step
            if judge:
                if step.outcome == "done":
                    self._observer.settle(_SETTLE_SECONDS)
                observed = step.observed = self._observer.end()
                added = self._stage.autoscaler.added()
                step.notes += [f"the autoscaler added {number} nodes to {pool}" for pool, number in added.items()]
                self.problems += judge(name, observed)
        except BaseException:
            step.outcome = "failed"
            raise
        finally:
            self._progress.end(step.outcome)
        self.steps.append(
            Step(
                name=name,
                seconds=_since(began),
                outcome=step.outcome,
                operations=_operations(step.run) if step.run else {},
                replaced=_replaced(step.run) if step.run else (),
                observed=step.observed,
                notes=step.notes,
                loss=judge is broken_in_chaos,
            )
        )

    def _run(self, step: _Step, command: Callable[[], Run], *, again: bool = False) -> None:
        """Run a command of the engine; one that fails breaks the rehearsal off, unless it fails `again` for what is told already."""
        try:
            step.run = command()
        except EngineError as error:
            step.run = error.run
            if again:
                step.outcome = "failed"
                step.notes.append("failed as before; what it reached is no longer protected")
            else:
                self._fail(step, refused(step.name, error))

    def _fail(self, step: _Step, problems: Sequence[Problem]) -> None:
        step.outcome = "failed"
        self.problems += problems
        self._broken_off = True

    def _follow(self) -> Callable[[EngineStep], None]:
        """Tells the progress of an engine's steps."""
        done = 0

        def follow(step: EngineStep) -> None:
            nonlocal done
            done += step.status != "running"
            self._progress.done(done)

        return follow

    def _expected(self, *, refresh: bool = True) -> int | None:
        """About how many steps a command of the engine has: each resource that is there is read, and each is looked at."""
        try:
            there = len(self._stage.engine.state_file(self._request.stack).resources())
        except StateError:
            there = 0
        return there * refresh + max(there, self._request.resources or 0) or None


_COUNTED = {"create-replacement": "replace", "update": "update", "create": "create", "delete": "delete", "same": "same"}
"""What a step of the engine counts as; the rest are parts of these."""


def _operations(run: Run) -> dict[str, int]:
    done = [step for step in run.steps if step.status == "done"]
    return dict(Counter(_COUNTED[step.operation] for step in done if step.operation in _COUNTED))


def _replaced(run: Run) -> list[str]:
    return sorted({f"{step.type} {step.name}" for step in run.steps if step.operation == "create-replacement"})


def _chaos_lines(request: Request) -> list[str]:
    return [
        *(f"{one} interrupted" for one in request.interrupt),
        *([f"zone {request.lose_zone} lost"] if request.lose_zone else []),
        *([f"the engine killed after {request.kill_engine_at} steps"] if request.kill_engine_at is not None else []),
    ]


def _since(began: float) -> float:
    return round(time.monotonic() - began, 1)
