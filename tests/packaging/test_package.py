"""The Debian package: what it holds, and what it does to a system."""

import os

import pytest
from conftest import ROOT, output

DIRECTORY = ROOT / "target/debian"


@pytest.fixture(scope="module")
def package():
    [found] = DIRECTORY.glob("countersign_*.deb")
    return found


@pytest.fixture(scope="module")
def unpacked(package, tmp_path_factory):
    directory = tmp_path_factory.mktemp("package")
    output("dpkg-deb", "--raw-extract", package, directory)
    return directory


def test_lintian_has_nothing_to_say(package):
    assert output("lintian", "--allow-root", "--fail-on", "error,warning", package) == ""


def test_the_program_runs_and_finds_its_settings_in_order(unpacked):
    program, settings = unpacked / "usr/bin/countersign", unpacked / "etc/countersign/countersign.toml"

    checked = output(program, "config", "check", "--config", settings)

    assert "127.0.0.1:8000: this machine only" in checked


def test_everything_that_goes_with_it_is_there(unpacked):
    for path in (
        "usr/lib/systemd/system/countersign.service",
        "usr/lib/systemd/system/countersign.socket",
        "usr/lib/sysusers.d/countersign.conf",
        "usr/share/bash-completion/completions/countersign",
        "usr/share/doc/countersign/THIRD-PARTY.txt",
        "usr/share/doc/countersign/countersign.cdx.json",
        "usr/share/doc/countersign/docs/deployment.md",
        "usr/share/doc/countersign/examples/nginx/countersign.conf",
        "usr/share/fish/vendor_completions.d/countersign.fish",
        "usr/share/man/man1/countersign.1.gz",
        "usr/share/zsh/vendor-completions/_countersign",
    ):
        assert (unpacked / path).stat().st_size > 0, path
    assert (unpacked / "DEBIAN/conffiles").read_text().split() == ["/etc/countersign/countersign.toml"]
    assert os.access(unpacked / "usr/sbin/countersign-admin", os.X_OK)


def test_the_maintainer_scripts_are_shell_and_name_what_the_package_installs(unpacked):
    for name in ("postinst", "prerm", "postrm"):
        output("sh", "-n", unpacked / "DEBIAN" / name)
    # Written by cargo-deb from the name of the file in the sources, which must therefore be that of the installed one.
    assert "systemd-sysusers ${DPKG_ROOT:+--root=\"$DPKG_ROOT\"} countersign.conf" in (unpacked / "DEBIAN/postinst").read_text()
