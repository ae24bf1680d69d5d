"""Fills the digests of releases: what a registry gives today is what every run uses from then on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted

from components.charts.errors import ChartError
from config.release import Release, parse_release
from kuber.files import replace_file
from kuber.round_trip import dump, load, put

from .fetching import Fetching, fetch
from .images import image_digest
from .pinned import PinnedFile, pinned_files
from .pulling import StoppedError

Section = Literal["charts", "crds", "images"]
SECTIONS: tuple[Section, ...] = ("charts", "crds", "images")
Tell = Callable[[str, str], None]


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One entry of a release that has a digest, or shall have.

    Attributes:
        release: Whose it is.
        section: Where it stands there.
        name: Its key.
        version: The chart's or bundle's version, or the image's tag.
        source: Repository or address.
        digest: As it stands there; empty where it isn't locked.
    """

    release: str
    section: Section
    name: str
    version: str
    source: str
    digest: str

    @property
    def subject(self) -> tuple[Section, str, str]:
        """What several releases may pin alike: for an image, its repository and tag."""
        return self.section, self.source if self.section == "images" else self.name, self.version

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.source}:{self.version}" if self.section == "images" else f"{self.name} {self.version}"

    def is_named(self, names: Collection[str]) -> bool:
        """Whether one of some names means this entry: `traefik`, or `images/traefik` for that one alone."""
        return self.name in names or f"{self.section}/{self.name}" in names


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was learned of some pins that are the same thing.

    Attributes:
        pins: Which.
        digest: What it is; empty where it couldn't be learned.
        error: Why not.
    """

    pins: Sequence[Pin]
    digest: str = ""
    error: ChartError | None = None


def pins(release: Release) -> Iterator[Pin]:
    """All entries of a release that have a digest of their own."""
    name = release.release
    for key, chart in release.charts.items():
        yield Pin(
            release=name,
            section="charts",
            name=key,
            version=chart.version,
            source=chart.repository,
            digest=chart.digest,
        )
    for key, bundle in release.crds.items():
        if bundle.url:
            yield Pin(
                release=name, section="crds", name=key, version=bundle.version, source=bundle.url, digest=bundle.digest
            )
    for key, image in release.images.items():
        yield Pin(
            release=name, section="images", name=key, version=image.tag, source=image.repository, digest=image.digest
        )


def ask(wanted: Sequence[Pin], releases: Sequence[Release], how: Fetching, tell: Tell) -> Generator[Asked, None, None]:
    """Learn the digests of some pins; one that can't be learned stops no other.

    Args:
        wanted: Which; a digest that stands in one of them is what must come.
        releases: All that there are: what another one has locked must be what a registry gives.
        how: How files are fetched: they are in the cache afterwards.
        tell: Takes a title and what is going on with it.
    """
    alike: dict[tuple[Section, str, str], list[Pin]] = {}
    for pin in wanted:
        alike.setdefault(pin.subject, []).append(pin)
    locked = {pin.subject: pin.digest for release in releases for pin in pins(release) if pin.digest}
    yield from _ask_files({key: same for key, same in alike.items() if key[0] != "images"}, releases, how, tell)
    with ThreadPoolExecutor(max_workers=how.jobs) as pool:
        images = [same for (section, _, _), same in alike.items() if section == "images"]
        try:
            yield from pool.map(lambda same: _ask_image(same, locked.get(same[0].subject, ""), how), images)
        except BaseException:
            how.patience.stop.set()
            raise


def _ask_files(
    alike: Mapping[tuple[Section, str, str], Sequence[Pin]], releases: Sequence[Release], how: Fetching, tell: Tell
) -> Iterator[Asked]:
    files = {_subject(file): file for file in pinned_files(releases)}
    with closing(fetch([files[key] for key in alike], how, lambda file, line: tell(file.title, line))) as fetched:
        for one in fetched:
            digest = one.entry.digest if one.entry else ""
            yield Asked(pins=alike[_subject(one.file)], digest=digest, error=one.error)


def _subject(file: PinnedFile) -> tuple[Section, str, str]:
    return "charts" if file.kind == "charts" else "crds", file.name, file.version


def _ask_image(same: Sequence[Pin], locked: str, how: Fetching) -> Asked:
    try:
        digest = image_digest(same[0].source, same[0].version, how.patience)
        if locked and digest != locked:
            raise ChartError(
                same[0].title,
                f"the registry gives another image than the one that is locked\n"
                f"    found:    {digest}\n    expected: {locked}",
                f"the tag was moved; `kuber charts lock --update images/{same[0].name}` takes the new one",
            )
    except StoppedError:
        return Asked(pins=same)
    except ChartError as error:
        return Asked(pins=same, error=error)
    return Asked(pins=same, digest=digest)


def without_digests(releases: Sequence[Release], names: Collection[str]) -> list[Release]:
    """Releases as if what is named weren't locked yet, to be asked for anew."""
    made: list[Release] = []
    for release in releases:
        emptied = {
            section: {
                key: entry.model_copy(update={"digest": ""}) if {key, f"{section}/{key}"} & set(names) else entry
                for key, entry in getattr(release, section).items()
            }
            for section in SECTIONS
        }
        made.append(release.model_copy(update=emptied))
    return made


def write(folder: Path, learned: Sequence[Asked]) -> list[Pin]:
    """Write digests into the releases' files, whose comments and order stay.

    Args:
        folder: Of the releases' files.
        learned: What to write.

    Returns:
        What stands there now and didn't before.

    Raises:
        OSError: a file can't be written; it is as it was.
        StackFileError: a file was changed meanwhile, to what can't be read.
    """
    news = [replace(pin, digest=one.digest) for one in learned if one.digest for pin in one.pins]
    changed: list[Pin] = []
    for name in sorted({pin.release for pin in news}):
        file = folder / f"{name}.yaml"
        text = file.read_text(encoding="utf-8")
        now = {(pin.section, pin.name): pin for pin in pins(parse_release(text, file.name))}
        document = load(text)
        for pin in (one for one in news if one.release == name):
            there = now.get((pin.section, pin.name))
            if there and there.subject == pin.subject and there.digest != pin.digest:
                put(document[pin.section][pin.name], "digest", Quoted(pin.digest))
                changed.append(pin)
        replace_file(file, dump(document))
    return changed
