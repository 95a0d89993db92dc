"""The operator's networks against the built-in tables; the tables themselves are in `test_nothing_leaves`."""

import pytest

from jobs.network.addresses import AddressRules

PUBLIC = "93.184.216.34"


def test_an_allowed_network_is_reached_although_it_is_private() -> None:
    rules = AddressRules(allow=("10.1.0.0/16", "fd00::/8"))
    assert rules.refusal("10.1.2.3") is None
    assert rules.refusal("fd00::1") is None
    assert rules.refusal(PUBLIC) is None
    assert rules.refusal("10.2.0.1") == "10.2.0.1 is private (RFC 1918)"


@pytest.mark.parametrize(
    "address", ["::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::"]
)
def test_an_allowed_ipv4_network_does_not_allow_its_disguises(address: str) -> None:
    assert AddressRules(allow=("127.0.0.0/8",)).refusal(address) is not None


def test_a_refused_network_is_not_reached_although_it_is_public() -> None:
    rules = AddressRules(refuse=("93.184.216.0/24",))
    assert rules.refusal(PUBLIC) == "93.184.216.34 is refused by the settings"
    assert rules.refusal("93.184.217.1") is None


def test_allowing_beats_refusing() -> None:
    assert AddressRules(allow=(PUBLIC,), refuse=("93.184.216.0/24",)).refusal(PUBLIC) is None


def test_a_private_name_reaches_allowed_networks_and_nothing_else() -> None:
    rules = AddressRules(allow=("10.0.0.0/8",))
    assert rules.refusal("10.0.0.1", private_name=True) is None
    assert rules.refusal(PUBLIC, private_name=True) is not None
    assert rules.refusal("192.168.0.1", private_name=True) is not None


def test_a_zone_is_refused_even_on_an_allowed_network() -> None:
    assert (
        AddressRules(allow=("fe80::/10",)).refusal("fe80::1%eth0") == "fe80::1%eth0 is bound to an interface"
    )
