"""`bulkops.toml`: targets and where their secrets are, validated at the edge.

A secret never stands in the file: it is named (`token_env`, `token_file`) and read when a target is opened.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from bulkops.errors import ConfigError
from bulkops.model import shorten

FILE_NAME = "bulkops.toml"
MAX_SECRET = 64 * 1024
"""So many characters of a secret's file are read; it may be a pipe or a device."""
SECRETS = ("token", "client_id", "client_secret", "username", "password", "api_token", "api_key")
METHODS: Mapping[str, tuple[str, ...]] = {
    "bearer": ("token",),
    "connected-app": ("client_id", "client_secret"),
    "password": ("username", "password"),
    "api-token": ("api_token",),
    "oauth-app": ("client_id", "client_secret"),
    "api-key": ("api_key",),
}
METHODS_OF: Mapping[str, tuple[str, ...]] = {
    "anypoint": ("bearer", "connected-app", "password"),
    "vmware-csp": ("bearer", "api-token", "oauth-app"),
    "wiremock-cloud": ("api-key",),
}


def parse_rate(text: object) -> tuple[float, float]:
    """`20/s`, `500/min`, `1000/h` as (calls, seconds). Raises ValueError for anything else."""
    if isinstance(text, tuple) and len(text) == 2:
        return float(text[0]), float(text[1])
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*/\s*(s|sec|second|m|min|minute|h|hour)\s*", str(text))
    if not match or float(match.group(1)) <= 0:
        raise ValueError(f'a rate such as "20/s" or "500/min", not {shorten(repr(text))}')
    calls, seconds = float(match.group(1)), {"s": 1.0, "m": 60.0, "h": 3600.0}[match.group(2)[0]]
    if calls * 3600 < seconds:
        raise ValueError(f"a rate of at least one call an hour, not {text!r}")
    return calls, seconds


def _origin(text: object) -> str:
    match = re.fullmatch(r"(https?)://([\w.-]{1,253}|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?/?", str(text))
    if not match or not _is_host(match[2]) or not 0 < int(match[3] or 1) < 65_536:
        raise ValueError("scheme, host and port without a path, such as https://anypoint.mulesoft.com")
    return match[0].removesuffix("/")


def _is_host(name: str) -> bool:
    try:
        return bool(ipaddress.IPv6Address(name[1:-1]) if name.startswith("[") else name.encode("idna"))
    except ValueError:  # also UnicodeError: a part of the name is empty or too long
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _expanded(path: Path) -> Path:
    """`path` with `~` replaced; whoever opens it need not know of the words that are no path."""
    try:
        found = path.expanduser()
    except RuntimeError:
        raise ValueError("the home folder that ~ stands for is not known: write it out") from None
    if "\0" in str(found):
        raise ValueError("the name of a file, without a zero character")
    return found


RateText = Annotated[tuple[float, float], BeforeValidator(parse_rate)]
Origin = Annotated[str, BeforeValidator(_origin)]
UserPath = Annotated[Path, AfterValidator(_expanded)]


def _secret_in_file(name: str) -> str:
    return (
        f"a secret does not belong in this file: take {name} out, put it into an environment variable "
        f'and write {name}_env = "THE_VARIABLE" (or {name}_file = "/path/to/file")'
    )


class Auth(BaseModel):
    """How a target's secrets are found: `<secret>_env` names a variable, `<secret>_file` a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["bearer", "connected-app", "password", "api-token", "oauth-app", "api-key"]
    token_env: str | None = None
    token_file: UserPath | None = None
    client_id_env: str | None = None
    client_id_file: UserPath | None = None
    client_secret_env: str | None = None
    client_secret_file: UserPath | None = None
    username_env: str | None = None
    username_file: UserPath | None = None
    password_env: str | None = None
    password_file: UserPath | None = None
    api_token_env: str | None = None
    api_token_file: UserPath | None = None
    api_key_env: str | None = None
    api_key_file: UserPath | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_literal_secret(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for name in SECRETS:
                if name in data:
                    raise ValueError(_secret_in_file(name))
        return data

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        for name in METHODS[self.method]:
            if getattr(self, f"{name}_env") is None and getattr(self, f"{name}_file") is None:
                raise ValueError(f'method "{self.method}" needs {name}_env or {name}_file')
        return self

    def secrets(self, environ: Mapping[str, str]) -> dict[str, SecretStr]:
        """The method's secrets by name. Raises ConfigError for a variable that is not set or an unreadable file."""
        return {name: self._read(name, environ) for name in METHODS[self.method]}

    def source_of(self, name: str) -> str:
        """Where a secret comes from, for messages."""
        variable = getattr(self, f"{name}_env")
        return f"${variable}" if variable else str(getattr(self, f"{name}_file"))

    def _read(self, name: str, environ: Mapping[str, str]) -> SecretStr:
        variable, path = getattr(self, f"{name}_env"), getattr(self, f"{name}_file")
        if variable is not None:
            value = environ.get(variable, "").strip()
            if not value:
                raise ConfigError(f"the environment variable {variable} ({name} of this target) is not set")
            return _one_line(value, f"the environment variable {variable} ({name} of this target)")
        try:
            with Path(path).open(encoding="utf-8-sig") as file:
                value = file.read(MAX_SECRET).strip()
        except OSError as error:
            raise ConfigError(f"{name}_file {path}: {error.strerror or error}") from error
        except UnicodeDecodeError:
            raise ConfigError(f"{name}_file {path} is not text in UTF-8") from None  # the error would show its bytes
        if not value:
            raise ConfigError(f"{name}_file {path} is empty")
        return _one_line(value, f"{name}_file {path}")


def _one_line(secret: str, where: str) -> SecretStr:
    secret = re.sub(r"(?i)^bearer\s+", "", secret)  # as copied from a browser's Authorization header
    if not secret.isprintable():
        raise ConfigError(f"{where} holds more than one line, or characters that cannot be printed")
    return SecretStr(secret)


class TargetConfig(BaseModel):
    """One `[targets.NAME]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Literal["anypoint", "vmware-csp", "wiremock-cloud", "sandbox"]
    organization: str | None = Field(default=None, min_length=1)
    region: str | None = None
    base_url: Origin | None = None
    plain_http: bool = False
    rate: RateText | None = None
    concurrency: int | None = Field(default=None, ge=1, le=512)
    reserve: float = Field(default=0.0, ge=0.0, le=0.95)
    protected: tuple[str, ...] = ()
    ca_file: UserPath | None = None
    timeout_s: float = Field(default=60.0, gt=0, le=3600)
    body_bytes: int = Field(default=100_000, ge=1_000, le=100_000_000)
    give_up_s: float = Field(default=300.0, ge=0, le=86_400)
    settling_s: float | None = Field(default=None, ge=0, le=3600)
    vendor: Literal["anypoint", "vmware-csp", "wiremock-cloud"] | None = None
    options: Mapping[str, Any] = Field(default_factory=dict)
    auth: Auth | None = None

    @property
    def service(self) -> str:
        """Whose API the target speaks: the provider's, or the one that a sandbox simulates."""
        return (self.vendor or "anypoint") if self.provider == "sandbox" else self.provider

    @property
    def identity(self) -> str:
        """The provider as a run remembers it: a resume must find the same."""
        return self.provider if self.vendor is None else f"{self.provider} of {self.vendor}"

    @model_validator(mode="after")
    def _consistent(self) -> TargetConfig:
        if self.region is not None and self.base_url is not None:
            raise ValueError("region and base_url exclude each other: keep one")
        self._refuse_plain_http()
        if self.provider != "sandbox":
            if self.organization is None:
                raise ValueError("organization is missing: the id of the organisation")
            if self.auth is None:
                raise ValueError(
                    'auth is missing: add [targets.NAME.auth] with method = "bearer" and token_env = "..."'
                )
        if self.vendor is not None and self.provider != "sandbox":
            raise ValueError('vendor is what a sandbox simulates: keep it out, or write provider = "sandbox"')
        if self.auth is not None and self.auth.method not in METHODS_OF[self.service]:
            known = ", ".join(METHODS_OF[self.service])
            raise ValueError(f'provider "{self.service}" has no auth method "{self.auth.method}"; it has {known}')
        return self

    def _refuse_plain_http(self) -> None:
        """Whoever listens on the way would have the credentials. Raises ValueError; this machine is no way."""
        url = urlsplit(self.base_url or "")
        if url.scheme == "http" and not self.plain_http and not _is_loopback(url.hostname or ""):
            raise ValueError(
                f"http:// sends the credentials in clear to {url.hostname}: write https:// in base_url, or say "
                f"plain_http = true where the network between is trusted"
            )


class Config(BaseModel):
    """A whole configuration file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default_target: str | None = None
    targets: dict[str, TargetConfig] = Field(default_factory=dict)
    path: Path | None = Field(default=None, exclude=True)
    hint: str = Field(default="", exclude=True)

    def choose(self, name: str | None) -> tuple[str, TargetConfig]:
        """The named target, else the default one, else the only one.

        `sandbox` exists without being configured. Raises ConfigError, naming those there are.
        """
        wanted = name or self.default_target
        if wanted is None and len(self.targets) == 1:
            wanted = next(iter(self.targets))
        if wanted is None:
            raise ConfigError(
                f"no target is chosen: use --target, or set default_target. There are: {self._known()}. "
                f"Target `sandbox` needs no configuration." + (f" ({self.hint})" if self.hint else "")
            )
        if wanted in self.targets:
            return wanted, self.targets[wanted]
        if wanted == "sandbox":
            return wanted, TargetConfig(provider="sandbox")
        near = nearest(wanted, [*self.targets, "sandbox"])
        hint = f"; did you mean {near!r}?" if near else f"; there are: {self._known()}"
        where = f" in {self.path}" if self.path else " (no configuration file was found)"
        raise ConfigError(f"no target {wanted!r}{where}{hint}")

    def _known(self) -> str:
        return ", ".join([*self.targets, "sandbox"])


def load(explicit: Path | None, *, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Config:
    """The configuration from `explicit`, the working directory, the user's folder, or the official variables.

    Raises ConfigError with the file, the key and what to write instead.
    """
    environ = os.environ if environ is None else environ
    if explicit is not None:
        return _read(explicit)
    for candidate in _candidates(cwd or Path.cwd()):
        if _is_there(candidate):
            return _read(candidate)
    return _from_environment(environ)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error


def _candidates(cwd: Path) -> Iterable[Path]:
    from platformdirs import user_config_path  # noqa: PLC0415 - only a run without a file beside it needs it

    yield cwd / FILE_NAME
    yield user_config_path("bulkops") / FILE_NAME


def _read(path: Path) -> Config:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    except RecursionError:
        raise ConfigError(f"{path}: not valid TOML: tables and lists are nested too deep") from None
    try:
        unknown = {"path", "hint"} & set(data)  # ours, not the file's
        if unknown:
            raise ConfigError(f"{path} cannot be used:\n  {', '.join(sorted(unknown))}: unknown key")
        return Config.model_validate({**data, "path": path})
    except ValidationError as error:
        lines = "\n".join(f"  {line}" for line in explain(error))
        raise ConfigError(f"{path} cannot be used:\n{lines}") from None


def _from_environment(environ: Mapping[str, str]) -> Config:
    """The official client's variables make a target named `anypoint`."""
    organization = environ.get("ANYPOINT_ORG")
    if not organization:
        given = [name for name in ("ANYPOINT_BEARER", "ANYPOINT_CLIENT_ID", "ANYPOINT_USERNAME") if environ.get(name)]
        return Config(hint=f"{given[0]} is set, and ANYPOINT_ORG is not" if given else "")
    if environ.get("ANYPOINT_BEARER"):
        auth = {"method": "bearer", "token_env": "ANYPOINT_BEARER"}
    elif environ.get("ANYPOINT_CLIENT_ID"):
        auth = {
            "method": "connected-app",
            "client_id_env": "ANYPOINT_CLIENT_ID",
            "client_secret_env": "ANYPOINT_CLIENT_SECRET",
        }
    elif environ.get("ANYPOINT_USERNAME"):
        auth = {"method": "password", "username_env": "ANYPOINT_USERNAME", "password_env": "ANYPOINT_PASSWORD"}
    else:
        return Config()
    host = environ.get("ANYPOINT_HOST")
    target: dict[str, Any] = {"provider": "anypoint", "organization": organization, "auth": auth}
    if host:
        target["base_url"] = host if "://" in host else f"https://{host}"
    try:
        return Config.model_validate({"default_target": "anypoint", "targets": {"anypoint": target}})
    except ValidationError as error:
        raise ConfigError("the ANYPOINT_* variables cannot be used:\n  " + "\n  ".join(explain(error))) from None


def explain(error: ValidationError, known: Sequence[str] | None = None) -> Iterable[str]:
    """Each fault in words, with its key and the nearest of the `known` ones. Never the value: it may be a secret."""
    for fault in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in fault["loc"]) or "the file"
        if fault["type"] == "extra_forbidden" and fault["loc"][-1] in SECRETS:
            yield f"{where}: {_secret_in_file(str(fault['loc'][-1]))} under [targets.NAME.auth]"
        elif fault["type"] == "extra_forbidden":
            near = nearest(str(fault["loc"][-1]), known or _known_keys(fault["loc"]))
            yield f"{where}: unknown key" + (f"; did you mean {near!r}?" if near else "")
        elif fault["type"] == "missing":
            yield f"{where}: is missing"
        elif fault["type"] == "literal_error":
            yield f"{where}: expected one of {fault['ctx']['expected']}"
        else:
            yield f"{where}: {fault['msg'].removeprefix('Value error, ')}"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    if len(location) == 1:
        return ["default_target", "targets"]
    model: type[BaseModel] = Auth if len(location) > 3 else TargetConfig
    return list(model.model_fields)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to `name`, if any is close."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None
