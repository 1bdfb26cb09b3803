"""Kinds of GPU by the names that people use."""

from __future__ import annotations

import pytest

from raytui.core.errors import Problem
from raytui.platforms.cai.site.accelerators import Label, find, parse

KEY = "nvidia.com/gpu.product"
A10G = Label("1", KEY, "NVIDIA-A10G")
A100 = (Label("2", KEY, "NVIDIA-A100-SXM4-40GB"), Label("3", KEY, "NVIDIA-A100-SXM4-80GB"))
GONE = Label("4", KEY, "Tesla-V100", is_offered=False)
ALL = (A10G, *A100, GONE)


@pytest.mark.parametrize(
    ("name", "identity"),
    [("A10G", "1"), ("nvidia-a10g", "1"), (f"{KEY}=NVIDIA-A10G", "1"), ("A100-SXM4-80GB", "3"), ("80GB", "3")],
)
def test_an_accelerator_is_found_as_people_call_it(name: str, identity: str) -> None:
    found = find(name, ALL)
    assert isinstance(found, Label)
    assert found.id == identity


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("H100", "has no accelerator H100"),
        ("A10", "has no accelerator A10"),
        ("A100", "has several accelerators A100"),
        ("V100", "does not offer the accelerator Tesla-V100 now"),
    ],
)
def test_what_names_none_or_several_is_one_sentence_with_what_there_is(name: str, reported: str) -> None:
    found = find(name, ALL, "groups.gpu.accelerator")
    assert isinstance(found, Problem)
    assert (reported in found.message, found.field) == (True, "groups.gpu.accelerator")
    assert "NVIDIA-A100-SXM4-40GB" in str(found.hint)


def test_a_workbench_without_labels_says_so() -> None:
    found = find("A10G", ())
    assert isinstance(found, Problem)
    assert found.hint == "it has: none at all"


def test_rows_of_the_listing_become_labels() -> None:
    rows = [
        {"id": "1", "label_key": KEY, "label_value": "NVIDIA-A10G", "availability": True},
        {"label_value": "without an id"},
        {"id": 7, "availability": False},
    ]
    assert parse(rows) == (A10G, Label("7", "", "", is_offered=False))
