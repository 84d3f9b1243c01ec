"""A study beside our solution: what is found, matched, measured and held to."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from grid_fed_rl.analytics.study import (
    Deviation,
    StudyComparison,
    Tolerances,
    compare_study,
)
from grid_fed_rl.analytics.study_plot import study_figure, study_picture
from grid_fed_rl.analytics.study_report import comparison_json, comparison_page, write_comparison
from grid_fed_rl.analytics.study_rows import ColumnMap, StudyRow, read_columns, read_study
from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import load
from grid_fed_rl.powerflow import Network, PowerFlow, compile_network, measures, nominal_setpoint
from grid_fed_rl.powerflow import solve as solve_flow

PHASES = (1, 2, 3)


@pytest.fixture(scope="module")
def solved() -> tuple[Network, PowerFlow]:
    network = compile_network(load("ieee13"))
    return network, solve_flow(network, nominal_setpoint(network))


def own_rows(network: Network, flow: PowerFlow) -> list[StudyRow]:
    """Our own solution as a study: a bus a row, then a line a row."""

    def three(values: dict[int, float]) -> tuple[float, float, float]:
        return values.get(1, math.nan), values.get(2, math.nan), values.get(3, math.nan)

    rows = []
    for bus in network.feeder.buses:
        v = {
            p: complex(flow.v_pu[0, network.node_index[f"{bus}.{p}"]])
            for p in PHASES
            if f"{bus}.{p}" in network.node_index
        }
        rows.append(
            StudyRow(
                bus,
                1,
                three({p: abs(x) for p, x in v.items()}),
                three({p: float(np.angle(x, deg=True)) for p, x in v.items()}),
            )
        )
    flows = measures.branch_flows(network, flow)
    share = measures.loading(network, flow)
    percent = dict(zip(share.elements, 100.0 * share.share[0], strict=True))
    for name in network.feeder.lines:
        at = {
            flows.conductors.phases[k]: complex(flows.current_a[0, k])
            for k in flows.indices(f"line.{name}", end=1)
        }
        rows.append(
            StudyRow(
                name.upper(),
                1,
                current_a=three({p: abs(x) for p, x in at.items()}),
                current_angle_deg=three({p: float(np.angle(x, deg=True)) for p, x in at.items()}),
                loading_percent=float(percent.get(f"line.{name}", math.nan)),
            )
        )
    return rows


def test_our_own_solution_as_a_study_is_within_any_tolerance(solved):
    network, flow = solved
    tight = Tolerances(1e-12, 1e-9, 1e-9, 1e-9, 1e-9, 1e-9)
    found = compare_study(network, flow, own_rows(network, flow), tolerances=tight)
    assert found.within
    assert not found.unmatched
    assert {q.name for q in found.quantities()} >= {"v_pu", "angle_deg", "current_a"}
    assert all(q.rmse < 1e-10 for q in found.quantities())


def test_rmse_and_the_largest_and_where(solved):
    network, flow = solved
    v = [abs(flow.v_pu[0, network.node_index[f"671.{p}"]]) for p in PHASES]
    rows = [StudyRow("671", 1, (v[0] - 0.003, v[1], v[2] + 0.004))]
    found = compare_study(network, flow, rows)
    (quantity,) = found.quantities()
    assert quantity.rmse == pytest.approx(math.sqrt((0.003**2 + 0.004**2) / 3))
    assert quantity.largest.deviation == pytest.approx(-0.004)
    assert (quantity.largest.id, quantity.largest.phase) == ("671", "C")
    assert not found.within
    assert found.worst(1)[0].share == pytest.approx(2.0)


def test_angles_are_compared_the_shorter_way_round():
    one = Deviation("angle_deg", "x", "x", "A", 179.9, -179.9, 0.0)
    assert one.deviation == pytest.approx(0.2)
    assert Deviation("v_pu", "x", "x", "A", 200.0, -200.0, 0.0).deviation == -400.0


def test_currents_are_held_to_the_larger_of_both_tolerances():
    held = Tolerances(current_a=0.5, current_percent=1.0)
    assert held.of("current_a", 10.0) == 0.5
    assert held.of("current_a", 200.0) == 2.0


def test_ids_are_found_by_alias_by_number_and_whatever_their_case(solved):
    network, flow = solved
    v = abs(flow.v_pu[0, network.node_index["671.1"]])
    row = (v, math.nan, math.nan)
    rows = [StudyRow("LOAD671", 1, row), StudyRow("650632", 2, row), StudyRow("nowhere", 3, row)]
    found = compare_study(network, flow, rows, aliases={"load671": "671"})
    assert found.unmatched == ("nowhere",)
    by_id = {d.id: d for d in found.deviations}
    assert by_id["LOAD671"].deviation == pytest.approx(0.0, abs=1e-12)
    assert by_id["650632"].bus == "632"  # of a branch the far end counts


def test_nothing_compared_is_not_within(solved):
    network, flow = solved
    found = compare_study(network, flow, [StudyRow("nowhere", 1, (1.0, 1.0, 1.0))])
    assert not found.within
    assert found.quantities() == []


STUDY = "EqId;VpuA;VpuB;VpuC;IA\n671;1,0\n"


def test_cells_columns_and_delimiters(tmp_path: Path):
    path = tmp_path / "s.csv"
    path.write_text("eqid;VpuA;VpuB;LOADING\n671;0.99;-;55\n\n675; ;1.02;\n", encoding="utf-8-sig")
    first, second = read_study(path)
    assert (first.id, first.v_pu[0], first.loading_percent, first.line) == ("671", 0.99, 55.0, 2)
    assert math.isnan(first.v_pu[1])
    assert (second.id, second.v_pu[1]) == ("675", 1.02)
    assert math.isnan(second.loading_percent)


def test_a_column_map_says_other_names(tmp_path: Path):
    (tmp_path / "map.toml").write_text('id = "Bus"\nv_pu = ["Va", "Vb", "Vc"]\n')
    columns = read_columns(tmp_path / "map.toml")
    assert columns == ColumnMap(id="Bus", v_pu=("Va", "Vb", "Vc"))
    path = tmp_path / "s.csv"
    path.write_text("Bus,Va\n671,0.99\n")
    assert read_study(path, columns)[0].v_pu[0] == 0.99


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Bus,VpuA\n671,1\n", "columns are Bus, VpuA; expected EqId and any of VpuA"),
        ("EqId,x\n671,1\n", "columns are EqId, x; expected EqId and any of"),
        ("", "columns are none; expected EqId"),
        ("EqId,VpuA\n671,1\n675,high\n", "s.csv line 3: column 'VpuA' is 'high'; expected a"),
    ],
)
def test_a_study_that_is_none_is_refused(tmp_path: Path, text: str, message: str):
    path = tmp_path / "s.csv"
    path.write_text(text)
    with pytest.raises(FeederError, match=message):
        read_study(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('v_pu = ["Va", "Vb"]\n', "v_pu is .*; expected three names, of phases A, B and C"),
        ("id = 3\n", "id is 3; expected a name"),
        ('volts = "V"\n', "unknown entry 'volts'; expected angle_deg, current_a"),
        ("id = [", "not valid TOML"),
    ],
)
def test_a_column_map_that_is_none_is_refused(tmp_path: Path, text: str, message: str):
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(FeederError, match=message):
        read_columns(tmp_path / "map.toml")


@pytest.fixture(scope="module")
def off(solved) -> StudyComparison:
    network, flow = solved
    rows = own_rows(network, flow)
    k = next(k for k, row in enumerate(rows) if row.id == "675")
    a, b, c = rows[k].v_pu
    rows[k] = StudyRow("675", 1, (a + 0.01, b, c))
    return compare_study(network, flow, [*rows, StudyRow("<nowhere>", 9)], study="<study>.csv")


def test_json_holds_every_figure(off: StudyComparison):
    value = json.loads(comparison_json(off))
    assert value["within"] is False
    assert len(value["deviations"]) == len(off.deviations)
    assert value["quantities"]["v_pu"]["largest"] == pytest.approx(-0.01)
    assert value["quantities"]["v_pu"]["at"] == "675"
    assert len(value["worst"]) == 10
    assert value["unmatched"] == ["<nowhere>"]


def test_the_page_says_where_it_is_worst_and_fetches_nothing(off: StudyComparison):
    page = comparison_page(off, b"\x89PNG")
    assert "Not within the tolerances" in page
    assert "data:image/png;base64," in page
    assert "&lt;study&gt;.csv" in page
    assert "<nowhere>" not in page
    assert "http" not in page
    assert page.index("675") < page.index("Tolerances")


def test_the_picture_has_both_profiles(off: StudyComparison, solved):
    network, flow = solved
    above, below = study_figure(network, flow, off).axes
    rings = sum(np.size(line.get_xdata()) for line in above.lines)
    v_figures = [d for d in off.deviations if d.quantity == "v_pu"]
    assert rings == len(v_figures)  # of every figure of the study a ring
    low, high = below.get_ylim()
    assert low < -0.01 < 0.002 < high
    assert above.collections  # and our own as lines


def test_files_are_written_together(off: StudyComparison, solved, tmp_path: Path):
    network, flow = solved
    files = write_comparison(off, tmp_path / "out", study_picture(network, flow, off))
    assert [f.name for f in files] == ["comparison.json", "comparison.html", "profiles.png"]
    assert (tmp_path / "out" / "profiles.png").read_bytes()[:4] == b"\x89PNG"
