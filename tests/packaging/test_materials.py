"""The bill of materials and the licences that go with a release."""

import json
import re

import pytest
from conftest import ROOT, output
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


@pytest.fixture(scope="module")
def materials(tmp_path_factory):
    directory = tmp_path_factory.mktemp("materials")
    output(ROOT / "scripts/materials", "--into", directory)
    return directory


@pytest.fixture(scope="module")
def bill(materials):
    return json.loads((materials / "countersign.cdx.json").read_text())


def test_the_bill_is_valid_cyclonedx(materials):
    text = (materials / "countersign.cdx.json").read_text()

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_the_bill_names_every_crate_that_is_compiled_and_no_other(bill):
    own = bill["metadata"]["component"]
    named = [f"{part['name']} v{part['version']}" for part in [own, *bill["components"]]]

    tree = output("cargo", "tree", "--locked", "--package", "countersign", "--edges", "normal,build", "--prefix", "none")
    compiled = {" ".join(line.split()[:2]) for line in tree.splitlines()}
    assert len(compiled) > 100
    assert sorted(named) == sorted(compiled)


def test_every_part_has_a_licence_and_what_came_from_a_registry_a_digest(bill):
    for part in bill["components"]:
        [licence] = part["licenses"]
        assert licence["expression"] and "/" not in licence["expression"], part["name"]
        is_ours = part["name"] in {"bcrypt-lanes", "countersign-token"}
        assert is_ours or re.fullmatch(r"[0-9a-f]{64}", part["hashes"][0]["content"]), part["name"]


def test_dependencies_lead_from_the_service_to_every_part(bill):
    needs = {entry["ref"]: entry["dependsOn"] for entry in bill["dependencies"]}
    reached, waiting = set(), [bill["metadata"]["component"]["bom-ref"]]
    while waiting:
        part = waiting.pop()
        if part not in reached:
            reached.add(part)
            waiting += needs[part]

    assert reached == set(needs)
    assert {part["bom-ref"] for part in bill["components"]} < reached


def test_the_licences_hold_the_text_of_every_part_that_is_inside(materials, bill):
    notices = (materials / "THIRD-PARTY.txt").read_text()
    listed, texts = notices.split("-" * 100, 1)
    inside = [part for part in bill["components"] if part["scope"] == "required" and "hashes" in part]

    for part in inside:
        name = f"{part['name']} {part['version']}"
        assert f"  {name}  ({part['licenses'][0]['expression']})\n" in f"{listed}\n", name
        assert f"\n{name}: " in texts or f"\n{name} (under " in texts, f"{name} is without its terms"
    # C libraries inside crates, and pages of others.
    for author in ("Jason Evans", "Amazon.com", "OpenSSL", "SmartBear"):
        assert author in notices, author
