"""The panes of the running console: what is shown, what stays in its place, and what is not painted again."""

from __future__ import annotations

import threading

import pytest
from rich.style import Style

from raytui.core.errors import ConfigurationError, Failure
from raytui.platforms.attached import applications_of
from raytui.tui.panes.pane import BIG
from raytui.tui.panes.verdict import VerdictBar
from raytui.tui.render import nodes
from raytui.tui.widgets.lines import LineView
from raytui.tui.widgets.rule import PaneRule
from raytui.tui.widgets.table import RowTable
from tests.tui.conftest import absent, application, healthy, node, run_console, with_dead_worker
from tests.tui.fakes import FakeSession, FakeSettings
from tests.unit.core.values import NOW, snapshot


async def test_a_healthy_cluster_is_calm():
    async def body(console):
        await console.show(healthy())
        text = console.screen()
        assert " ● OK  ray-cluster · local · running" in text
        assert "3/3 nodes   data 1 s old" in text
        assert "all answering" in text
        assert "Nothing needs attention" in text
        assert "2h14" in text

    await run_console(body)


async def test_the_first_frame_of_all_names_the_cluster(monkeypatch):
    painted, render_line = [], VerdictBar.render_line

    def recorded(bar, y):
        strip = render_line(bar, y)
        painted.append(strip.text)
        return strip

    monkeypatch.setattr(VerdictBar, "render_line", recorded)

    async def body(_):
        assert "UNKNOWN  ray-cluster" in painted[0]
        assert "looking for the cluster" in painted[1]

    await run_console(body)


async def test_a_dead_node_shows_both_truths_and_what_to_do():
    async def body(console):
        await console.show(healthy())
        await console.show(with_dead_worker())
        text = console.screen()
        assert "▲ DEGRADED" in text
        row = next(line for line in text.splitlines() if line.startswith("   worker-2"))
        assert "running" in row
        assert "DEAD" in row
        assert "was  40 %" in row
        assert "Needs attention (1)" in text
        assert "l shows its last lines, r runs it again" in text

    await run_console(body)


async def test_an_absent_cluster_teaches_the_key_that_starts_it():
    async def body(console):
        await console.show(absent())
        text = console.screen()
        assert "○ DOWN" in text
        assert "no application of this cluster exists; s starts it" in text
        bar = text.splitlines()[-1]
        assert "s start" in bar
        assert "stop" not in bar
        assert "restart" not in bar

    await run_console(body)


@pytest.mark.parametrize("width", [24, 40, 80])
async def test_the_sentence_of_an_absent_cluster_is_whole_at_any_width(width):
    async def body(console):
        await console.show(absent())
        assert "no application of this cluster exists; s starts it" in " ".join(console.screen().split())

    await run_console(body, size=(width, 24))


async def test_the_cursor_keeps_its_row_when_rows_come_and_go():
    async def body(console):
        await console.show(healthy(3))
        await console.press("down", "down")
        table = console.app.screen.query_one("#node-table", RowTable)
        assert table.cursor == "worker-2"
        fewer = snapshot((application(0), application(2), application(3)), (node(0), node(2), node(3)))
        await console.show(fewer)
        assert table.cursor == "worker-2"
        assert " ▸ worker-2" in console.screen()

    await run_console(body)


async def test_an_equal_snapshot_paints_nothing_but_the_age(monkeypatch):
    async def body(console):
        await console.show(healthy())
        painted = []

        def counting(original):
            def render_line(self, y):
                painted.append((self.id or type(self).__name__, y))
                return original(self, y)

            return render_line

        for kind in (LineView, RowTable, PaneRule):
            monkeypatch.setattr(kind, "render_line", counting(kind.render_line))
        console.clock.now += 4
        await console.show(healthy(observed_at=NOW + 2))
        console.cluster._tick()
        await console.pilot.pause()
        assert {where for where, _ in painted} <= {"verdict"}
        assert {y for _, y in painted} <= {0}

    await run_console(body)


async def test_a_changed_figure_paints_its_row_only(monkeypatch):
    async def body(console):
        await console.show(healthy())
        painted = []
        original = RowTable.render_line

        def render_line(self, y):
            painted.append(y)
            return original(self, y)

        monkeypatch.setattr(RowTable, "render_line", render_line)
        await console.show(
            snapshot(
                tuple(application(n) for n in range(3)), (node(0), node(1, cpu_percent=20.0, sampled_at=NOW), node(2))
            )
        )
        assert painted == [2]

    await run_console(body)


async def test_old_evidence_turns_the_verdict_to_unknown_and_says_since_when():
    async def body(console):
        await console.show(healthy())
        console.clock.now = NOW + 95
        console.cluster._tick()
        await console.pilot.pause()
        text = console.screen()
        assert "? UNKNOWN  ray-cluster · local · was running" in text
        assert "blind since 14:13:20" in text
        assert "was running, alive" in text
        assert "● OK" not in text

    await run_console(body)


async def test_rows_last_seen_stay_when_the_platform_does_not_answer():
    async def body(console):
        await console.show(healthy())
        silent = Failure("platform", "NoAnswer", "the platform did not list applications within 30 s", "try again")
        await console.show(snapshot(silent, (), observed_at=NOW + 40))
        console.clock.now = NOW + 41
        console.cluster._tick()
        await console.pilot.pause()
        text = console.screen()
        assert "? UNKNOWN" in text
        assert "blind since 14:13:20" in text
        assert "✗ platform" in text
        assert "worker-2" in text
        assert "was running, alive" in text

    await run_console(body)


async def test_what_cannot_be_opened_says_which_setting_is_missing():
    session = FakeSession()

    def refuse():
        raise ConfigurationError("the API key is missing", hint="set CML_API_KEY, or api_key_file in the profile")

    async def body(console):
        await console.until(lambda: console.cluster.trouble, "the reason")
        text = console.screen()
        assert "the API key is missing" in text
        assert "set CML_API_KEY, or api_key_file in the profile" in text
        await console.press("s")
        await console.until(lambda: "was not begun" in console.screen(), "the refusal")

    from raytui.tui.app import RaytuiApp
    from tests.tui.conftest import Clock, Console

    app = RaytuiApp(session.settings, refuse, clock=Clock(NOW), ascii_only=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await body(Console(session, Clock(NOW), app, pilot))


async def test_an_unforeseen_fault_of_the_watch_is_told_and_survived():
    async def body(console):
        await console.show(healthy())
        console.session.monitor.put(ValueError("odd"))
        await console.until(lambda: "ValueError: odd" in console.screen(), "the fault to be reported")
        assert "● OK" in console.screen()

    await run_console(body)


async def test_the_filter_narrows_rows_while_typing_and_escape_brings_them_back():
    async def body(console):
        await console.show(healthy())
        await console.press("slash")
        await console.until(
            lambda: console.app.focused is not None and console.app.focused.parent.id == "prompt", "the prompt"
        )
        await console.press(*"worker-1")
        table = console.app.screen.query_one("#node-table", RowTable)
        assert [row.key for row in table.rows] == ["worker-1"]
        await console.press("escape")
        assert len(table.rows) == 3
        assert console.app.focused is table

    await run_console(body)


async def test_a_key_is_answered_while_thousands_of_rows_are_filtered(monkeypatch):
    begun, go_on, test_of = threading.Event(), threading.Event(), nodes.test_of

    def slow(*given):
        begun.set()
        assert go_on.wait(60)
        return test_of(*given)

    monkeypatch.setattr(nodes, "test_of", slow)

    async def body(console):
        await console.show(healthy(BIG))
        table, pane = console.app.screen.query_one("#node-table", RowTable), console.app.cluster.body.nodes
        try:
            pane.filter("worker-1")
            await console.until(begun.is_set, "the filter to be at work")
            before = table.rows
            await console.press("down")
            assert table.cursor == "worker-1"
            assert table.rows is before
            # What is typed meanwhile is what is shown, though the thread of before ends later or sooner.
            pane.filter("worker-12")
        finally:
            go_on.set()
        await console.until(lambda: table.rows is not before, "the filtered rows")
        expected = [f"worker-{n}" for n in range(1, BIG + 1) if f"worker-{n}".startswith("worker-12")]
        assert [row.key for row in table.rows] == expected
        assert table.cursor in expected
        pane.filter("")
        assert len(table.rows) == BIG + 1

    await run_console(body)


async def test_the_order_changes_on_request_only():
    async def body(console):
        await console.show(healthy())
        table = console.app.screen.query_one("#node-table", RowTable)
        assert [row.key for row in table.rows] == ["head", "worker-1", "worker-2"]
        await console.press("o", "o")
        assert [row.key for row in table.rows] == ["worker-1", "worker-2", "head"]
        assert "by cpu" in console.screen()

    await run_console(body)


async def test_wide_screens_have_capacity_and_events_in_their_own_place_and_the_form_in_a_drawer():
    async def body(console):
        await console.show(healthy())
        await console.show(with_dead_worker())
        await console.until(lambda: "Capacity" in console.screen(), "the capacity")
        attention = next(line for line in console.screen().splitlines() if "Needs attention" in line)
        assert attention.index("Needs attention") < attention.index("Capacity")
        assert "61 %  44.1 / 72 GB" in console.screen()
        assert "✗ ray worker-2  node n2n2n" in console.screen()
        assert "Cluster configuration" not in console.screen()
        await console.press("e")
        await console.until(lambda: "Cluster configuration" in console.screen(), "the configuration")
        first = console.screen().splitlines()[3]
        assert first.index("Cluster configuration") < first.index("Applications")
        await console.press("escape")
        await console.until(lambda: "Cluster configuration" not in console.screen(), "the form to close")

    await run_console(body, size=(120, 40))


async def test_read_only_hides_what_it_refuses():
    async def body(console):
        await console.show(healthy())
        bar = console.screen().splitlines()[-1]
        assert "start" not in bar
        assert "stop" not in bar
        assert "l logs" in bar

    await run_console(body, FakeSession(FakeSettings(read_only=True)))


async def test_a_watched_cluster_shows_rays_nodes_and_nothing_that_would_change_them():
    def seen(*nodes, **more):
        return snapshot(applications_of("10.0.0.1:8265", nodes), nodes, platform="attached", **more)

    async def body(console):
        await console.show(seen(node(0), node(1), node(2, "DEAD", reason="UNEXPECTED_TERMINATION", ended_at=NOW - 60)))
        text = console.screen()
        assert "2 nodes alive, 1 dead" in text
        assert "PLATFORM" not in text
        assert "platform, applications not looked at" in text
        assert "Nodes ──" in text
        assert (
            next(line for line in text.splitlines() if line.startswith("   ray-cluster-worker-2")).split()[1] == "DEAD"
        )
        assert [key for key in ("start", "stop", "scale", "restart", "config") if key in text.splitlines()[-1]] == []
        await console.pilot.press("e")
        assert "raytui only watches this cluster" in console.screen()
        failure = Failure("dashboard", "ConnectionRefused", "nothing listens there", "check the tunnel")
        await console.show(snapshot(failure, failure, version=failure, gcs=failure, platform="attached"))
        text = console.screen()
        assert "? UNKNOWN" in text
        assert "platform" not in text.splitlines()[1]
        assert next(line for line in text.splitlines() if "ray-cluster-worker-1" in line).split()[-2:] == [
            "was",
            "alive",
        ]

    await run_console(body, FakeSession(FakeSettings(platform="attached", read_only=True)))


async def test_ascii_terminals_get_ascii_only():
    async def body(console):
        await console.show(with_dead_worker())
        segments = [segment for strip in console.app.screen._compositor.render_strips() for segment in strip]
        filtered = console.app.get_line_filters()[-1].apply(segments, console.app.screen.background_colors[0])
        text = "".join(segment.text for segment in filtered)
        assert text.isascii()
        assert "! DEGRADED" in text

    await run_console(body, ascii_only=True)


@pytest.mark.parametrize("width", [20, 40, 60, 300])
async def test_any_width_is_drawn(width):
    async def body(console):
        await console.show(with_dead_worker())
        assert "DEGRADED" in console.screen()

    await run_console(body, size=(width, 12))


async def test_a_long_table_leaves_room_for_the_other_panes():
    async def body(console):
        await console.show(healthy(40))
        text = console.screen()
        assert "Applications (41)" in text
        assert "Nothing needs attention" in text
        assert "head is up" in text
        await console.press("end")
        assert " ▸ worker-40" in console.screen()
        await console.press("home")
        assert " ▸ head" in console.screen()

    await run_console(body)


async def test_a_dashboard_that_does_not_answer_leaves_the_platforms_truth():
    refused = Failure("dashboard", "ConnectionRefused", "nothing listens at 10.0.0.5:8265", conclusive=True)

    async def body(console):
        await console.show(
            snapshot((application(0), application(1, launcher=None)), refused, version=refused, gcs=refused)
        )
        row = next(line for line in console.screen().splitlines() if line.startswith("   worker-1"))
        assert row.split()[:3] == ["worker-1", "running", "unknown"]
        assert "its node cannot be asked" in row

    await run_console(body)


def test_no_line_of_a_pane_holds_a_control_sequence() -> None:
    class Plain(LineView):
        look = (Style(), {"": Style(), "error": Style()})

    strip = Plain().strip_of((("gone\x1b]0;owned\x07 \x1b[2J", ""), ("\x9b2J\u202egpj.exe", "error")), 40)
    assert strip.text.rstrip() == "gone 2Jgpj.exe"
