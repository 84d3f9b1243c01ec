"""The batched engine's schedule in torch.

The fixed point ``v = Y^-1 (i_source + i(v))`` at the sites of loads and DER, mixed,
frozen and stopped as in `kernels.solve_rows`, in float64. Values lie ``[index, row]``,
all rows of a chunk side by side; no Python loop runs over rows. The interior is a few
matrix products (`parts`), the boundary a few steps a level of its elimination
(`levels`). Once half of the rows still carried have come to rest, the others go on
without them.

Rows come in multiples of `LANES`, filled up with rows already there: on a processor,
torch rounds the last few numbers of an array otherwise than the rest, and a floating
delta side makes of a last bit a ten-billionth of the voltage.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.powerflow.batched import factors_of, start_voltages
from grid_fed_rl.powerflow.flow import PowerFlow, Status
from grid_fed_rl.powerflow.lanes import LANES
from grid_fed_rl.powerflow.network import S_BASE_KVA, Network
from grid_fed_rl.powerflow.setpoint import Setpoint, check_setpoint
from grid_fed_rl.powerflow.torch_engine.boundary import BoundaryOnDevice, Factors
from grid_fed_rl.powerflow.torch_engine.devices import device_of, free_bytes, to_device
from grid_fed_rl.powerflow.torch_engine.interior import InteriorOnDevice
from grid_fed_rl.powerflow.torch_engine.laws import LegsOnDevice
from grid_fed_rl.powerflow.torch_engine.levels import levels_of
from grid_fed_rl.powerflow.torch_engine.mixing import look_back, no_past, step
from grid_fed_rl.powerflow.torch_engine.parts import parts_of
from grid_fed_rl.powerflow.torch_engine.switching import Switching

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["DeviceFlow", "TorchEngine", "solve_torch"]

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

DIVERGED_PU = 1e3  # a move no power flow makes


class DeviceFlow(NamedTuple):
    """The answer, still on the device; see `PowerFlow`."""

    v_pu: "Tensor"  # (batch, node) complex128
    status: "Tensor"  # (batch,) int8
    iterations: "Tensor"  # (batch,) int32
    residual_pu: "Tensor"  # (batch,) float64


class _Progress(NamedTuple):
    """Where rows have come to; rows last."""

    v: "Tensor"  # (site + 1, row)
    status: "Tensor"  # (row,)
    iterations: "Tensor"  # (row,)
    residual: "Tensor"  # (row,)

    @classmethod
    def begin(cls, v: "Tensor") -> Self:
        """Before the first iteration."""
        import torch

        row = v.real.new_empty(v.shape[1])
        return cls(
            v,
            torch.full_like(row, Status.NOT_CONVERGED, dtype=torch.int8),
            torch.zeros_like(row, dtype=torch.int32),
            torch.full_like(row, torch.inf),
        )

    def judged(self, f: "Tensor", tolerance_pu: float) -> Self:
        """After an iteration that would move v by f; rows at rest stay as they are."""
        import torch

        moving = self.status == Status.NOT_CONVERGED
        residual = torch.view_as_real(f).square().sum(-1).amax(0).sqrt()
        residual = residual.where(moving, self.residual)
        status = self.status.masked_fill(moving & (residual <= tolerance_pu), Status.CONVERGED)
        lost = moving & ~(residual < DIVERGED_PU)  # or not a number
        status = status.masked_fill(lost, Status.DIVERGED)
        return type(self)(self.v, status, self.iterations + moving, residual)

    def rows(self, keep: "Tensor") -> Self:
        """Some rows."""
        return type(self)(*(one.index_select(-1, keep) for one in self))

    def with_rows(self, index: "Tensor | None", some: Self) -> Self:
        """With some rows, or all, as they stand elsewhere."""
        if index is None:
            return some
        return type(self)(
            *(one.index_copy(-1, index, new) for one, new in zip(self, some, strict=True))
        )


class _Given(NamedTuple):
    """What is solved; rows last."""

    p: "Tensor"  # (leg, row) injection at rated voltage
    minus_q: "Tensor"
    on: "Tensor"  # (site + 1, row) 1, or 0 where a site is dead
    factors: Factors

    def rows(self, keep: "Tensor") -> Self:
        """Some rows."""
        p, minus_q, on = (one.index_select(1, keep) for one in self[:3])
        factors = Factors(*(f.index_select(1, keep) for f in self.factors))
        return type(self)(p, minus_q, on, factors)


class TorchEngine:
    """A network on a device, ready to be solved many rows at a time.

    Args:
        network: The compiled feeder.
        device: ``"cuda"``, ``"cuda:1"`` and so on, or ``"cpu"``.
        chunk_rows: Rows solved side by side, rounded up to a multiple of 16; by default
            as many as half of the device's free memory holds.

    Raises:
        PowerFlowError: torch or the device is missing, or a chunk has no rows.
    """

    def __init__(
        self,
        network: Network,
        device: "str | torch.device" = "cuda",
        *,
        chunk_rows: int | None = None,
    ) -> None:
        if chunk_rows is not None and chunk_rows < 1:
            raise PowerFlowError(f"chunk_rows is {chunk_rows}; expected 1 or more")
        self.network = network
        self.device = device_of(device)
        self._chunk_rows = chunk_rows
        self._tensor = tensor = to_device(self.device)
        levels = levels_of(network)
        self._boundary = BoundaryOnDevice(levels, tensor)
        self._interior = InteriorOnDevice(network, parts_of(network), levels.order, tensor)
        sites = self._interior.sites
        self._legs = LegsOnDevice(network.legs, self._interior.legs, np.argsort(sites), tensor)
        self._switching = Switching(network, levels.order, sites, tensor)
        self._start_columns = tensor(network.leg_nodes[sites])

    @property
    def bytes_a_row(self) -> int:
        """Device memory that a row takes while it is solved, about."""
        n_sites, n_legs = len(self._interior.sites), len(self._interior.legs)
        numbers = self._boundary.numbers_a_row + 24 * n_sites + 6 * n_legs
        return 16 * (numbers + 2 * self.network.n_nodes)

    def solve(
        self,
        setpoint: Setpoint,
        *,
        start_pu: Complex | None = None,
        tolerance_pu: float = 1e-8,
        max_iterations: int = 100,
    ) -> PowerFlow:
        """Solve the power flow of every row, devices standing where the set-point has them.

        A row that does not converge says so in its status and disturbs no other.

        Args:
            setpoint: What varies, a row a scenario.
            start_pu: (batch, node) or (1, node) voltages to start from; without
                load where not given.
            tolerance_pu: Largest voltage change of the last iteration.
            max_iterations: Fixed-point iterations a row may take.

        Raises:
            PowerFlowError: an array has the wrong shape, is not finite, or asks for a
                tap position or capacitor step that does not exist.
        """
        import torch

        n_rows = setpoint.n_rows
        flow = PowerFlow(
            v_pu=np.empty((n_rows, self.network.n_nodes), dtype=np.complex128),
            status=np.empty(n_rows, dtype=np.int8),
            iterations=np.empty(n_rows, dtype=np.int32),
            residual_pu=np.empty(n_rows),
            setpoint=setpoint,
            settled=np.empty(n_rows, dtype=np.bool_),
        )
        first = 0
        for chunk in self._solved(setpoint, start_pu, tolerance_pu, max_iterations):
            rows = slice(first, first + len(chunk.status))
            for name, part in zip(chunk._fields, chunk, strict=True):
                torch.from_numpy(getattr(flow, name)[rows]).copy_(part)
            first = rows.stop
        flow.settled[:] = flow.converged
        return flow

    def solve_on_device(
        self,
        setpoint: Setpoint,
        *,
        start_pu: Complex | None = None,
        tolerance_pu: float = 1e-8,
        max_iterations: int = 100,
    ) -> DeviceFlow:
        """The same as `solve`, its answer left on the device."""
        import torch

        v = torch.empty((0, self.network.n_nodes), dtype=torch.complex128, device=self.device)
        none = _Progress.begin(v.T)
        chunks = [
            DeviceFlow(v, none.status, none.iterations, none.residual),
            *self._solved(setpoint, start_pu, tolerance_pu, max_iterations),
        ]
        return DeviceFlow(*(torch.cat(parts) for parts in zip(*chunks, strict=True)))

    def _solved(
        self,
        setpoint: Setpoint,
        start_pu: Complex | None,
        tolerance_pu: float,
        max_iterations: int,
    ) -> Iterator[DeviceFlow]:
        """Solve chunk by chunk."""
        import torch

        check_setpoint(self.network, setpoint)
        n_rows = setpoint.n_rows
        start = start_voltages(self.network, n_rows, start_pu)
        size = self._chunk_rows or free_bytes(self.device) // self.bytes_a_row
        size = _whole(max(1, size))
        for first in range(0, n_rows, size):
            rows = slice(first, min(first + size, n_rows))
            own_start = start[rows] if len(start) > 1 else start
            with torch.no_grad():
                flow = self._solve_chunk(
                    setpoint.rows(rows), own_start, tolerance_pu, max_iterations
                )
            yield DeviceFlow(*(part[: rows.stop - first] for part in flow))

    def _solve_chunk(
        self, setpoint: Setpoint, start: Complex, tolerance_pu: float, max_iterations: int
    ) -> DeviceFlow:
        """Solve some rows, and again the last of them until lanes are whole."""
        import torch

        tensor, n_rows = self._tensor, setpoint.n_rows
        rows = tensor(np.minimum(np.arange(_whole(n_rows)), n_rows - 1))
        factor = tensor(factors_of(self.network, setpoint)).index_select(0, rows).T.contiguous()
        alive = self._switching.zones(factor)
        sites = self._switching.sites(alive)
        on = torch.cat([sites, sites.new_ones((1, sites.shape[1]))])
        # The circuit of a leg with a dead end is open.
        closed = on.index_select(0, self._legs.start) * on.index_select(0, self._legs.stop)
        given = _Given(
            self._injections(setpoint.load_kw, setpoint.der_kw, rows) * closed,
            -self._injections(setpoint.load_kvar, setpoint.der_kvar, rows) * closed,
            on,
            self._boundary.factorise(factor, 1.0 - self._switching.borders(alive)),
        )
        v_start = tensor(start).index_select(1, self._start_columns)
        if len(start) > 1:
            v_start = v_start.index_select(0, rows)
        v = v_start.new_zeros((len(self._start_columns) + 1, len(rows)))
        v[:-1] = v_start.T * sites
        end = self._iterate(given, v, tolerance_pu, max_iterations)
        # Rows at rest have not moved since: what follows from them is their answer.
        v_pu = self._interior.everywhere(*self._currents(given, end.v))
        if not alive.all():
            # What live conductors induce in dead ones beside them is left out.
            v_pu.mul_(self._switching.nodes(alive))
        return DeviceFlow(v_pu, end.status, end.iterations, end.residual)

    def _injections(self, load: Real, der: Real, rows: "Tensor") -> "Tensor":
        """(leg, row) what the element of each leg injects at rated voltage, per unit."""
        import torch

        power = torch.cat([-self._tensor(load), self._tensor(der)], 1) / S_BASE_KVA
        return power.index_select(0, rows).T.index_select(0, self._legs.element)

    def _currents(self, given: _Given, v: "Tensor") -> "tuple[Tensor, Tensor]":
        """(leg, row) currents at a voltage, and what it makes of the boundary's voltages."""
        currents = self._legs.currents(v, given.p, given.minus_q)
        boundary = self._interior.arriving(currents)
        self._boundary.substitute(given.factors, boundary)
        return currents, boundary

    def _iterate(
        self, given: _Given, v: "Tensor", tolerance_pu: float, max_iterations: int
    ) -> _Progress:
        """Every row until it rests, or for as long as it may."""
        now = _Progress.begin(v)
        end, index, past = now, None, no_past(v)
        for iteration in range(max_iterations):
            g = self._interior.at_sites(*self._currents(given, now.v)) * given.on
            f = g - now.v
            now = now.judged(f, tolerance_pu)
            moving = now.status == Status.NOT_CONVERGED
            n_moving = int(moving.sum())
            if n_moving == 0:
                break
            past = look_back(past, iteration, f, g)
            now = now._replace(v=step(past).where(moving, now.v))
            if 2 * _whole(n_moving) <= len(moving):
                keep = moving.byte().argsort(descending=True, stable=True)[: _whole(n_moving)]
                end = end.with_rows(index, now)
                index = keep if index is None else index[keep]
                given, now, past = given.rows(keep), now.rows(keep), past.rows(keep)
        return end.with_rows(index, now)


def _whole(n_rows: int) -> int:
    """Rows filled up to whole lanes."""
    return -(-n_rows // LANES) * LANES


class _Engines(dict[str, TorchEngine]):
    """Engines of one network by device; no pickle of the network takes them along."""

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()


def solve_torch(
    network: Network,
    setpoint: Setpoint,
    *,
    device: "str | torch.device" = "cuda",
    start_pu: Complex | None = None,
    tolerance_pu: float = 1e-8,
    max_iterations: int = 100,
) -> PowerFlow:
    """Solve the power flow of every row on a device; the network keeps its engine.

    Arguments are those of `TorchEngine` and its `solve`.

    Raises:
        PowerFlowError: torch or the device is missing; an array has the wrong shape, is
            not finite, or asks for a tap position or capacitor step that does not exist.
    """
    engines = vars(network).setdefault("_torch_engines", _Engines())
    key = str(device_of(device))
    if key not in engines:
        engines[key] = TorchEngine(network, device)
    return engines[key].solve(
        setpoint, start_pu=start_pu, tolerance_pu=tolerance_pu, max_iterations=max_iterations
    )
