"""The image and the compose file, as far as they can be examined where no image can be fetched and no engine runs."""

import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import BINARY, ROOT, output

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_hadolint_has_nothing_to_say_against_the_containerfile():
    assert output("hadolint", "--failure-threshold", "style", ROOT / "Containerfile") == ""


@pytest.fixture
def secrets(tmp_path):
    """What the documented command makes."""
    subprocess.run([ROOT / "deploy/container/make-secrets"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    return tmp_path / "secrets"


def test_secrets_are_made_once_and_their_directory_is_closed(secrets, tmp_path):
    made = {path.name: path.read_text() for path in secrets.iterdir()}

    subprocess.run([ROOT / "deploy/container/make-secrets"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)

    assert secrets.stat().st_mode & 0o777 == 0o700
    assert sorted(made) == sorted(Path(secret["file"]).name for secret in COMPOSE["secrets"].values())
    assert made == {path.name: path.read_text() for path in secrets.iterdir()}
    assert len(made["secret_key"]) == len(made["database_password"]) == 64
    assert made["database_password"] in made["database_url"]


@pytest.mark.parametrize("domain", ["localhost", "auth.example.com"])
def test_the_service_accepts_the_settings_that_compose_gives_it(secrets, tmp_path, domain):
    # Those of the image, then those of compose, as an engine would give them.
    settings = {"COUNTERSIGN_LISTEN": "0.0.0.0:8000", "COUNTERSIGN_DATA_DIR": "/var/lib/countersign"}
    for name, value in settings.items():
        assert f"{name}={value}" in (ROOT / "Containerfile").read_text()
    for name, value in COMPOSE["services"]["countersign"]["environment"].items():
        value = value.replace("${DOMAIN:-localhost}", domain).replace("${SMTP_URL:-}", "").replace("${MAIL_FROM:-}", "")
        settings[name] = value.replace("/run/secrets", str(secrets))
        assert "$" not in settings[name]

    checked = subprocess.run([BINARY, "config", "check"], cwd=tmp_path, env=settings, capture_output=True, text=True)

    assert (checked.returncode, checked.stderr) == (0, "")
    assert "0.0.0.0:8000" in checked.stdout and "prox" in checked.stdout, checked.stdout


def test_the_proxy_is_the_one_that_is_trusted(tmp_path):
    proxy, service = COMPOSE["services"]["proxy"], COMPOSE["services"]["countersign"]
    assert proxy["networks"]["front"]["ipv4_address"] == service["environment"]["COUNTERSIGN_HTTP__TRUSTED_PROXIES"]

    adapted = output(
        "caddy", "adapt", "--config", ROOT / "deploy/container/Caddyfile", "--adapter", "caddyfile",
        DOMAIN="auth.example.com", HOME=str(tmp_path),
    )
    assert '"dial":"countersign:8000"' in adapted and '"host":["auth.example.com"]' in adapted


def test_every_container_is_confined_and_only_the_proxy_is_published():
    for name, service in COMPOSE["services"].items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"] and service["pids_limit"], name
        assert ("ports" in service) == (name == "proxy"), name
    for port in COMPOSE["services"]["proxy"]["ports"]:
        assert port.startswith("${PUBLISH:-127.0.0.1}:"), "for this machine alone unless somebody says more"
