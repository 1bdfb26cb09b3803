"""Drawing without a screen: each function turns a core value into lines, and lines are what a person reads."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytui.config.keys import TOGETHER
from raytui.core.conditions import assess
from raytui.core.errors import Failure, OperationFailed
from raytui.core.events import StepEvent
from raytui.core.observed.kept import reuse
from raytui.core.observed.snapshot import UNREAD, Gpu, Job, LauncherReport, Reading
from raytui.core.plan import plan_restart, plan_scale, plan_start, plan_stop
from raytui.core.remedy import Remedy
from raytui.core.spec import ClusterSpec
from raytui.tui.glyphs import to_ascii
from raytui.tui.keys import KEYS, bar, verb_keys, written
from raytui.tui.operation import Notice, begin, end, report
from raytui.tui.render import nodes
from raytui.tui.render.attention import attention_lines, event_lines, with_keys
from raytui.tui.render.columns import MARGIN, Column, arrange, head_line, row_line
from raytui.tui.render.log_line import log_line
from raytui.tui.render.nodes import COLUMNS, NodeRows
from raytui.tui.render.spec_form import differences, only_count_differs, spec_of, texts_of
from raytui.tui.render.steps import plan_lines, plan_question, step_lines
from raytui.tui.render.tables import spark
from raytui.tui.render.text import cells, crop, fit, line_cells, moment, spread, wrap
from raytui.tui.render.verdict import Names, Times, header
from raytui.tui.screens.leave import consequence
from raytui.tui.theme import DARK, LIGHT, role_styles
from raytui.tui.widgets.key_bar import bar_line
from raytui.view.amounts import running_time
from raytui.view.picture import SAMPLES, advance, is_equal
from raytui.view.tables.kind import Column as TableColumn
from raytui.view.words import needs_ascii
from tests.tui.conftest import absent, application, healthy, node, with_dead_worker
from tests.tui.fakes import SPEC
from tests.unit.core.values import NOW, snapshot

NAMES = Names("ray-cluster", "local", "local")


def text(line):
    return "".join(part for part, _ in line)


def rows_of(shown):
    rows = NodeRows()
    rows.show(shown)
    return rows


def texts(lines):
    return "\n".join(text(line) for line in lines)


def picture(*snapshots):
    shown = None
    for one in snapshots:
        shown = advance(shown, one)
    return shown


# text


@given(st.text(max_size=60), st.integers(1, 40), st.booleans())
def test_fitted_text_has_exactly_its_width(words, width, right):
    clean_words = "".join(char for char in words if char.isprintable())
    assert cells(fit(clean_words, width, right=right)) == width


@given(st.lists(st.sampled_from(["a", "word", "宽宽", "x" * 50]), max_size=20), st.integers(8, 40))
def test_wrapped_text_stays_inside_and_loses_nothing_but_blanks(words, width):
    lines = wrap(" ".join(words), width, limit=10_000)
    assert all(cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(words)


@given(st.lists(st.text("ab宽", max_size=12), max_size=6), st.integers(1, 40))
def test_cropped_lines_stay_inside(parts, width):
    assert line_cells(crop(tuple((part, "") for part in parts), width)) <= width


def test_wrapping_ends_with_a_mark_at_its_limit():
    assert wrap("one two three four five six", 9, limit=2)[-1].endswith("…")
    assert wrap("one two threefour five six", 9, limit=1) == ["one two…"]


def test_spread_puts_two_parts_at_the_edges():
    assert text(spread((("left", ""),), (("right", ""),), 20)) == "left           right"


def test_an_old_moment_carries_its_day():
    assert moment(NOW, NOW + 5) == "14:13:20"
    assert moment(NOW, NOW + 90_000) == "21 Sep 14:13"


# verdict


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_header_is_never_wider_than_the_screen(width):
    for shown in (None, picture(healthy()), picture(with_dead_worker()), picture(absent())):
        for line in header(shown, Times(NOW, NOW + 1), width, NAMES):
            assert line_cells(line) <= width


def test_a_profile_that_is_not_its_platform_is_named():
    first, _ = header(picture(healthy()), Times(NOW, NOW), 80, Names("ray-cluster", "cai", "prod"))
    assert "prod (cai)" in text(first)


def test_the_chain_ends_at_the_broken_link():
    refused = Failure("dashboard", "ConnectionRefused", "nothing listens at 10.0.0.5:8265", conclusive=True)
    _, second = header(picture(broken(refused)), Times(NOW, NOW), 100, NAMES)
    assert text(second) == " platform ─ applications ─ network ─ login ─ ✗ dashboard  nothing listens at 10.0.0.5:8265"


def test_the_header_counts_by_the_worse_witness():
    lost = LauncherReport(state="failed", node_id="n1" * 8, message="the raylet is gone", at=NOW - 1)
    first, _ = header(
        picture(snapshot((application(0), application(1, launcher=lost), application(2)), (node(0), node(1), node(2)))),
        Times(NOW, NOW), 80, NAMES,
    )  # fmt: skip
    assert "2/3 nodes" in text(first)


def unexposed(*applications):
    hidden = Failure("network", "DashboardNotExposed", "the dashboard is not exposed")
    unasked = dict.fromkeys(("nodes", "version", "gcs", "usage", "jobs"), Reading())
    return msgspec.structs.replace(snapshot(applications), **unasked, dashboard=hidden)


def test_links_that_nobody_looked_at_are_not_drawn_as_answering_or_broken():
    reported = LauncherReport(state="alive", node_id="n0" * 8, at=NOW - 5)
    first, second = header(picture(unexposed(application(0, launcher=reported))), Times(NOW, NOW), 100, NAMES)
    assert "● OK" in text(first)
    assert "1/1 nodes" in text(first)
    assert text(second).startswith(" platform ─ applications ")
    assert text(second).endswith("network, login, dashboard, gcs not looked at ")


def test_an_unread_report_is_said_in_its_row_and_in_the_count():
    reported = LauncherReport(state="alive", node_id="n0" * 8, at=NOW - 5)
    seen = picture(unexposed(application(0, launcher=reported), application(1, launcher=UNREAD)))
    assert rows_of(seen).select()[1].cells[2] == ("unread", "warn")
    assert "1/2 nodes, 1 unknown" in text(header(seen, Times(NOW, NOW), 80, NAMES)[0])


def test_figures_that_could_not_be_read_are_said_where_they_would_stand():
    failed = Failure("dashboard", "TooLarge", "the answer is over 64 MB")
    bare = node(0, cpu_percent=None, memory_used=None, object_store_used=None, disk_used=None, sampled_at=0.0)
    rows = rows_of(picture(snapshot((application(0),), (bare,), figures=failed)))
    assert rows.select()[0].tail == ("figures could not be read", "warn")


def broken(failure):
    return snapshot((application(0), application(1)), failure, version=failure, gcs=failure)


def test_a_start_is_not_drawn_as_a_fault():
    starting = snapshot((application(0, "starting", started_at=0.0, created_at=NOW - 5, launcher=None),), ())
    first, second = header(picture(starting), Times(NOW, NOW), 80, NAMES)
    assert first[1] == ("○ DOWN", "accent")
    assert "the head is starting" in text(second)


# rows


def test_a_filter_asks_again_only_of_rows_that_changed(monkeypatch):
    asked = []
    monkeypatch.setattr(nodes, "test_of", lambda *_: lambda row: asked.append(row[0].text) or True)
    before = healthy()
    hotter = (node(0), node(1, cpu_percent=99.0), node(2))
    after = msgspec.structs.replace(before, nodes=Reading(reuse(before.nodes.value, hotter), at=NOW))
    rows, shown = NodeRows(), picture(before)
    for seen in (shown, advance(shown, after)):
        rows.show(seen)
        assert len(rows.select("name", "head")) == 3
    assert asked == ["head", "worker-1", "worker-2", "worker-1"]
    rows.select("name", "another")
    assert len(asked) == 7


def test_a_row_has_both_truths_and_figures_with_units():
    rows = rows_of(picture(healthy()))
    line = text(row_line(rows.select()[1], arrange(rows.columns, 80), cursor=True))
    assert line.startswith(" ▸ worker-1")
    assert line.split() == [
        "▸",
        "worker-1",
        "running",
        "alive",
        "▇",
        "88",
        "%",
        "41.0",
        "/",
        "64",
        "GB",
        "9.1",
        "GB",
        "2h14",
    ]


def test_a_healthy_row_is_plain():
    roles = {role for row in rows_of(picture(healthy())).select() for _, role in row.cells[:5]}
    assert roles == {""}


def test_gpus_are_shown_per_device_and_only_when_there_are_any():
    gpus = (Gpu(0, utilization=54), Gpu(1, utilization=3))
    rows = rows_of(picture(snapshot((application(0),), (node(0, gpus=gpus),))))
    shown = arrange(rows.columns, 80)
    assert "GPU" in text(head_line(shown))
    assert "54 3 %" in text(row_line(rows.select()[0], shown))
    assert "GPU" not in text(head_line(arrange(rows_of(picture(healthy())).columns, 300)))


@pytest.mark.parametrize(
    ("state", "launcher", "word"),
    [
        ("starting", None, "none"),
        ("running", None, "absent"),
        ("running", LauncherReport(state="waiting", message="waiting for the head"), "waiting"),
        ("stopped", None, "none"),
    ],
)
def test_an_application_without_a_node_says_where_it_stands(state, launcher, word):
    rows = rows_of(picture(snapshot((application(0), application(1, state, launcher=launcher)), (node(0),))))
    assert rows.select()[1].cells[2][0] == word


def test_a_failed_application_shows_its_reason_in_place_of_figures():
    rows = rows_of(
        picture(snapshot((application(0), application(1, "failed", message="engine\nexit 137")), (node(0),)))
    )
    assert rows.select()[1].tail == ("engine exit 137", "error")


def test_a_node_that_nobody_here_manages_has_its_row():
    rows = rows_of(picture(snapshot((application(0),), (node(0), node(7, name="by-hand")))))
    assert rows.select()[-1].cells[0][0] == "by-hand"
    assert rows.select()[-1].cells[1] == ("not ours", "warn")


def test_only_rows_that_are_looked_at_are_made(monkeypatch):
    made = []
    original = nodes.Line
    monkeypatch.setattr(nodes, "Line", lambda item, *given: made.append(item) or original(item, *given))
    shown = rows_of(picture(healthy(50)))
    rows = shown.select()
    assert (len(rows), rows.key_at(7), rows.place("worker-9"), made) == (51, "worker-7", 9, [])
    assert [row.key for row in rows[3:5]] == ["worker-3", "worker-4"]
    assert len(made) == 2


def test_a_search_makes_again_only_what_changed(monkeypatch):
    made, named = [], []
    original = TableColumn.without_role

    def read(column, place, seen):
        made.extend([place.application.short] if column.id == "cpu" else [])
        named.extend([place.application.short] if column.id == "name" else [])
        return original(column, place, seen)

    monkeypatch.setattr(TableColumn, "without_role", read)
    first = advance(None, healthy())
    shown = rows_of(first)
    shown.select(text="running")
    assert made == ["head", "worker-1", "worker-2"]
    old = first.snapshot.nodes.value
    new = (old[0], node(1, cpu_percent=5.0, sampled_at=NOW), old[2])
    shown.show(advance(first, msgspec.structs.replace(first.snapshot, nodes=Reading(new))))
    found = shown.select(text="running")
    assert made[3:] == ["worker-1"]
    assert len(named) == 3, "a name is of the application, which did not change"
    assert [row.key for row in found] == ["head", "worker-1", "worker-2"]
    assert "5 %" in found[1].cells[3][0]


@pytest.mark.parametrize("width", range(10, 240, 7))
def test_columns_fit_whatever_the_width(width):
    rows = rows_of(picture(with_dead_worker()))
    shown = arrange(rows.columns, width)
    least = (
        MARGIN
        + sum(shown.columns[n].width for n, _ in shown.shown if shown.columns[n].rank == 0)
        + len(shown.shown)
        - 1
    )
    for line in (head_line(shown), *(row_line(row, shown) for row in rows.select())):
        assert line_cells(line) <= max(width, least)


def test_wider_screens_gain_columns():
    rows = rows_of(picture(healthy()))
    narrow, wide = arrange(rows.columns, 80), arrange(rows.columns, 160)
    assert {COLUMNS[n].id for n, _ in wide.shown} - {COLUMNS[n].id for n, _ in narrow.shown} == {
        "disk",
        "ip",
        "version",
    }


def test_columns_give_way_by_rank():
    columns = (Column("a", "A", 5), Column("b", "B", 5, rank=2), Column("c", "C", 5, rank=1))
    assert [columns[n].id for n, _ in arrange(columns, MARGIN + 11).shown] == ["a", "c"]


def test_orders_and_filter():
    rows = rows_of(picture(with_dead_worker()))
    assert [row.key for row in rows.select("worst")] == ["worker-2", "head", "worker-1"]
    assert rows.select("cpu").key_at(0) == "worker-1"
    assert [row.key for row in rows.select(text="dead")] == ["worker-2"]
    assert [row.key for row in rows.select()] == ["head", "worker-1", "worker-2"]


def test_rows_are_ordered_by_values_not_by_how_they_read():
    sizes = {0: 999_000_000, 1: 12_000_000_000, 2: 9_500_000_000}
    nodes = tuple(node(n, memory_used=used, memory_total=64_000_000_000) for n, used in sizes.items())
    rows = rows_of(picture(snapshot(tuple(application(n) for n in range(3)), nodes)))
    assert [row.key for row in rows.select("memory")] == ["worker-1", "worker-2", "head"]


def test_a_filter_of_the_console_is_that_of_the_commands():
    rows = rows_of(picture(healthy()))
    assert [row.key for row in rows.select(text="cpu>80")] == ["worker-1"]
    assert [row.key for row in rows.select(text="name=head")] == ["head"]
    assert not rows.select(text='"half typed')


def test_bars_and_running_times():
    assert spark([0, 50, 100, 250, -3]) == "▁▅██▁"
    assert [running_time(seconds) for seconds in (5, 240, 8040, 266_400)] == ["0m", "4m", "2h14", "3d02"]


# attention and events


def test_a_condition_says_what_on_which_thing_since_when_and_what_to_do():
    lines = attention_lines(picture(with_dead_worker()), None, 79, verb_keys())
    assert text(lines[0]).startswith(" ✗ worker-2  Ray lists the node as dead")
    assert text(lines[1]).strip() == "since 14:13:06"
    assert "l shows its last lines, r runs it again" in texts(lines)
    assert all(line_cells(line) <= 79 for line in lines)


def test_what_ray_said_at_length_takes_two_lines_so_that_what_to_do_is_seen():
    killed = (
        "JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE: Unexpected error occurred: 3 worker(s) were killed due to the node "
        "running low on memory. Memory on the node (IP: 192.0.2.2, ID: 9c1ab8b2b7cf4baae8aecdd650f14d7292544e168e643c1"
        "2864672b2) was 10.29GB used / 23.54GB limit (0.437059) " + "and more " * 40
    )
    job = Job("etl-2", "FAILED", message=killed, ended_at=NOW - 5, type="SUBMISSION")
    lines = attention_lines(picture(healthy(jobs=(job,))), None, 79, verb_keys())
    quote = [n for n, line in enumerate(lines) if "Ray: " in text(line)]
    assert len(quote) == 1
    assert text(lines[quote[0] + 1]).endswith("…")
    assert text(lines[quote[0] + 2]).strip().startswith("give the node more memory")


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        (
            (Remedy("logs", "worker-1", "shows its last lines"), Remedy("restart", "worker-1", "runs it again")),
            "on its row: l shows its last lines, r runs it again",
        ),
        (Remedy("start", "", "creates it"), "s creates it"),
        (Remedy("scale", "N", "adds workers"), "+ adds workers"),
        (Remedy("doctor", "", "lists those of the workbench"), "raytui doctor lists those of the workbench"),
    ],
)
def test_hints_name_keys_where_there_are_any(hint, shown):
    assert with_keys(hint, verb_keys(), "worker-1") == shown


def test_the_consoles_own_word_comes_first():
    lines = attention_lines(
        picture(with_dead_worker()), Notice("warning", "start was not begun", "wait"), 79, verb_keys()
    )
    assert text(lines[0]).strip() == "▲ start was not begun"
    assert text(lines[1]).strip() == "wait"


def test_events_are_newest_first():
    later = with_dead_worker(observed_at=NOW + 4)
    lines = event_lines(picture(healthy(), later), 79)
    assert any("node n2n2n2n2 is DEAD" in text(line) for line in lines)
    assert all(line_cells(line) <= 79 for line in lines)


# pictures


def test_an_equal_snapshot_gives_an_equal_picture():
    before = picture(healthy())
    assert is_equal(before, advance(before, healthy(observed_at=NOW + 2)))
    assert not is_equal(before, advance(before, with_dead_worker()))
    assert not is_equal(None, before)


def test_conditions_keep_the_moment_they_were_first_seen():
    from raytui.core.observed.snapshot import Usage

    starved = healthy(usage=Usage(pending=("{'CPU': 8}",)))
    later = msgspec.structs.replace(starved, observed_at=NOW + 50, jobs=msgspec.structs.replace(starved.jobs, value=()))
    assert advance(picture(starved), later).assessment.conditions[0].since == NOW


def test_samples_are_bounded_and_only_new_ones_count():
    shown = None
    for n in range(40):
        at = NOW + n // 2
        shown = advance(shown, snapshot((application(0),), (node(0, cpu_percent=float(n), sampled_at=at),)))
    (past,) = shown.samples.values()
    assert len(past) == SAMPLES
    assert [at for at, _ in past] == sorted({at for at, _ in past})


# steps and plans


def test_steps_show_their_state_time_and_message():
    apps = ()
    operation = begin(plan_start(SPEC, apps), NOW)
    operation = report(operation, StepEvent("launchers written", "done", 0.04), NOW)
    operation = report(operation, StepEvent("head application created", "running", 0.0, "head"), NOW + 1)
    lines = texts(step_lines(operation, NOW + 3, 80, verb_keys()))
    assert "▸ Starting ray-cluster: 1 head, 2 workers" in lines
    assert "00:03" in lines
    assert "✓ launchers written              0.0 s" in lines
    assert "… head application created         2 s  head" in lines


def test_an_ended_operation_keeps_what_matters():
    operation = begin(plan_start(SPEC, ()), NOW)
    assert len(step_lines(end(operation, None, NOW + 61), NOW + 99, 80, verb_keys())) == 1
    assert "01:01" in texts(step_lines(end(operation, None, NOW + 61), NOW + 99, 80, verb_keys()))
    failed = texts(
        step_lines(
            end(operation, OperationFailed("it broke", hint=Remedy("logs", "head", "shows its output")), NOW + 5),
            NOW + 99,
            80,
            verb_keys(),
        )
    )
    assert "✗ Starting" in failed
    assert "it broke" in failed
    assert "l shows its output" in failed


def test_a_step_that_no_plan_named_is_added():
    operation = report(begin(plan_start(SPEC, ()), NOW), StepEvent("undone", "undone", 0.2, "head"), NOW)
    assert "undone" in texts(step_lines(operation, NOW, 80, verb_keys()))


def test_a_plan_names_everything_it_ends_and_creates():
    apps = healthy().applications.value
    stop = texts(plan_lines(plan_stop(SPEC, apps), 70, verb_keys()))
    assert stop.startswith("Ends\n")
    assert all(app.short in stop for app in apps)
    assert "running since" in stop
    scale = texts(plan_lines(plan_scale(SPEC, apps, 3), 70, verb_keys()))
    assert "Creates" in scale
    assert "worker-3     1 CPU  2 GB" in scale
    restart = texts(plan_lines(plan_restart(SPEC, apps, "head"), 70, verb_keys()))
    assert "Ends and runs again" in restart
    assert "running jobs end with the head" in restart


def test_questions_name_verb_and_target():
    apps = healthy().applications.value
    assert plan_question(plan_restart(SPEC, apps, "worker-1")) == "Restart worker-1 of ray-cluster?"
    assert plan_question(plan_scale(SPEC, apps, 0)) == "Scale ray-cluster to 0 workers?"


def test_leaving_says_what_becomes_of_the_operation():
    assert "removed again" in consequence(plan_start(SPEC, ()))
    assert "not begun" in consequence(plan_stop(SPEC, healthy().applications.value))


# log lines


@pytest.mark.parametrize(
    ("written_line", "shown", "role"),
    [
        (
            "[2026-11-24 17:02:11,123 E 12 34] (raylet) raylet.cc:88: SIGKILL",
            "17:02:11 E raylet.cc:88  SIGKILL",
            "error",
        ),
        (
            "[2026-11-24 17:02:10,123 I 12 34] (raylet) node_manager.cc:512: ok",
            "17:02:10 I node_manager.cc:512  ok",
            "",
        ),
        ("2026-11-24 08:00:00,123 WARNING services.py:10 -- low shm", "08:00:00 W services.py:10  low shm", ""),
        ("2026-11-24 08:00:00,123\tINFO scripts.py:10 -- hi", "08:00:00 I scripts.py:10  hi", ""),
        (
            "2026-11-24 09:32:16,406 ERR scripts.py:128 -- the raylet ended",
            "09:32:16 E scripts.py:128  the raylet ended",
            "error",
        ),
        ("ValueError: no", "ValueError: no", "error"),
        ("anything else", "anything else", ""),
        ("\x1b[31mred\x1b[0m", "red", ""),
    ],
)
def test_log_lines_are_short_and_plain(written_line, shown, role):
    line = log_line(written_line)
    assert text(line) == shown
    assert line[-1][1] == role


@given(st.text(max_size=300))
def test_no_log_line_can_act_on_the_terminal(line):
    assert not set(text(log_line(line))) & {chr(n) for n in (*range(9), *range(11, 32), 127, *range(0x80, 0xA0))}


# the form


def test_what_is_shown_is_what_is_read_back():
    spec, problems = spec_of(texts_of(SPEC, "local"), SPEC, "local")
    assert not problems
    assert spec.resolved("local") == SPEC.resolved("local")


@given(
    st.dictionaries(
        st.sampled_from(["name", "ray_port", "head.cpu", "workers.count", "workers.memory", "workers.gpus"]),
        st.text(max_size=12),
    )
)
def test_whatever_is_typed_gives_a_spec_and_problems_by_field(typed):
    spec, problems = spec_of({**texts_of(SPEC, "local"), **typed}, SPEC, "local")
    assert isinstance(spec, ClusterSpec)
    assert all(problem.field and problem.message for problem in problems)


def test_differences_are_by_field():
    other = SPEC.with_workers(5)
    assert differences(other, SPEC, "local") == {"workers.count": "2"}
    assert only_count_differs(other, SPEC, "local")
    assert differences(other, None, "local") == {}


# keys, theme and glyphs


def test_every_key_has_its_own_id_and_a_sentence():
    assert len({key.id for key in KEYS}) == len(KEYS)
    assert all(len(key.tooltip) > 10 and key.tooltip[0].isupper() for key in KEYS)


def test_no_key_means_two_things_in_one_place():
    for where, together in TOGETHER.items():
        names = [name for key in KEYS if together.intersection(key.where) for name in key.keys.split(",")]
        assert len(names) == len(set(names)), where


def test_the_bar_fits_80_columns_and_never_loses_help():
    line = bar_line(bar("table"), 80)
    assert line_cells(line) <= 81
    assert "/ filter" in text(line)
    for width in (10, 30, 50, 80):
        assert text(bar_line(bar("logs"), width)).strip().endswith("? help")
    assert written("start") == "s"


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_every_role_has_a_style_in_both_themes(theme):
    styles = role_styles({**theme.to_color_system().generate(), **theme.variables})
    assert styles["error"].bold
    assert styles["error"].color != styles[""].color


@pytest.mark.parametrize(("role", "number"), [("ok", 10), ("warn", 11), ("error", 9), ("title", 12)])
def test_states_keep_their_colour_with_16_colours(role, number):
    from rich.color import ColorSystem

    styles = role_styles({**DARK.to_color_system().generate(), **DARK.variables})
    assert styles[role].color.downgrade(ColorSystem.STANDARD).number == number


def test_every_glyph_has_one_ascii_character():
    assert to_ascii("● ▲ ✗ ✓ ▸ ─ … · ▁▂▃▄▅▆▇█") == "* ! x + > - ~ - __--==##"
    assert to_ascii("宽") == "??"
    assert needs_ascii("ascii")
    assert needs_ascii("latin-1")
    assert not needs_ascii("UTF-8")


def test_the_judgement_is_not_the_consoles_own():
    shown = picture(with_dead_worker())
    assert shown.assessment.verdict == assess(with_dead_worker()).verdict
