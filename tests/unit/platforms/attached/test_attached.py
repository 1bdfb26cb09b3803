"""Ray's nodes in the place of applications, and a token that goes only where Ray asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from raytui.core.errors import NotFound, RefusedForSafety, Unreachable
from raytui.core.observed.snapshot import Node, NodeState
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.platforms.attached import AttachedPlatform, applications_of
from raytui.platforms.attached.nodes import MOST_DEAD

ADDRESS = "http://127.0.0.1:8265"


def node(number: int, state: NodeState = "ALIVE", **more: object) -> Node:
    plain: dict[str, object] = {
        "node_id": f"{number:08x}" + "0" * 48,
        "name": "10.0.0.1",
        "ip": "10.0.0.1",
        "started_at": float(number),
    }
    return Node(**{**plain, "state": state, **more})  # type: ignore[arg-type]


def names(*nodes: Node) -> list[str]:
    return [app.short for app in applications_of("mine", nodes)]


def test_the_head_comes_first_and_nodes_that_share_an_address_are_told_apart_by_id():
    found = applications_of("mine", (node(1), node(2, is_head=True), node(3)))
    assert [(app.short, app.role, app.state) for app in found] == [
        ("head", "head", "running"),
        ("node-00000001", "worker", "running"),
        ("node-00000003", "worker", "running"),
    ]


def test_a_name_that_somebody_gave_is_kept_unless_it_is_not_one_of_its_kind():
    assert names(
        node(1, name="gpu-1"), node(2, name="twin"), node(3, name="twin"), node(4, name="job"), node(5, name="a/b")
    ) == [
        "gpu-1",
        "node-00000002",
        "node-00000003",
        "node-00000004",
        "node-00000005",
    ]


def test_the_head_that_lives_is_the_head_whoever_was_it_before():
    assert names(node(1, "DEAD", is_head=True, ended_at=5.0), node(6, is_head=True)) == ["head", "node-00000001"]


def test_where_ray_does_not_say_who_the_head_is_no_node_is_called_so():
    assert [app.role for app in applications_of("mine", (node(1), node(2)))] == ["worker", "worker"]


def test_dead_nodes_are_rows_up_to_a_bound_the_last_first():
    many = [node(n, "DEAD", ended_at=float(n)) for n in range(1, MOST_DEAD + 50)]
    found = applications_of("mine", (node(9999), *many))
    assert len(found) == MOST_DEAD + 1
    assert [app.short for app in found[:2]] == ["node-0000270f", f"node-{MOST_DEAD + 49:08x}"]
    assert found[1].state == "stopped"


def test_one_pass_over_many_nodes_keeps_every_one_of_them():
    assert len(set(names(*(node(n) for n in range(5000))))) == 5000


class Ray:
    """What the dashboard says of tokens, and how often it was asked."""

    def __init__(self, mode: str | None) -> None:
        self.mode = mode
        self.asked = 0

    async def __call__(self, target: DashboardTarget) -> str | None:
        assert not target.headers
        assert not target.ray_headers
        self.asked += 1
        return self.mode


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


async def target(ray: Ray) -> DashboardTarget:
    platform = AttachedPlatform(ADDRESS, ray)
    return await platform.dashboard((await platform.list("mine"))[0])


async def test_without_a_token_ray_is_not_even_asked_whether_it_wants_one():
    ray = Ray("token")
    assert await target(ray) == DashboardTarget(ADDRESS, given=True)
    assert ray.asked == 0


@pytest.mark.parametrize("mode", ["disabled", None, "something new"])
async def test_a_token_stays_here_where_ray_does_not_ask_for_it(monkeypatch, mode):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "t0ken")
    ray = Ray(mode)
    assert await target(ray) == DashboardTarget(ADDRESS, given=True)
    assert ray.asked == 1


async def test_the_token_is_looked_for_where_rays_own_tools_look(home, monkeypatch):
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").write_text("of-home\n")
    found = await target(Ray("token"))
    assert (found.ray_headers, found.token_file) == (
        {"Authorization": "Bearer of-home"},
        str(home / ".ray" / "auth_token"),
    )
    (home / "named").write_text("of-file")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "~/named")
    found = await target(Ray("token"))
    assert (found.ray_headers, found.token_file) == ({"Authorization": "Bearer of-file"}, str(home / "named"))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "given")
    found = await target(Ray("token"))
    assert (found.ray_headers, found.token_file) == ({"Authorization": "Bearer given"}, "")


@pytest.mark.parametrize("text", [None, b"", b"two\nlines", b"\xff\xfe"])
async def test_a_token_that_cannot_be_used_is_named_where_it_is_needed(home, monkeypatch, text):
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "token"))
    if text is not None:
        (home / "token").write_bytes(text)
    with pytest.raises(Unreachable, match="RAY_AUTH_TOKEN_PATH") as caught:
        await target(Ray("token"))
    assert caught.value.failure.layer == "login"
    assert (await target(Ray("disabled"))).ray_headers == {}


async def test_whatever_would_change_a_node_is_refused_and_nothing_is_kept():
    platform = AttachedPlatform(ADDRESS, Ray(None))
    (head,) = await platform.list("mine")
    for change in (platform.stop, platform.restart, platform.delete):
        with pytest.raises(RefusedForSafety, match="only watches"):
            await change(head)
    with pytest.raises(NotFound):
        await platform.store.tail(head)
    with pytest.raises(NotFound):
        await platform.store.read_file("x")
