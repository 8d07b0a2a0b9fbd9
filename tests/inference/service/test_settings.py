from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from inference.errors import ConfigError
from inference.paths import CONFIGS, MODELS
from inference.photo import PhotoLimits
from inference.settings import ServiceSettings, load_settings


def written(folder: Path, text: str) -> Path:
    path = folder / "service.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path, options: Mapping[str, object] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, options)
    return str(caught.value)


class TestDefaults:
    def test_the_shipped_file_says_what_the_code_does(self) -> None:
        assert load_settings() == ServiceSettings()

    def test_they_are_safe_and_shipped(self, tmp_path: Path) -> None:
        settings = load_settings(written(tmp_path, "# nothing\n"))
        assert settings.host == "127.0.0.1"
        assert settings.port == 8000
        assert settings.model == MODELS / "street-patrol-n"
        assert settings.default_scheme == "gbt47678.5-2026"
        assert settings.max_photos == 16
        assert settings.photo_limits == PhotoLimits()
        assert settings.workers >= 1

    def test_every_setting_is_explained_in_the_shipped_file(self) -> None:
        text = (CONFIGS / "service.yaml").read_text(encoding="utf-8")
        for name in ServiceSettings.model_fields:
            assert f"{name}:" in text


class TestSources:
    def test_environment_wins_over_file_and_options_over_both(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = written(tmp_path, "port: 1\nmax_photos: 3\nthreads: 4\n")
        monkeypatch.setenv("PATROL_PORT", "2")
        monkeypatch.setenv("patrol_max_photos", "5")
        monkeypatch.setenv("PATROL_THREADS", "")
        settings = load_settings(path, {"port": 6})
        assert (settings.port, settings.max_photos, settings.threads) == (6, 5, 4)

    def test_a_secret_comes_from_a_file_of_its_own_and_is_never_shown(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secret = tmp_path / "secret"
        monkeypatch.setenv("PATROL_KEY_RATE_FILE", str(secret))
        path = written(tmp_path, "key_rate: 1/minute\n")
        with pytest.raises(ConfigError, match=r"PATROL_KEY_RATE_FILE: names the file .*secret, which cannot be read"):
            load_settings(path)
        secret.write_text("7/minute\n")
        assert load_settings(path).key_rate == "7/minute"
        monkeypatch.setenv("PATROL_PORT_FILE", str(secret))
        message = refusal(path)
        assert message.startswith("environment variable PATROL_PORT_FILE: ")
        assert "7/minute" not in message

    def test_a_wrong_value_in_the_file_does_not_matter_where_the_environment_says_otherwise(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATROL_PORT", "2")
        assert load_settings(written(tmp_path, "port: x\n")).port == 2


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("\nport: nine\n", ["service.yaml:2", "port is 'nine'", "valid integer", "from 1 to 65535"]),
            ("port: 70000\n", [":1", "port is '70000'", "65535"]),
            ("prot: 8000\n", [":1", "unknown setting 'prot'", "Did you mean port?"]),
            ("zzz: 1\n", ["unknown setting 'zzz'", "The settings are host, port"]),
            ("1: 2\n", [":1", "unknown setting '1'"]),
            ("provider: gpu\n", ["provider is 'gpu'", "Give auto, cuda, openvino or cpu."]),
            ("max_photos: 0\n", ["max_photos is '0'", "greater than or equal to 1"]),
            ("log_level: loud\n", ["Give debug, info, warning or error."]),
            ("port: 1\nport: 2\n", [":2", "sets port twice, first in line 1"]),
            ("- port\n", [":1", "holds no settings"]),
            ("port: [\n", ["is not valid YAML"]),
            ("port: yes\n", [":1", "port is 'yes'", "valid integer"]),
            ("port: 1:20\n", ["port is '1:20'", "valid integer"]),
            ("port: 2026-02-30\n", ["port is '2026-02-30'", "valid integer"]),
            ("port: !!int x\n", ["port is 'x'", "valid integer"]),
            ("port: " + "9" * 5000 + "\n", ["port is '99999", "from 1 to 65535"]),
            ("\non: 1\n", [":2", "unknown setting 'on'"]),
            ("\nmodel: [a]\n", [":2", "has a list", "one value"]),
            ("port: " + "[" * 2000 + "]" * 2000, ["thousands deep"]),
            ("port: \x07\n", [":1", "holds U+0007"]),
            ("\tport: 1\n", [":1", "is not valid YAML", "tabs"]),
        ],
    )
    def test_in_the_file(self, tmp_path: Path, text: str, said: list[str]) -> None:
        message = refusal(written(tmp_path, text))
        for part in said:
            assert part in message

    def test_all_are_told_at_once(self, tmp_path: Path) -> None:
        message = refusal(written(tmp_path, "port: x\nmax_photos: x\n"))
        assert ":1:" in message
        assert ":2:" in message

    def test_in_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATROL_PORT", "nine")
        message = refusal(CONFIGS / "service.yaml")
        assert message.startswith("environment variable PATROL_PORT: is 'nine'")

    def test_on_the_command_line(self) -> None:
        assert refusal(CONFIGS / "service.yaml", {"max_photos": -1}).startswith("option --max-photos: is '-1'")

    def test_no_file(self, tmp_path: Path) -> None:
        assert "cannot be read" in refusal(tmp_path / "none.yaml")


class TestHost:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
    def test_this_machine_is_fine(self, host: str) -> None:
        assert ServiceSettings(host=host).host == host

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.20", "patrol.example"])  # noqa: S104
    def test_other_machines_need_keys_and_this_one_does_not(self, host: str) -> None:
        assert ServiceSettings(host=host).needs_keys
        assert ServiceSettings(require_keys=True).needs_keys
        assert not ServiceSettings().needs_keys

    def test_an_empty_one_would_be_every_address(self, tmp_path: Path) -> None:
        message = refusal(written(tmp_path, "port: 1\nhost: ''\n"))
        for part in (":2", "host is ''", "every address", "requires API keys"):
            assert part in message

    def test_names_are_checked_on_this_machine_and_where_the_operator_says(self) -> None:
        everywhere = "0.0.0.0"  # noqa: S104
        assert ServiceSettings().hosts == ("localhost", "127.0.0.1", "::1")
        assert ServiceSettings(host=everywhere).hosts is None
        assert ServiceSettings(host=everywhere, allowed_hosts=("patrol.example",)).hosts == ("patrol.example",)
        assert ServiceSettings(allowed_hosts=("*",)).hosts is None


class TestLists:
    def test_are_written_with_commas_wherever_they_are_given(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATROL_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")
        settings = load_settings(written(tmp_path, "allowed_hosts: a.example, b.example,\n"))
        assert settings.allowed_hosts == ("a.example", "b.example")
        assert settings.trusted_proxies == ("127.0.0.1", "10.0.0.0/8")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("trusted_proxies: proxy.example", "does not appear to be an IPv4 or IPv6 network"),
            ("trusted_proxies: 10.0.0.1/8", "host bits set"),
            ("fetch_allow: https://photos.example/", "neither a host name"),
            ("fetch_allow: a.example:99999", "a port that is not from 1 to 65535"),
            ("key_rate: often", "write it as 60/minute"),
            ("client_rate: 0/minute", "allows nothing"),
        ],
    )
    def test_a_wrong_entry_is_told(self, tmp_path: Path, text: str, said: str) -> None:
        message = refusal(written(tmp_path, text))
        assert said in message
        assert text.partition(":")[0] in message
