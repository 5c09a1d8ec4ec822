"""What a configuration may say, and the words for each thing that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bulkops.config import Auth, Config, TargetConfig, load, nearest, parse_rate
from bulkops.errors import ConfigError

HEAD = '[targets.acme]\nprovider = "anypoint"\norganization = "o1"\n'
AUTH = '[targets.acme.auth]\nmethod = "bearer"\ntoken_env = "T"\n'
GOOD = HEAD + AUTH
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a configuration file."""

    def to(text: str) -> Path:
        path = tmp_path / "given.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return to


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value)


def test_a_whole_target_is_read(write: Write) -> None:
    """Every field of the contract, with its unit understood."""
    text = f"""
        default_target = "acme"
        {HEAD}
        region = "us"
        rate = "500/min"
        concurrency = 16
        reserve = 0.2
        protected = ["owner@acme.test", "*@svc.acme.test"]
        ca_file = "/etc/ca.pem"
        timeout_s = 30
        {AUTH}
    """
    config = load(write(text))
    name, target = config.choose(None)
    assert (name, target.provider, target.organization, target.region) == ("acme", "anypoint", "o1", "us")
    assert (target.rate, target.concurrency, target.reserve) == ((500.0, 60.0), 16, 0.2)
    assert target.protected == ("owner@acme.test", "*@svc.acme.test")
    assert (target.ca_file, target.timeout_s) == (Path("/etc/ca.pem"), 30.0)
    assert target.auth == Auth(method="bearer", token_env="T")


FAULTS = {
    "an unknown key of the file": (
        'default_traget = "x"\n' + GOOD,
        "default_traget: unknown key; did you mean 'default_target'?",
    ),
    "an unknown key of a target": (
        HEAD + "concurency = 4\n" + AUTH,
        "targets.acme.concurency: unknown key; did you mean 'concurrency'?",
    ),
    "an unknown key of auth": (
        GOOD + 'tokn_env = "T"\n',
        "targets.acme.auth.tokn_env: unknown key; did you mean 'token_env'?",
    ),
    "an unknown key like no other": (HEAD + "zzz = 4\n" + AUTH, "targets.acme.zzz: unknown key\n"),
    "a target called auth": (
        GOOD.replace("acme", "auth") + '[targets.b]\nprovider = "sandbox"\nregoin = "us"\n',
        "targets.b.regoin: unknown key; did you mean 'region'?",
    ),
    "a misspelt key of a target called auth": (
        GOOD.replace("acme", "auth").replace("organization", "organisation"),
        "targets.auth.organisation: unknown key; did you mean 'organization'?",
    ),
    "no provider": (GOOD.replace('provider = "anypoint"\n', ""), "targets.acme.provider: is missing"),
    "an unknown provider": (
        GOOD.replace("anypoint", "okta"),
        "targets.acme.provider: expected one of 'anypoint', 'vmware-csp'",
    ),
    "no organisation": (GOOD.replace('organization = "o1"\n', ""), "organization is missing"),
    "an empty organisation": (GOOD.replace('"o1"', '""'), "targets.acme.organization"),
    "no auth": (HEAD, "auth is missing: add [targets.NAME.auth]"),
    "no method": (HEAD + '[targets.acme.auth]\ntoken_env = "T"\n', "targets.acme.auth.method: is missing"),
    "an unknown method": (GOOD.replace('"bearer"', '"magic"'), "targets.acme.auth.method: expected one of 'bearer'"),
    "another provider's method": (
        GOOD.replace('"bearer"', '"api-key"').replace("token_env", "api_key_env"),
        'provider "anypoint" has no auth method "api-key"; it has bearer, connected-app, password',
    ),
    "a method without its secret": (
        GOOD.replace('"bearer"', '"connected-app"'),
        'method "connected-app" needs client_id_env or client_id_file',
    ),
    "half of a method's secrets": (
        HEAD + '[targets.acme.auth]\nmethod = "password"\nusername_env = "U"\n',
        'method "password" needs password_env or password_file',
    ),
    "region and base_url": (
        HEAD + 'region = "us"\nbase_url = "https://a.test"\n' + AUTH,
        "region and base_url exclude each other",
    ),
    "base_url with a path": (
        HEAD + 'base_url = "https://a.test/accounts"\n' + AUTH,
        "scheme, host and port without a path",
    ),
    "base_url without a scheme": (HEAD + 'base_url = "a.test"\n' + AUTH, "scheme, host and port without a path"),
    "base_url without a host": (HEAD + 'base_url = "https://:443"\n' + AUTH, "scheme, host and port without a path"),
    "base_url of any host": (HEAD + 'base_url = "https://*"\n' + AUTH, "scheme, host and port without a path"),
    "base_url with no such port": (
        HEAD + 'base_url = "https://a.test:99999"\n' + AUTH,
        "scheme, host and port without",
    ),
    "base_url of half an address": (
        HEAD + 'base_url = "https://[::1"\n' + AUTH,
        "scheme, host and port without a path",
    ),
    "credentials in clear": (
        HEAD + 'base_url = "http://a.test"\n' + AUTH,
        "http:// sends the credentials in clear to a.test: write https:// in base_url, or say plain_http = true",
    ),
    "no home": (HEAD + 'ca_file = "~nobody-at-all/ca.pem"\n' + AUTH, "targets.acme.ca_file: the home folder that ~"),
    "a rate of a call a day": (HEAD + 'rate = "0.01/h"\n' + AUTH, "a rate of at least one call an hour"),
    "a rate without a unit": (HEAD + 'rate = "20"\n' + AUTH, 'targets.acme.rate: a rate such as "20/s" or "500/min"'),
    "a rate of nothing": (HEAD + 'rate = "0/s"\n' + AUTH, "targets.acme.rate"),
    "no room for any call": (HEAD + "concurrency = 0\n" + AUTH, "targets.acme.concurrency"),
    "the whole quota for others": (HEAD + "reserve = 1.0\n" + AUTH, "targets.acme.reserve"),
    "text for a number": (HEAD + 'timeout_s = "long"\n' + AUTH, "targets.acme.timeout_s"),
    "a target that is no table": ("targets.acme = 5\n", "targets.acme"),
    "no TOML": ("[targets", "not valid TOML"),
}


@pytest.mark.parametrize(("text", "words"), FAULTS.values(), ids=FAULTS)
def test_each_fault_is_named_with_its_key_and_what_to_write(write: Write, text: str, words: str) -> None:
    """With the file in front of it."""
    path = write(text)
    message = refused(path)
    assert str(path) in message
    assert words in message + "\n"


def test_every_fault_of_a_file_is_told_at_once(write: Write) -> None:
    """One run is enough to mend it."""
    message = refused(write(HEAD + 'rate = "x"\nconcurrency = 0\nregoin = "us"\n' + AUTH))
    assert message.count("\n") == 3


@pytest.mark.parametrize(
    "name", ["token", "client_id", "client_secret", "username", "password", "api_token", "api_key"]
)
@pytest.mark.parametrize("place", ["auth", "target"])
def test_a_secret_in_the_file_is_refused_and_not_repeated(write: Write, name: str, place: str) -> None:
    """The message says what to write instead."""
    literal = f'{name} = "hunter2-hunter2"\n'
    message = refused(write(GOOD + literal if place == "auth" else HEAD + literal + AUTH))
    assert f'{name}_env = "THE_VARIABLE"' in message
    assert f"{name}_file" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "text",
    [
        HEAD + 'base_url = "https://ada:hunter2@a.test"\n' + AUTH,
        GOOD + 'bearer = "hunter2"\n',
        GOOD.replace('"bearer"', '"hunter2"'),
        HEAD + 'auth = "hunter2"\n',
        GOOD + 'token_env = "hunter2"\n',
        HEAD + '[targets.acme.auth]\nmethod = "bearer"\ntoken_env = ["hunter2"]\n',
        GOOD + 'password = "hunter2',
        GOOD + "password = hunter2\n",
    ],
)
def test_no_message_repeats_a_value_that_may_be_a_secret(write: Write, text: str) -> None:
    """Wherever it was put."""
    assert "hunter2" not in refused(write(text))


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost", "[::1]:9000", "sandbox.localhost:80", "127.8.9.1"])
def test_this_machine_may_be_spoken_to_in_clear(write: Write, host: str) -> None:
    """Nobody listens on the way."""
    target = load(write(HEAD + f'base_url = "http://{host}/"\n' + AUTH)).targets["acme"]
    assert target.base_url == f"http://{host}"


@pytest.mark.parametrize("host", ["127.0.0.1.evil.test", "localhost.evil.test", "10.0.0.1", "0.0.0.0", "127.1"])
def test_what_only_looks_like_this_machine_may_not(write: Write, host: str) -> None:
    """Neither by name nor as part of one; somebody who knows the network says so."""
    text = HEAD + f'base_url = "http://{host}"\n'
    assert "in clear" in refused(write(text + AUTH))
    assert load(write(text + "plain_http = true\n" + AUTH)).targets["acme"].base_url == f"http://{host}"


def test_no_key_turns_the_check_of_certificates_off(write: Write) -> None:
    """A private authority is named by `ca_file`; everything else is an unknown key."""
    for key in ("verify", "verify_tls", "insecure", "ssl", "tls"):
        assert f"{key}: unknown key" in refused(write(HEAD + f"{key} = false\n" + AUTH))


def test_a_secrets_file_that_does_not_end_is_not_read_for_ever(write: Write) -> None:
    """As much of it as a secret can be; what is in it is not told."""
    target = load(write(GOOD.replace('token_env = "T"', 'token_file = "/dev/zero"'))).targets["acme"]
    assert target.auth is not None
    with pytest.raises(ConfigError, match="cannot be printed"):
        target.auth.secrets({})


def test_a_file_with_a_byte_order_mark_is_read(write: Write) -> None:
    """As some editors write it."""
    assert load(write("\ufeff" + GOOD)).choose(None)[0] == "acme"


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir], ids=["missing", "a folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """Whatever the system says is passed on."""
    path = tmp_path / "there.toml"
    make(path)
    assert str(path) in refused(path)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    """TOML is UTF-8."""
    path = tmp_path / "latin.toml"
    path.write_bytes('default_target = "Zürich"'.encode("latin-1"))
    assert "not valid TOML" in refused(path)


class TestLookUp:
    """Where the configuration comes from."""

    @pytest.fixture
    def places(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
        """A working directory, the user's folder, and a file given by hand."""
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
        places = {
            "given": tmp_path / "given.toml",
            "cwd": tmp_path / "work" / "bulkops.toml",
            "user": tmp_path / "home" / "bulkops" / "bulkops.toml",
        }
        for place in places.values():
            place.parent.mkdir(parents=True, exist_ok=True)
        return places

    @pytest.mark.parametrize(
        ("present", "found"),
        [
            ({"given", "cwd", "user"}, "given"),
            ({"cwd", "user"}, "cwd"),
            ({"user"}, "user"),
            (set(), "environment"),
        ],
    )
    def test_the_nearest_one_is_taken(self, places: dict[str, Path], present: set[str], found: str) -> None:
        """--config, then the working directory, then the user's folder, then the official variables."""
        for name in present:
            places[name].write_text(GOOD.replace("acme", name))
        environ = {"ANYPOINT_ORG": "o1", "ANYPOINT_BEARER": "b"}
        config = load(places["given"] if "given" in present else None, environ=environ, cwd=places["cwd"].parent)
        assert list(config.targets) == [{"environment": "anypoint"}.get(found, found)]
        assert config.path == (None if found == "environment" else places[found])

    def test_a_given_file_that_is_missing_is_not_replaced(self, places: dict[str, Path]) -> None:
        """A typing error must not run against another organisation."""
        places["cwd"].write_text(GOOD)
        with pytest.raises(ConfigError, match=r"given\.toml"):
            load(places["given"], cwd=places["cwd"].parent)

    @pytest.mark.parametrize(
        ("environ", "method", "secrets"),
        [
            ({"ANYPOINT_BEARER": "b"}, "bearer", {"token": "b"}),
            (
                {"ANYPOINT_CLIENT_ID": "i", "ANYPOINT_CLIENT_SECRET": "s"},
                "connected-app",
                {"client_id": "i", "client_secret": "s"},
            ),
            (
                {"ANYPOINT_USERNAME": "u", "ANYPOINT_PASSWORD": "p"},
                "password",
                {"username": "u", "password": "p"},
            ),
            ({"ANYPOINT_BEARER": "b", "ANYPOINT_CLIENT_ID": "i"}, "bearer", {"token": "b"}),
        ],
    )
    def test_the_official_variables_make_a_target(
        self, places: dict[str, Path], environ: dict[str, str], method: str, secrets: dict[str, str]
    ) -> None:
        """The ready token first, then the application, then the user."""
        environ = {"ANYPOINT_ORG": "o1", **environ}
        name, target = load(None, environ=environ, cwd=places["cwd"].parent).choose(None)
        assert (name, target.organization) == ("anypoint", "o1")
        assert target.auth is not None
        assert target.auth.method == method
        found = target.auth.secrets(environ)
        assert {key: value.get_secret_value() for key, value in found.items()} == secrets
        assert not any(value in repr(found) for value in secrets.values() if len(value) > 1)

    @pytest.mark.parametrize(
        ("host", "base_url"),
        [
            ("eu1.anypoint.mulesoft.com", "https://eu1.anypoint.mulesoft.com"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("https://a.test/", "https://a.test"),
            ("", None),
        ],
    )
    def test_the_host_variable_takes_a_host_or_an_origin(
        self, places: dict[str, Path], host: str, base_url: str | None
    ) -> None:
        """As the official client does."""
        environ = {"ANYPOINT_ORG": "o1", "ANYPOINT_BEARER": "b", "ANYPOINT_HOST": host}
        assert load(None, environ=environ, cwd=places["cwd"].parent).choose(None)[1].base_url == base_url

    def test_a_host_variable_with_a_path_is_refused(self, places: dict[str, Path]) -> None:
        """The message speaks of the variables, for there is no file."""
        environ = {"ANYPOINT_ORG": "o1", "ANYPOINT_BEARER": "b", "ANYPOINT_HOST": "a.test/accounts"}
        with pytest.raises(ConfigError, match=r"ANYPOINT_\* variables"):
            load(None, environ=environ, cwd=places["cwd"].parent)

    def test_the_host_variable_is_not_spoken_to_in_clear(self, places: dict[str, Path]) -> None:
        """There is no key to say otherwise: such a target is written into a file."""
        environ = {"ANYPOINT_ORG": "o1", "ANYPOINT_BEARER": "b", "ANYPOINT_HOST": "http://a.test"}
        with pytest.raises(ConfigError, match="in clear"):
            load(None, environ=environ, cwd=places["cwd"].parent)

    @pytest.mark.parametrize("environ", [{}, {"ANYPOINT_ORG": "o1"}, {"ANYPOINT_BEARER": "b"}])
    def test_too_few_variables_make_no_target(self, places: dict[str, Path], environ: dict[str, str]) -> None:
        """The sandbox is there all the same."""
        config = load(None, environ=environ, cwd=places["cwd"].parent)
        assert config.targets == {}
        assert config.choose("sandbox")[1].provider == "sandbox"


def config_of(*names: str, default: str | None = None) -> Config:
    return Config(default_target=default, targets={name: TargetConfig(provider="sandbox") for name in names})


@pytest.mark.parametrize(
    ("config", "name", "chosen"),
    [
        (config_of("acme", "other", default="other"), "acme", "acme"),
        (config_of("acme", "other", default="other"), None, "other"),
        (config_of("acme"), None, "acme"),
        (config_of("acme"), "sandbox", "sandbox"),
        (config_of(), "sandbox", "sandbox"),
    ],
)
def test_a_target_is_the_named_the_default_or_the_only_one(config: Config, name: str | None, chosen: str) -> None:
    """The sandbox needs no configuration."""
    assert config.choose(name)[0] == chosen


@pytest.mark.parametrize(
    ("config", "name", "words"),
    [
        (
            config_of("acme", "other"),
            None,
            "no target is chosen: use --target, or set default_target. There are: acme, other",
        ),
        (config_of(), None, "no target is chosen"),
        (
            config_of("acme", "other"),
            "acne",
            "no target 'acne' (no configuration file was found); did you mean 'acme'?",
        ),
        (config_of("acme"), "sandbx", "did you mean 'sandbox'?"),
        (config_of("acme"), "qqqq", "there are: acme, sandbox"),
        (config_of("acme", default="gone"), None, "no target 'gone'"),
    ],
)
def test_a_target_that_is_not_there_is_answered_with_those_that_are(
    config: Config, name: str | None, words: str
) -> None:
    """The nearest one, or all of them."""
    with pytest.raises(ConfigError) as caught:
        config.choose(name)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20/s", (20.0, 1.0)),
        (" 2.5 / sec ", (2.5, 1.0)),
        ("500/min", (500.0, 60.0)),
        ("500/m", (500.0, 60.0)),
        ("1000/hour", (1000.0, 3600.0)),
        ((20, 1), (20.0, 1.0)),
    ],
)
def test_a_rate_is_calls_in_seconds(text: object, expected: tuple[float, float]) -> None:
    """Per second, minute or hour."""
    assert parse_rate(text) == expected


@pytest.mark.parametrize("text", ["20", "20/day", "-1/s", "0/s", "1e3/s", "", None, 20, "s/20"])
def test_a_rate_is_nothing_else(text: object) -> None:
    """The error shows what one looks like."""
    with pytest.raises(ValueError, match="20/s"):
        parse_rate(text)


BEARER_FILE = Auth(method="bearer", token_file=Path("token.txt"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        ("gehäim".encode("latin-1"), "is not text in UTF-8"),
        (b"hunter2\nhunter3\n", "more than one line"),
    ],
)
def test_a_secrets_file_that_is_of_no_use_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, words: str
) -> None:
    """Without a word of what is in it."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("token.txt").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        BEARER_FILE.secrets({})
    assert "token_file token.txt" in str(caught.value)
    assert words in str(caught.value)
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("content", [b"hunter2", b"  hunter2\r\n", b"\xef\xbb\xbfhunter2\n"])
def test_a_secrets_file_is_read_without_its_edges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """Editors end files with a line break, and some begin them with a mark; ~ is the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "token.txt").write_bytes(content)
    auth = Auth(method="bearer", token_file=Path("~/token.txt"))
    assert auth.secrets({})["token"].get_secret_value() == "hunter2"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "the environment variable ACME_TOKEN (token of this target) is not set"),
        ({"ACME_TOKEN": "  "}, "is not set"),
        ({"ACME_TOKEN": "hunter2\r\nX-Header: 1"}, "more than one line"),
    ],
)
def test_a_variable_that_is_of_no_use_is_named(environ: dict[str, str], words: str) -> None:
    """It is looked up when the target is opened, not when the file is read."""
    with pytest.raises(ConfigError) as caught:
        Auth(method="bearer", token_env="ACME_TOKEN").secrets(environ)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_messages_can_say_where_a_secret_comes_from() -> None:
    """A variable with its dollar sign, a file by its path."""
    assert Auth(method="bearer", token_env="ACME_TOKEN").source_of("token") == "$ACME_TOKEN"
    assert BEARER_FILE.source_of("token") == "token.txt"


@pytest.mark.parametrize(("name", "expected"), [("regoin", "region"), ("REGION", None), ("xyz", None)])
def test_the_nearest_name_is_offered_only_when_it_is_near(name: str, expected: str | None) -> None:
    """A wild guess would lead astray."""
    assert nearest(name, ["region", "rate"]) == expected
