"""Lanes: the rows of a batch that are solved side by side, and their arithmetic.

Values of one quantity lie side by side for `LANES` rows, ``[index, lane]``, so
that an arithmetic step is a vector instruction or two for all of them: eight
doubles are a register of AVX-512, four of AVX2. Two registers a step hide what
one has to wait for, and a third gains nothing.

Numba's own loops over lanes check again and again whether two rows of an array
overlap, give up where there are many, and leave it to chance which of two loops
fuses a multiplication with an addition. So a kernel takes the lanes as a value of
their own: ``load(x, k)`` is row k of an array, ``a + b``, ``a * b``, ``fused(a, b, c)``
and ``where(a <= b, c, d)`` compute with it, ``store(x, k, a)`` writes it back. What is
fused is then written down, and a row is the same to the last bit alone and in any
company, several times faster.

A number meets lanes as the same number in every lane. Row k of an array ``[index]`` is
a number; so a kernel whose arrays all have one axis is the same kernel for one row
alone, and numba compiles it once for either. `lanes_of` makes arrays of a kernel's own
kind, `spread` the values it begins with, and `by_lane` is for what is done lane by lane.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import ConcreteTemplate, builtin_registry
from numba.extending import intrinsic, models, overload, register_model

__all__ = [
    "COMPILED",
    "LANES",
    "Lanes",
    "by_lane",
    "fused",
    "lanes_of",
    "load",
    "root",
    "spread",
    "store",
    "where",
]

LANES = 16

Lanes = Any
"""A number a lane, or of one row a number; inside a kernel, numba alone knows which."""

# A division by zero gives an infinity, which the row's status reports, and not
# an exception in the midst of a batch. No fast-math: see above.
COMPILED: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}

_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_TRUTHS = ir.VectorType(ir.IntType(1), LANES)


class _Lanes(types.Type):
    """A number a lane."""


class _Truths(types.Type):
    """Whether something holds, a lane."""


_lanes, _truths = _Lanes("Lanes"), _Truths("Truths")


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm, kind) -> None:
        super().__init__(dmm, kind, _VECTOR)


@register_model(_Truths)
class _TruthsModel(models.PrimitiveModel):
    def __init__(self, dmm, kind) -> None:
        super().__init__(dmm, kind, _TRUTHS)


def _instruction(write: Callable[..., Any]) -> Callable[..., Any]:
    """A function inside kernels that `write` writes in LLVM's language."""
    return intrinsic(write)


def _by_kind(function: Callable[..., Any]) -> Callable[..., Any]:
    """Choose what a function does inside kernels by the kinds of its arguments."""
    return overload(function)


def _everywhere(context, builder, kind, value):
    """A value in every lane, if it is not one a lane already."""
    if kind is _lanes:
        return value
    number = context.cast(builder, value, kind, types.float64)
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    one = builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, nothing, zeros)


def _knows(function: Callable[..., Any], *signatures: Any) -> None:
    """Let numba know which kinds of values a function takes."""

    class Kinds(ConcreteTemplate):
        cases = list(signatures)  # noqa: RUF012 - numba reads the class

    register: Any = builtin_registry.register_global(function)
    register(Kinds)


def _operator(function: Callable[..., Any], result: types.Type, emit: Callable[..., Any]) -> None:
    """Give an operator a meaning between lanes, and between lanes and a number."""

    def lower(context, builder, sig, args):
        both = zip(sig.args, args, strict=True)
        return emit(builder, *(_everywhere(context, builder, *one) for one in both))

    pairs = [(_lanes, _lanes), (_lanes, types.float64), (types.float64, _lanes)]
    _knows(function, *(result(*pair) for pair in pairs))
    for pair in pairs:
        lower_builtin(function, *pair)(lower)


def _compare(sign: str) -> Callable[..., Any]:
    return lambda builder, a, b: builder.fcmp_ordered(sign, a, b)


_operator(operator.add, _lanes, lambda builder, a, b: builder.fadd(a, b))
_operator(operator.sub, _lanes, lambda builder, a, b: builder.fsub(a, b))
_operator(operator.mul, _lanes, lambda builder, a, b: builder.fmul(a, b))
_operator(operator.truediv, _lanes, lambda builder, a, b: builder.fdiv(a, b))
_operator(operator.le, _truths, _compare("<="))
_operator(operator.gt, _truths, _compare(">"))
_knows(operator.neg, _lanes(_lanes))


@lower_builtin(operator.neg, _lanes)
def _lower_negative(context, builder, sig, args):
    return builder.fneg(args[0])


def _row(context, builder, kind, array, index_kind, index):
    """Pointer to row `index` of an array (index, lane) or (index,)."""
    index = context.cast(builder, index, index_kind, types.intp)
    data = context.make_array(kind)(context, builder, array).data
    if kind.ndim == 1:
        return builder.gep(data, [index])
    first = builder.mul(index, ir.Constant(index.type, LANES))
    return builder.bitcast(builder.gep(data, [first]), _VECTOR.as_pointer())


@_instruction
def load(typingctx, array, index):
    """Row `index` of a C-contiguous array: lanes of (index, lane), a number of (index,)."""

    def codegen(context, builder, sig, args):
        place = _row(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        return builder.load(place, align=8)

    return (types.float64 if array.ndim == 1 else _lanes)(array, index), codegen


@_instruction
def store(typingctx, array, index, value):
    """Write row `index` of a C-contiguous array (index, lane) or (index,)."""

    def codegen(context, builder, sig, args):
        place = _row(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        value = args[2]
        if sig.args[0].ndim == 2:
            value = _everywhere(context, builder, sig.args[2], value)
        builder.store(value, place, align=8)
        return context.get_dummy_value()

    return types.void(array, index, value if value is _lanes else types.float64), codegen


@_instruction
def spread(typingctx, number, like):
    """A number as a row of the array `like`: in every lane where it has lanes."""

    def codegen(context, builder, sig, args):
        wide = sig.return_type is _lanes
        return _everywhere(context, builder, sig.args[0], args[0]) if wide else args[0]

    return (types.float64 if like.ndim == 1 else _lanes)(types.float64, like), codegen


@_instruction
def where(typingctx, holds, a, b):
    """`a` in the lanes in which something holds, `b` in the others."""
    kind = _lanes if holds is _truths else types.float64

    def codegen(context, builder, sig, args):
        holds, *both = args
        if kind is _lanes:
            kinds = zip(sig.args[1:], both, strict=True)
            both = [_everywhere(context, builder, *one) for one in kinds]
        return builder.select(holds, *both)

    return kind(holds, *(one if one is _lanes else types.float64 for one in (a, b))), codegen


def _library(name: str, *kinds: types.Type) -> tuple[Any, Callable[..., Any]]:
    """Call LLVM's own function of that name."""
    result = _lanes if _lanes in kinds else types.float64
    wide = result is _lanes

    def codegen(context, builder, sig, args):
        if wide:
            kinds = zip(sig.args, args, strict=True)
            args = [_everywhere(context, builder, *one) for one in kinds]
        number = _VECTOR if wide else ir.DoubleType()
        kind = ir.FunctionType(number, [number] * len(args))
        full = f"llvm.{name}.{f'v{LANES}' if wide else ''}f64"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, full), args)

    return result(*(kind if kind is _lanes else types.float64 for kind in kinds)), codegen


@_instruction
def fused(typingctx, a, b, c):
    """A * b + c, rounded once."""
    return _library("fma", a, b, c)


@_instruction
def root(typingctx, a):
    """Square root."""
    return _library("sqrt", a)


def lanes_of(n: int, like: np.ndarray) -> np.ndarray:
    """Noughts, `n` rows of the kind of array that `like` is."""
    return np.zeros((n, *like.shape[1:]))


def by_lane(array: np.ndarray) -> np.ndarray:
    """The same array with an axis of lanes: (index, lane), or of one row (index, 1)."""
    return array if array.ndim == 2 else array[:, None]


@_by_kind(lanes_of)
def _lanes_of(n, like):
    if like.ndim == 2:
        return lambda n, like: np.zeros((n, LANES))
    return lambda n, like: np.zeros(n)


@_by_kind(by_lane)
def _by_lane(array):
    if array.ndim == 2:
        return lambda array: array
    return lambda array: array.reshape((array.shape[0], 1))
