# SPDX-License-Identifier: Apache-2.0
"""What plain values become on their way to the library and back."""

from __future__ import annotations

import copy
import pickle
import string
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vmkit
from vmkit import _vmkit
from vmkit.oci import Credential, Healthcheck, Platform, ReferenceDefaults
from vmkit.vm import (
    Disk,
    DiskSync,
    KernelBoot,
    MachineConfig,
    Network,
    Port,
    Share,
    parse_machine_config,
    to_json,
    validate,
)


def test_sizes() -> None:
    assert vmkit.parse_size("1.5GiB") == 3 * vmkit.GiB // 2
    assert vmkit.format_size("1536") == vmkit.format_size(1536) == "1.5 KiB"
    for wrong, kind in (("many", vmkit.InvalidArgumentError), (True, TypeError), (1.5, TypeError)):
        with pytest.raises(kind):
            vmkit.format_size(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected an int from 0 to"):
        vmkit.format_size(-1)


def test_digest() -> None:
    digest = vmkit.base.digest_of(b"abc")
    assert digest.hex.startswith("ba7816bf")
    assert (digest.algorithm, str(digest)) == ("sha256", f"sha256:{digest.hex}")
    assert vmkit.Digest(str(digest)) == digest
    with pytest.raises(vmkit.InvalidArgumentError):
        vmkit.Digest("sha256:short")


def test_durations_are_seconds_or_timedelta() -> None:
    for given_time in (1.5, timedelta(milliseconds=1500)):
        config = MachineConfig(boot_watchdog=given_time)
        assert parse_machine_config(to_json(config)).boot_watchdog == 1.5
    with pytest.raises(TypeError, match="boot_watchdog: expected seconds"):
        to_json(MachineConfig(boot_watchdog="1"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="too long"):
        to_json(MachineConfig(boot_watchdog=1e300))


def test_a_wrong_type_names_the_member() -> None:
    config = MachineConfig(disks=[Disk(path=1)])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"vm.MachineConfig: disks: vm.Disk: path: expected str"):
        to_json(config)
    with pytest.raises(TypeError, match="expected a sequence, found str"):
        to_json(MachineConfig(disks="ab"))  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        config.memroy = 1  # type: ignore[attr-defined]


def test_paths() -> None:
    config = MachineConfig(disks=[Disk(path="a"), Disk(path=Path("b"))])
    assert [disk.path for disk in parse_machine_config(to_json(config)).disks] == [
        Path("a"),
        Path("b"),
    ]
    assert parse_machine_config(to_json(config)).console.file is None


def test_text_that_is_no_utf8_survives() -> None:
    json = '{"author": "ä", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}'
    config = vmkit.oci.ImageConfig.parse(json, "test")
    assert config.author == "ä"
    assert _vmkit.command_of(config, ["\udcff"]) == ["\udcff"]


def test_datetime() -> None:
    with pytest.raises(vmkit.InvalidArgumentError, match="time zone"):
        options = vmkit.container.CommitOptions(created=datetime(2020, 1, 1))
        vmkit.commit(None, None, "x", "x", options)  # type: ignore[arg-type]
    assert datetime(2020, 1, 1, tzinfo=timezone.utc) > vmkit.base.EPOCH


@pytest.mark.parametrize("name", sorted(_vmkit.defaults()))
def test_defaults_are_those_of_the_library(name: str) -> None:
    module, _, short = name.partition(".")
    record = getattr(getattr(vmkit, module), short)
    native = _vmkit.defaults()[name]
    assert list(record.__dataclass_fields__) == list(native)
    required = {
        field.name: None
        for field in record.__dataclass_fields__.values()
        if field.default is field.default_factory  # neither: both are MISSING
    }
    made = record(**{field: native[field] for field in required})
    for field, value in native.items():
        assert plain(getattr(made, field)) == plain(value), field


def plain(value: object) -> object:
    """Paths as text, records as what they hold."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    return str(value) if isinstance(value, Path) else value


def test_platform() -> None:
    assert Platform.parse("linux/aarch64/v8") == Platform(architecture="arm64")
    assert str(Platform(architecture="arm", variant="v7")) == "linux/arm/v7"
    arm = Platform.parse("linux/arm64")
    assert arm.match_distance(Platform.parse("linux/amd64")) is None
    assert Platform.host().best_match([None, arm, Platform.host()]) in (1, 2)


def test_records_are_values() -> None:
    check = Healthcheck(test=["CMD", "true"], interval=1.5)
    assert check == copy.deepcopy(check) == pickle.loads(pickle.dumps(check))
    assert Credential(username="a") == Credential(username="a")


# Hypothesis

names = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=10)
tags = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
digests = st.none() | st.binary(max_size=4).map(vmkit.base.digest_of)


@given(st.lists(names, min_size=1, max_size=4), tags, digests, st.booleans())
def test_references(parts: list[str], tag: str | None, digest: str | None, port: bool) -> None:
    registry = "registry.example" + (":5000" if port else "")
    text = "/".join([registry, *parts])
    text += f":{tag}" if tag else ""
    text += f"@{digest}" if digest else ""
    reference = vmkit.Reference(text)
    assert (reference.registry, reference.repository) == (registry, "/".join(parts))
    assert reference.tag == (tag if tag or digest else "latest")
    assert reference.digest == digest
    again = vmkit.Reference(str(reference))
    assert again == reference and hash(again) == hash(reference)
    assert pickle.loads(pickle.dumps(reference)) == reference
    assert reference.with_tag("other").tag == "other"
    assert vmkit.Reference(reference.familiar) == reference


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_an_error(text: str) -> None:
    reference = vmkit.Reference.try_parse(text)
    if reference is None:
        with pytest.raises(vmkit.InvalidArgumentError):
            vmkit.Reference(text)
    else:
        assert vmkit.Reference(str(reference)) == reference


def test_reference_without_a_tag() -> None:
    plain = vmkit.Reference("ghcr.io/a/b", defaults=ReferenceDefaults(tag=""))
    assert plain.tag is None
    # On its way through the library nothing is added.
    assert plain.familiar == "ghcr.io/a/b"
    assert vmkit.Reference("debian").registry_host == "registry-1.docker.io"


paths = st.text(string.ascii_letters, min_size=1, max_size=8).map(Path)
configs = st.builds(
    MachineConfig,
    name=names,
    cpu_count=st.integers(1, 64),
    memory=st.integers(1, 4096).map(lambda count: count * vmkit.MiB),
    boot=st.builds(
        KernelBoot, image=st.none() | paths, initrd=st.none() | paths, command_line=names
    ),
    disks=st.lists(
        st.builds(Disk, path=paths, read_only=st.booleans(), sync=st.sampled_from(DiskSync)),
        max_size=3,
    ),
    shares=st.lists(st.builds(Share, tag=names, path=paths), max_size=2),
    ports=st.lists(st.builds(Port, name=names), max_size=2),
    networks=st.lists(st.builds(Network, mtu=st.integers(0, 9000)), max_size=2),
    balloon=st.booleans(),
    boot_watchdog=st.none() | st.integers(0, 10**6).map(lambda count: count / 1000),
)


@given(configs)
def test_configurations(config: MachineConfig) -> None:
    assert parse_machine_config(to_json(config)) == config
    for problem in validate(config):
        assert problem.field and problem.message


def test_validate_tells_all_problems() -> None:
    fields = {problem.field for problem in validate(MachineConfig(cpu_count=0, memory=1))}
    assert {"cpu_count", "memory"} <= fields
