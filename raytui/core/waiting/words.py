"""Amounts of resources and what asks for them, in words."""

from __future__ import annotations

from raytui.core.observed.merge import countable
from raytui.core.observed.needs import Part
from raytui.core.spec import GIGABYTE


def quantity(name: str, value: float) -> str:
    """An amount of a resource for people, without its name."""
    if name in {"memory", "object_store_memory"}:
        return f"{value / GIGABYTE:.1f} GB" if value >= GIGABYTE / 10 else f"{value:.0f} B"
    return f"{value:.15g}"


def amount(name: str, value: float) -> str:
    """The same with its name: `GPU 4`."""
    return f"{name} {quantity(name, value)}"


def node(name: str) -> str:
    """The node that one of Ray's resources stands for."""
    address = name.removeprefix("node:")
    return "the head" if address == "__internal_head__" else f"the node at {address}"


def need(part: Part) -> str:
    """What one part asks for, as people read it."""
    needs = [amount(name, value) for name, value in part.needs.items() if countable(name) and value > 0]
    nodes = [f" on {node(name)}" for name in part.needs if name.startswith("node:")]
    return (", ".join(needs) or "a place") + "".join(nodes)
