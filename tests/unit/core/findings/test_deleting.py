"""What Serve deletes for long needs attention, dated by when it was first seen so."""

from __future__ import annotations

import msgspec

from raytui.core.observed.workload import ServeDeployment
from raytui.view.picture import advance, picture_of
from tests.unit.core.values import NOW, snapshot

GOING = (ServeDeployment("app", "DELETING", "d", "UPDATING"), ServeDeployment("app", "DELETING", "e", "UPDATING"))


def later(picture, seconds, **more):
    return advance(picture, msgspec.structs.replace(snapshot(**more), observed_at=NOW + seconds))


def found(picture):
    return [(c.subject, c.severity, c.since) for c in picture.assessment.conditions if c.reason == "ServeDeleting"]


def test_what_serve_deletes_needs_attention_after_five_minutes_since_it_was_first_seen():
    picture = picture_of(snapshot(serve=GOING))
    assert found(picture) == []
    picture = later(picture, 290, serve=GOING)
    assert found(picture) == []
    picture = later(picture, 301, serve=GOING)
    assert found(picture) == [("serve/app", "warning", NOW)]
    assert picture.assessment.verdict == "ok"


def test_what_was_deleted_and_comes_again_is_dated_anew():
    picture = later(picture_of(snapshot(serve=GOING)), 100, serve=())
    assert found(later(later(picture, 200, serve=GOING), 301, serve=GOING)) == []
