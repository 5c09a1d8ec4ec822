"""A sandbox organisation over real sockets, and the engine pointed at it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bulkops.config import Auth, Config, TargetConfig
from bulkops.fetch import walk
from bulkops.model import Batch, Item, Job
from bulkops.providers.base import Change, Person
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.transport import Scrubber
from bulkops.wiring import (
    ADAPTERS,
    Overrides,
    Plan,
    Progress,
    RunResult,
    StopSignal,
    WorkOptions,
    find,
    open_organization,
    prepare,
    resume_run,
    start_run,
)


@dataclass
class Silent:
    """An observer that says yes and keeps what it was told."""

    plans: list[Plan] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    look: Callable[[], Progress] | None = None

    def started(self, look: Callable[[], Progress]) -> None:
        """Keep the look."""
        self.look = look

    def ended(self) -> None:
        """Nothing to do."""

    async def confirm(self, plans: Sequence[Plan], job: Job) -> None:
        """Keep the plans."""
        self.plans.extend(plans)

    def refused(self, plans: Sequence[Plan], job: Job) -> None:
        """Keep nothing of them."""

    def warn(self, text: str) -> None:
        """Keep the warning."""
        self.warnings.append(text)


class _Yes:
    """A permit for what is not a run's."""

    async def begin(self) -> None:
        """Nothing to note."""


@dataclass
class Desk:
    """Where a test works: a sandbox, a folder, a configuration."""

    sandbox: Sandbox
    folder: Path
    config: Config
    observer: Silent = field(default_factory=Silent)
    stop: StopSignal | None = None

    @property
    def runs_dir(self) -> Path:
        """Where runs are kept."""
        return self.folder / "runs"

    def job(self, column: str, values: Iterable[str]) -> str:
        """A CSV job file of one column."""
        path = self.folder / "job.csv"
        path.write_text("\n".join([column, *values]) + "\n", encoding="utf-8")
        return str(path)

    async def run(
        self, operation: str | None, values: Iterable[str], *, column: str = "email", run_id: str = "r1", **options: Any
    ) -> RunResult:
        """Run a job over `values` as run r1."""
        self.stop = StopSignal()
        prepared = prepare(
            self.job(column, values),
            config=self.config,
            target=None,
            operation=operation,
            runs_dir=self.runs_dir,
            run_id=run_id,
            options=WorkOptions(**options),
            name=run_id,
        )
        return await start_run(prepared, observer=self.observer, stop=self.stop)

    async def resume(self, **options: Any) -> RunResult:
        """Resume run r1."""
        self.stop = StopSignal()
        return await resume_run(
            find(self.runs_dir, "r1"),
            config=self.config,
            options=WorkOptions(**options),
            observer=self.observer,
            stop=self.stop,
        )

    async def members(self) -> list[Person]:
        """Who is in the organisation now, read over HTTP."""
        scrubber = Scrubber()
        async with open_organization(
            self.config.choose(None)[1],
            scrubber=scrubber,
            overrides=Overrides(),
            sandbox_state=self.folder / "unused",
            environ={},
        ) as org:
            return await walk(org.people())

    async def administrators(self) -> list[str]:
        """The usernames of the organisation's administrators, read over HTTP."""
        async with open_organization(
            self.config.choose(None)[1],
            scrubber=Scrubber(),
            overrides=Overrides(),
            sandbox_state=self.folder / "unused",
            environ={},
        ) as org:
            group = next(one for one in await walk(org.named("role_group")) if one.name == org.administrators)
            ids = {link.key for link in await walk(org.links("role_group", group.id))}
            return [person.username for person in await walk(org.people()) if person.id in ids]

    async def strip_of_administration(self, username: str) -> None:
        """Take the administrators' role group from somebody, as the vendor's own page would."""
        async with open_organization(
            self.config.choose(None)[1],
            scrubber=Scrubber(),
            overrides=Overrides(),
            sandbox_state=self.folder / "unused",
            environ={},
        ) as org:
            group = next(one for one in await walk(org.named("role_group")) if one.name == org.administrators)
            person = next(one for one in await walk(org.people()) if one.username == username)
            item = Item(1, username, Change(None, person.id, parent=group.id, person=person))
            await org.send("unassign-role-group", Batch((item,)), _Yes())

    def results(self, run_id: str = "r1") -> list[dict[str, str]]:
        """The rows of results.csv."""
        with (self.runs_dir / run_id / "results.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def outcomes(self) -> Counter[str]:
        """How many rows ended how, by results.csv."""
        return Counter(row["_outcome"] for row in self.results())

    def invites(self) -> Mapping[str, int]:
        """Invitations really sent, by address: the sandbox's own count."""
        people = self.sandbox.effects.view("invite_sent")["people"]
        return {name: effects["invite_sent"] for name, effects in people.items()}

    def deletions(self) -> int:
        """Accounts really deleted: the sandbox's own count."""
        return self.sandbox.effects.count("user_deleted")


@asynccontextmanager
async def open_desk(folder: Path, target: Mapping[str, Any] | None = None, **options: Any) -> AsyncIterator[Desk]:
    """A desk at a new sandbox; `options` are the sandbox's, `target` adds to the configuration.

    Every operation of the provider is allowed, unless `target` says otherwise.
    """
    async with Sandbox(SandboxOptions(**{"people": 200, **options})) as sandbox:
        token = folder / "token"
        token.write_text(sandbox.token, encoding="utf-8")
        adapter = ADAPTERS[sandbox.vendor.name]
        method, secret = adapter.simple
        fields = {
            "provider": sandbox.vendor.name,
            "organization": sandbox.organization,
            "base_url": sandbox.url,
            "settling_s": 0.05,
            "options": adapter.widest.model_dump(),
            "auth": Auth.model_validate({"method": method, f"{secret}_file": token}),
            **(target or {}),
        }
        yield Desk(sandbox, folder, Config(targets={"acme": TargetConfig(**fields)}))


def addresses(count: int) -> list[str]:
    """So many addresses that nobody has."""
    return [f"new.{number}@hire.test" for number in range(count)]
