"""Why work waits as `status -o json` gives it to programs; what nobody reported is none."""

from __future__ import annotations

import msgspec

from raytui.core.remedy import as_command, as_commands
from raytui.core.units import rfc3339_or_none
from raytui.core.waiting import sentences
from raytui.core.waiting.values import Demand, Holder, More, Offer, Waiting


def waiting_document(waiting: Waiting) -> dict[str, object]:
    """One demand: what it asks for, what there is, and what would let it run."""
    return {
        **_demand(waiting.demand),
        "class": waiting.kind,
        "because": waiting.because or None,
        "message": sentences.message(waiting),
        "hint": as_commands(sentences.hint(waiting)),
        "since": rfc3339_or_none(waiting.since),
        "largest_free": _offer(waiting.largest_free) if waiting.largest_free is not None else None,
        "largest": [_offer(offer) for offer in waiting.largest],
        "holders": [_holder(holder) for holder in waiting.holders],
        "awaits": list(waiting.awaits),
        "groups": list(waiting.groups),
        "scale": [_more(more) for more in waiting.scale],
        "scale_later": [_more(more) for more in waiting.later],
    }


def _demand(demand: Demand) -> dict[str, object]:
    return {
        "what": demand.what,
        "name": demand.name or None,
        "count": demand.count,
        "ids": list(demand.ids),
        "jobs": list(demand.jobs),
        "strategy": demand.strategy or None,
        "parts": [msgspec.to_builtins(part) for part in demand.parts] or None,
    }


def _offer(offer: Offer) -> dict[str, object]:
    document: dict[str, object] = {"node": offer.node, "kind": offer.kind or None, "amounts": dict(offer.amounts)}
    return {**document, "of": dict(offer.of)} if offer.of else document


def _holder(holder: Holder) -> dict[str, object]:
    return {**msgspec.structs.asdict(holder), "job_id": holder.job_id or None, "since": rfc3339_or_none(holder.since)}


def _more(more: More) -> dict[str, object]:
    return {**msgspec.structs.asdict(more), "command": as_command(more.remedy)}
