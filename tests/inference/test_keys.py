from __future__ import annotations

import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from inference.api_key import ApiKey, KeyRecord, Scope
from inference.cli import app
from inference.errors import ConfigError, PatrolError
from inference.key_file import KeyFile, KeyNameError

LEAKED = re.compile(r"patrol_[0-9A-Za-z]{57}\b")  # as docs/security.md tells to look for


def record(name: str, key: ApiKey | None = None, **changes: object) -> KeyRecord:
    key = key or ApiKey.new()
    facts: dict[str, object] = {"scopes": frozenset({Scope.CLASSIFY}), "created_at": datetime.now(UTC), **changes}
    return KeyRecord(id=key.id, name=name, sha256=key.sha256, **facts)  # type: ignore[arg-type]


class TestKey:
    def test_is_found_where_it_leaked_and_read_back(self) -> None:
        key = ApiKey.new()
        assert LEAKED.search(f"curl -H 'Authorization: Bearer {key.text}' …")
        assert ApiKey.read(key.text) == key
        assert key.text[7:15] == key.id

    def test_no_two_are_alike(self) -> None:
        assert len({ApiKey.new().text for _ in range(200)}) == 200

    @pytest.mark.parametrize("text", ["", "patrol_", "x" * 64, "patrol_" + "a" * 57, "patrol_" + "é" * 57])
    def test_a_look_alike_is_none(self, text: str) -> None:
        assert ApiKey.read(text) is None

    def test_a_typing_mistake_is_noticed_without_the_file(self) -> None:
        text = ApiKey.new().text
        for place in (7, 20, 63):
            other = "b" if text[place] == "a" else "a"
            assert ApiKey.read(text[:place] + other + text[place + 1 :]) is None

    def test_the_record_does_not_hold_it(self) -> None:
        key = ApiKey.new()
        kept = record("a", key)
        assert key.text[15:] not in repr(kept)
        assert kept.is_of(key)
        assert not kept.is_of(ApiKey.new())

    def test_time_and_revocation_end_it(self) -> None:
        now = datetime.now(UTC)
        assert record("a", expires_at=now + timedelta(days=1)).state == "active"
        assert record("a", expires_at=now).state == "expired"
        assert record("a", revoked_at=now, expires_at=now).state == "revoked"


class TestFile:
    def test_keeps_what_was_added(self, tmp_path: Path) -> None:
        file = KeyFile(tmp_path / "keys.json")
        assert file.records() == ()
        added = [record("a", rate="60/minute"), record("b", expires_at=datetime.now(UTC))]
        for each in added:
            file.add(each)
        assert list(file.records()) == added

    def test_only_its_owner_reads_it(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        KeyFile(path).add(record("a"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]

    def test_several_processes_lose_nothing(self, tmp_path: Path) -> None:
        names = [f"key-{index}" for index in range(12)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: KeyFile(tmp_path / "keys.json").add(record(name)), names))
        assert sorted(each.name for each in KeyFile(tmp_path / "keys.json").records()) == sorted(names)

    def test_a_name_is_never_used_again(self, tmp_path: Path) -> None:
        file = KeyFile(tmp_path / "keys.json")
        file.add(record("a"))
        file.revoke("a")
        with pytest.raises(KeyNameError, match="there is or was a key named a"):
            file.add(record("a"))

    def test_revoking_twice_keeps_the_first_time(self, tmp_path: Path) -> None:
        file = KeyFile(tmp_path / "keys.json")
        file.add(record("a"))
        assert file.revoke("a") == file.revoke("a")
        with pytest.raises(KeyNameError, match="no key named b; there are: a"):
            file.revoke("b")

    @pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
    def test_is_refused_when_others_could_add_keys(self, tmp_path: Path, mode: int) -> None:
        file = KeyFile(tmp_path / "keys.json")
        file.add(record("a"))
        file.path.chmod(mode)
        with pytest.raises(ConfigError, match="chmod 600"):
            file.records()

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2, "keys": []}', '{"version": 1, "keys": [{}]}'])
    def test_a_broken_one_is_told_and_left_alone(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "keys.json"
        path.write_text(text)
        with pytest.raises(ConfigError, match="is no file of keys"):
            KeyFile(path).add(record("a"))
        assert path.read_text() == text

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        link = tmp_path / "keys.json"
        link.symlink_to(tmp_path / "real" / "keys.json")
        KeyFile(link).add(record("a"))
        assert link.is_symlink()
        assert (tmp_path / "real" / "keys.json").is_file()

    def test_without_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(PatrolError, match="has no folder"):
            KeyFile(tmp_path / "none" / "keys.json").add(record("a"))


class TestCommand:
    def run(self, path: Path, *arguments: str, status: int = 0) -> Result:
        result = CliRunner().invoke(app, ["keys", *arguments, "--file", str(path)])
        assert result.exit_code == status, result.output
        return result

    def test_the_key_is_all_that_standard_output_gets(self, tmp_path: Path) -> None:
        result = self.run(tmp_path / "keys.json", "create", "issue-system")
        assert LEAKED.fullmatch(result.stdout.strip())
        assert "只显示这一次" in result.stderr

    def test_for_programs(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        arguments = ("--scope", "admin", "--scope", "metrics", "--days", "30", "--rate", "5/second", "--json")
        made = json.loads(self.run(path, "create", "ops", *arguments).stdout)
        assert made["scopes"] == ["admin", "metrics"]
        key = ApiKey.read(made.pop("key"))
        assert key is not None
        assert json.loads(self.run(path, "list", "--json").stdout) == {"keys": [made]}
        assert made["state"] == "active"
        lasts = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
        assert lasts == timedelta(days=30)
        assert key.text[15:] not in path.read_text()

    def test_a_list_shows_no_secret(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        text = self.run(path, "create", "issue-system").stdout.strip()
        self.run(path, "revoke", text[7:15])
        listed = self.run(path, "list").stdout
        for part in ("issue-system", text[7:15], "classify", "revoked"):
            assert part in listed
        assert text[15:] not in listed
        assert not LEAKED.search(listed)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("create", "two words"), "letters, digits"),
            (("create", "a", "--scope", "everything"), "everything"),
            (("create", "a", "--rate", "often"), "60/minute"),
            (("create", "a", "--days", "0"), "--days"),
            (("revoke", "nobody"), "no key named nobody; there are: none"),
        ],
    )
    def test_mistakes(self, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
        assert said in self.run(tmp_path / "keys.json", *arguments, status=2).output
        assert not (tmp_path / "keys.json").exists()

    def test_the_file_is_the_services(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config = tmp_path / "service.yaml"
        config.write_text(f"host: 0.0.0.0\nkeys_file: {tmp_path / 'mine.json'}\n")
        monkeypatch.setenv("PATROL_CONFIG", str(config))
        result = CliRunner().invoke(app, ["keys", "create", "a"])
        assert result.exit_code == 0
        assert [each.name for each in KeyFile(tmp_path / "mine.json").records()] == ["a"]

    def test_every_scope_can_be_given(self, tmp_path: Path) -> None:
        given = [part for scope in Scope for part in ("--scope", scope)]
        self.run(tmp_path / "keys.json", "create", "all", *given)
        (kept,) = KeyFile(tmp_path / "keys.json").records()
        assert kept.scopes == set(Scope)
