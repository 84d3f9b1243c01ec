"""Every kind of element, read from a script and written again, is solved to the same voltages."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from grid_fed_rl.feeders.opendss import commands, read_opendss, write_opendss

SAME = 1e-8  # of the node's voltage

Write = Callable[[str], Path]

ELEMENTS = {
    # loads
    **{f"load_model_{m}": f"new load.x bus1=c kv=12.47 kw=600 kvar=200 model={m} vminpu=0.7"
       for m in (1, 2, 3, 5, 6, 7)},
    "load_cvr": "new load.x bus1=c kv=12.47 kw=600 pf=0.9 model=4 cvrwatts=0.8 cvrvars=3",
    "load_zip": "new load.x bus1=c kv=12.47 kw=600 pf=0.9 model=8 zipv=[.3 .3 .4 .2 .3 .5 .4]",
    "load_kva": "new load.x bus1=c kv=12.47 kva=500 pf=-0.9 vminpu=0.9 vmaxpu=1.1 vlowpu=0.3",
    "load_transformer": "new load.x bus1=c kv=12.47 xfkva=500 pf=0.9 allocationfactor=0.6",
    "load_one_phase": "new load.x bus1=c.2 phases=1 kv=7.2 kw=200 kvar=50",
    "load_two_phases": "new load.x bus1=c.3.1 phases=2 kv=12.47 kw=200 kvar=50",
    "load_between": "new load.x bus1=c.3.1 phases=1 conn=delta kv=12.47 kw=200 kvar=50",
    "load_between_wye": "new load.x bus1=c.3.1 phases=1 kv=12.47 kw=200 kvar=50",
    "load_to_ground_delta": "new load.x bus1=c.2 phases=1 conn=delta kv=7.2 kw=200 kvar=50",
    "load_delta": "new load.x bus1=c.2.3.1 conn=delta kv=12.47 kw=600 kvar=150 model=5",
    "load_open_delta": "new load.x bus1=c.1.2.3 phases=2 conn=delta kv=12.47 kw=300 kvar=90",
    "load_neutral": "new load.x bus1=c.1.2.3.4 kv=12.47 kw=600 kvar=90\n"
                    "new load.y bus1=c.1.4 phases=1 kv=7.2 kw=90 kvar=9\n"
                    "new reactor.g phases=1 bus1=c.4 bus2=c.0 r=5 x=2",
    "load_multiplier": "set loadmult=0.7\nnew load.x bus1=c kv=12.47 kw=600 status=fixed",
    # lines
    "line_units": "".join(
        f"new linecode.c{u} nphases=3 units={u} r1=0.1 x1=0.3 r0=0.3 x0=0.9 c1=9 c0=4\n"
        f"new line.l{u} bus1=c bus2=d{u} linecode=c{u} length=0.4 units={v}\n"
        f"new load.l{u} bus1=d{u} kv=12.47 kw=100\n"
        for u, v in (("mi", "kft"), ("kft", "mi"), ("km", "km"), ("m", "ft"), ("ft", "m"),
                     ("none", "km"), ("cm", "in"))
    ),
    "line_without_unit": "new line.x bus1=c bus2=d r1=0.2 x1=0.5 r0=0.6 x0=1.5 c1=10 c0=5",
    "line_matrix": "new line.x bus1=c bus2=d length=3 units=kft rmatrix=[1|.1 1|.1 .1 1] "
                   "xmatrix=[2|.5 2|.4 .5 2] cmatrix=[5|-1 5|-1 -1 5]",
    "line_one_phase": "new line.x phases=1 bus1=c.3 bus2=d.3 length=2 units=km r1=1 x1=1 c1=3\n"
                      "new load.x bus1=d.3 phases=1 kv=7.2 kw=90",
    "line_of_another_code": "new line.x bus1=c bus2=d linecode=oh length=1 units=mi r1=9 x1=9",
    "line_geometry": "new wiredata.w runits=mi rac=.306 gmrunits=ft gmrac=.0244 radunits=in "
                     "diam=.721 normamps=530\n"
                     "new linegeometry.g nconds=4 nphases=3 reduce=yes\n"
                     "~ cond=1 wire=w units=ft x=-4 h=28\n~ cond=2 wire=w units=ft x=-1.5 h=28\n"
                     "~ cond=3 wire=w units=ft x=3 h=28\n~ cond=4 wire=w units=ft x=0 h=24\n"
                     "new line.x bus1=c bus2=d geometry=g length=2000 units=ft\n"
                     "new line.y bus1=d bus2=e geometry=g length=731 units=m",
    "line_spacing": "new wiredata.w runits=mi rac=.306 gmrunits=ft gmrac=.0244 radunits=in "
                    "diam=.721 normamps=530\n"
                    "new linespacing.s nconds=4 nphases=3 units=ft x=[-4 -1.5 3 0] "
                    "h=[28 28 28 24]\n"
                    "new line.x bus1=c bus2=d spacing=s wires=[w w w w] length=2000 units=ft",
    "line_with_neutral": "new linecode.n nphases=4 units=km "
                         "rmatrix=[.4|.1 .4|.1 .1 .4|.1 .1 .1 .9] "
                         "xmatrix=[1|.4 1|.4 .4 1|.4 .4 .4 1.2] "
                         "cmatrix=[9|-1 9|-1 -1 9|-1 -1 -1 9]\n"
                         "new line.x phases=4 bus1=c.1.2.3.4 bus2=d.1.2.3.4 linecode=n length=2 "
                         "units=km\nnew reactor.g phases=1 bus1=c.4 bus2=c.0 r=5 x=0\n"
                         "new load.x bus1=d.1.4 phases=1 kv=7.2 kw=200",
    # switches
    "switch": "new line.x bus1=c bus2=d switch=yes\nnew line.y bus1=c bus2=e switch=yes r1=1e-4 "
              "r0=1e-4 x1=0 x0=0 c1=0 c0=0",
    "switch_open": "new line.x bus1=c bus2=d linecode=oh length=1 units=km\nopen line.x 1 0\n"
                   "open line.x 2 0",
    "devices": "".join(
        f"new line.{d} bus1=c bus2={d} linecode=oh length=20 units=m\n"
        f"new {d}.{d} {how}\nnew load.{d} bus1={d} kv=12.47 kw=10\n"
        for d, how in (("fuse", "monitoredobj=line.fuse ratedcurrent=65"),
                       ("recloser", "monitoredobj=line.recloser phasetrip=9999"),
                       ("relay", "monitoredobj=line.relay phasetrip=9999"),
                       ("swtcontrol", "switchedobj=line.swtcontrol switchedterm=1"))
    ),
    # transformers
    **{f"transformer_{one}_{two}": f"new transformer.x phases=3 windings=2 buses=[c d] "
       f"conns=[{one} {two}] kvs=[12.47 4.16] kvas=[1500 1400] %rs=[.5 .7] xhl=6\n"
       f"new load.x bus1=d conn=delta kv=4.16 kw=500 kvar=200 vminpu=.8\n"
        "new capacitor.g bus1=d kv=4.16 kvar=30"
       for one in ("wye", "delta") for two in ("wye", "delta")},
    "transformer_euro": "new transformer.x windings=2 buses=[c d] conns=[delta wye] leadlag=euro "
                        "kvs=[12.47 .48] kvas=[500 500] xhl=5 taps=[1.025 .975] %loadloss=1.1 "
                        "%noloadloss=.3 %imag=1.2 ppm_antifloat=3\nnew load.x bus1=d kv=.48 kw=300",
    "transformer_neutral": "new transformer.x windings=2 buses=[c d.1.2.3.4] conns=[delta wye] "
                           "kvs=[12.47 4.16] kvas=[500 500] xhl=5 wdg=2 rneut=3 xneut=1\n"
                           "new load.x bus1=d.1.4 phases=1 kv=2.4 kw=90",
    "transformer_centre_tap": "new xfmrcode.ct phases=1 windings=3 kvs=[7.2 .12 .12] "
                              "kvas=[50 50 50] %rs=[.6 1.2 1.2] xhl=2.04 xht=2.04 xlt=1.36 "
                              "%noloadloss=.2 %imag=.5\n"
                              "new transformer.x xfmrcode=ct buses=[c.2 d.1.0 d.0.2]\n"
                              "new load.x bus1=d.1.2 phases=2 kv=.208 kw=20 kvar=6\n"
                              "new load.y bus1=d.1 phases=1 kv=.12 kw=5",
    "transformer_three": "new transformer.x windings=3 buses=[c d e] conns=[wye wye delta] "
                         "kvs=[12.47 4.16 .48] kvas=[1500 1000 500] %rs=[.4 .5 .6] "
                         "xscarray=[6 9 4]\nnew load.x bus1=d kv=4.16 kw=400\n"
                         "new load.y bus1=e conn=delta kv=.48 kw=200",
    "transformer_four": "new transformer.x phases=1 windings=4 buses=[c.1.2 d.1 e.1 f.1] "
                        "conns=[delta wye wye wye] kvs=[12.47 2.4 .277 .12] "
                        "kvas=[300 100 100 100] xscarray=[5 6 7 4 5 3]\n"
                        "new load.x bus1=f.1 phases=1 kv=.12 kw=20",
    "transformer_open_delta": "new transformer.x phases=2 windings=2 buses=[c.1.2.0 d.1.2.3] "
                              "conns=[wye delta] kvs=[12.47 .48] kvas=[200 200] xhl=4\n"
                              "new load.x bus1=d conn=delta kv=.48 kw=60 kvar=20\n"
        "new capacitor.g bus1=d kv=.48 kvar=9",
    # regulators
    "regulator": "new transformer.x phases=1 windings=2 buses=[c.1 d.1] kvs=[7.2 7.2] "
                 "kvas=[2000 2000] xhl=1\n"
                 "new regcontrol.x transformer=x winding=2 vreg=123 band=2 ptratio=60 ctprim=300 "
                 "r=3 x=5 delay=30 tapdelay=4 maxtapchange=1 vlimit=130\n"
                 "new load.x bus1=d.1 phases=1 kv=7.2 kw=300",
    "regulator_on_winding_1": "new transformer.x phases=1 windings=2 buses=[c.1 d.1] "
                              "kvs=[7.2 7.2] kvas=[2000 2000] xhl=1 wdg=1 tap=0.98125\n"
                              "new regcontrol.x transformer=x winding=1 vreg=118 ptratio=60",
    "regulator_remote": "new transformer.x buses=[c d] kvs=[12.47 12.47] kvas=[5000 5000] xhl=1\n"
                        "new line.x bus1=d bus2=e linecode=oh length=3 units=mi\n"
                        "new load.x bus1=e kv=12.47 kw=1500 kvar=500\n"
                        "new regcontrol.x transformer=x winding=2 bus=e.2 vreg=122 ptratio=60",
    "regulator_of_24_steps": "new transformer.x buses=[c d] kvs=[12.47 12.47] kvas=[5000 5000] "
                             "xhl=1 wdg=2 maxtap=1.15 mintap=.85 numtaps=24 tap=1.025\n"
                             "new regcontrol.x transformer=x winding=2 vreg=125 ptratio=60\n"
                             "new load.x bus1=d kv=12.47 kw=900",
    # capacitors
    "capacitor_steps": "new capacitor.x bus1=c kv=12.47 numsteps=3 kvar=[200 200 200] "
                       "states=[1 1 0]",
    "capacitor_delta": "new capacitor.x bus1=c conn=delta kv=12.47 kvar=450",
    "capacitor_one_phase": "new capacitor.x phases=1 bus1=c.2 kv=7.2 kvar=100",
    "capacitor_between": "new capacitor.x phases=1 bus1=c.2 bus2=c.3 kv=12.47 kvar=100",
    "capacitor_neutral": "new capacitor.x bus1=c bus2=c.4.4.4 kv=12.47 kvar=300\n"
                         "new reactor.g phases=1 bus1=c.4 bus2=c.0 r=1 x=10",
    "capacitor_microfarad": "new capacitor.x bus1=c kv=12.47 cuf=5",
    "capacitor_open": "new capacitor.x bus1=c kv=12.47 kvar=300\nopen capacitor.x 1",
    **{f"capacitor_control_{kind}": f"new capacitor.x bus1=c kv=12.47 kvar=600\n"
       f"new capcontrol.x capacitor=x element=line.bc terminal=2 type={kind} ptratio=60 "
       f"ctratio=80 {setting} delay=7 delayoff=8 deadtime=90 {more}"
       for kind, setting, more in (
           ("voltage", "onsetting=119 offsetting=126", "ptphase=2"),
           ("kvar", "onsetting=200 offsetting=-200", "voltoverride=yes vmin=112 vmax=128"),
           ("current", "onsetting=.3 offsetting=.1", "ctphase=3"),
           ("time", "onsetting=8 offsetting=20", ""),
           ("pf", "onsetting=.95 offsetting=-.98", ""))},
    # reactors
    "reactor_series": "new reactor.x bus1=c bus2=d r=.1 x=2\nnew load.x bus1=d kv=12.47 kw=300",
    "reactor_shunt": "new reactor.x bus1=c kv=12.47 kvar=300 r=2",
    "reactor_delta": "new reactor.x bus1=c conn=delta kv=12.47 kvar=300",
    "reactor_neutral": "new reactor.x bus1=c bus2=c.4.4.4 r=1 x=500\n"
                       "new reactor.y phases=1 bus1=c.4 bus2=c.0 r=3 x=4",
    "reactor_parallel": "new reactor.x bus1=c r=900 x=700 parallel=yes",
    "reactor_between": "new reactor.x phases=1 bus1=c.1 bus2=c.3 r=9 x=700",
    # DER
    "pv": "new pvsystem.x bus1=c kv=12.47 kva=500 pmpp=450 irradiance=.8 kvar=90",
    "pv_pf": "new pvsystem.x phases=1 bus1=c.2 kv=7.2 kva=500 pmpp=450 irradiance=.8 pf=-.95",
    "pv_delta": "new pvsystem.x bus1=c conn=delta kv=12.47 kva=500 pmpp=450 vminpu=.7 vmaxpu=1.3",
    "storage_charging": "new storage.x bus1=c kv=12.47 kva=300 kwrated=250 kwhrated=900 "
                        "%stored=40 state=charging %charge=60 kvar=40 %reserve=15 %idlingkw=0 "
                        "%effcharge=91 %effdischarge=93",
    "storage_discharging": "new storage.x phases=1 bus1=c.1 kv=7.2 kwrated=250 kwhrated=900 "
                           "state=discharging %discharge=70 %idlingkw=0",
    "generator": "new generator.x bus1=c kv=12.47 kva=600 kw=400 kvar=-70 vminpu=.8\n"
                 "new generator.y phases=1 bus1=c.3 kv=7.2 kw=100 pf=.9",
    **{f"inverter_control_{name}": "new xycurve.v npts=4 xarray=[.92 .98 1.02 1.08] "
       "yarray=[.44 0 0 -.44]\nnew xycurve.w npts=2 xarray=[1 1.1] yarray=[1 .2]\n"
       "new pvsystem.x bus1=c kv=12.47 kva=3000 pmpp=2900 irradiance=1 kvarmax=3000\n"
       f"new invcontrol.x derlist=[pvsystem.x] {how} refreactivepower=varmax"
       for name, how in (("voltvar", "mode=voltvar vvc_curve1=v"),
                         ("voltwatt", "mode=voltwatt voltwatt_curve=w"),
                         ("both", "combimode=vv_vw vvc_curve1=v voltwatt_curve=w"))},
}  # fmt: skip


def agree(ours: dict[str, complex], theirs: dict[str, complex]) -> None:
    assert ours.keys() == theirs.keys()
    scale = max(map(abs, theirs.values()))
    for node, v in theirs.items():
        # A node that floats, or is dead, has no voltage to take a share of.
        assert abs(ours[node] - v) < SAME * max(abs(v), 1e-3 * scale), node


@pytest.mark.parametrize("name", ELEMENTS)
def test_same_voltages_and_identity(
    write: Write,
    circuit: Callable[[Iterable[str]], Any],
    solved: Callable[[Any, str], dict[str, complex]],
    tmp_path: Path,
    name: str,
) -> None:
    script = write(ELEMENTS[name])
    feeder, report = (imported := read_opendss(script)).feeder, imported.report
    assert report.refused == []
    assert report.largest_difference < 1e-12
    assert report.load_kw == pytest.approx(report.script_load_kw, rel=1e-12)
    master = write_opendss(feeder, tmp_path / "written")
    assert read_opendss(master).feeder == feeder

    modes = ["off"] if "switch_open" in name else ["off", "static"]
    for ours in (circuit(commands(feeder)), circuit([f'redirect "{master}"'])):
        theirs = circuit([f'redirect "{script}"'])
        for mode in modes:
            agree(solved(ours, mode), solved(theirs, mode))
