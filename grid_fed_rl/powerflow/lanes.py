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
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import ConcreteTemplate, builtin_registry
from numba.extending import intrinsic, models, register_model

__all__ = ["COMPILED", "LANES", "Lanes", "fused", "load", "root", "splat", "store", "where"]

LANES = 16

Lanes = Any
"""A number a lane, inside a kernel: numba alone knows the type."""

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


def _knows(function: Callable[..., Any], template: type[ConcreteTemplate]) -> None:
    """Let numba know which kinds of values a function takes."""
    register: Any = builtin_registry.register_global(function)
    register(template)


def _operator(function: Callable[..., Any], result: types.Type, emit: Callable[..., Any]) -> None:
    """Give an operator a meaning between lanes, lane by lane."""

    class Between(ConcreteTemplate):
        cases = [result(_lanes, _lanes)]  # noqa: RUF012 - numba reads the class

    _knows(function, Between)

    def lower(context, builder, sig, args):
        return emit(builder, *args)

    lower_builtin(function, _lanes, _lanes)(lower)


def _compare(sign: str) -> Callable[..., Any]:
    return lambda builder, a, b: builder.fcmp_ordered(sign, a, b)


_operator(operator.add, _lanes, lambda builder, a, b: builder.fadd(a, b))
_operator(operator.sub, _lanes, lambda builder, a, b: builder.fsub(a, b))
_operator(operator.mul, _lanes, lambda builder, a, b: builder.fmul(a, b))
_operator(operator.truediv, _lanes, lambda builder, a, b: builder.fdiv(a, b))
_operator(operator.le, _truths, _compare("<="))
_operator(operator.gt, _truths, _compare(">"))


class _Negative(ConcreteTemplate):
    cases = [_lanes(_lanes)]  # noqa: RUF012 - numba reads the class


_knows(operator.neg, _Negative)


@lower_builtin(operator.neg, _lanes)
def _lower_negative(context, builder, sig, args):
    return builder.fneg(args[0])


def _spread(builder, number):
    """A number in every lane."""
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    one = builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, nothing, zeros)


def _place(context, builder, kind, array, index_kind, index):
    """Pointer to the lanes in row `index` of an array (index, lane)."""
    index = context.cast(builder, index, index_kind, types.intp)
    data = context.make_array(kind)(context, builder, array).data
    first = builder.mul(index, ir.Constant(index.type, LANES))
    return builder.bitcast(builder.gep(data, [first]), _VECTOR.as_pointer())


@_instruction
def load(typingctx, array, index):
    """Row `index` of a C-contiguous array (index, lane).

    Of an array (index,) it is the one number, in every lane.
    """

    def one_a_lane(context, builder, sig, args):
        place = _place(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        return builder.load(place, align=8)

    def one_for_all(context, builder, sig, args):
        index = context.cast(builder, args[1], sig.args[1], types.intp)
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return _spread(builder, builder.load(builder.gep(data, [index])))

    return _lanes(array, index), one_for_all if array.ndim == 1 else one_a_lane


@_instruction
def store(typingctx, array, index, value):
    """Write row `index` of a C-contiguous array (index, lane)."""

    def codegen(context, builder, sig, args):
        place = _place(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        builder.store(args[2], place, align=8)
        return context.get_dummy_value()

    return types.void(array, index, _lanes), codegen


@_instruction
def splat(typingctx, number):
    """The same number in every lane."""

    def codegen(context, builder, sig, args):
        return _spread(builder, context.cast(builder, args[0], sig.args[0], types.float64))

    return _lanes(number), codegen


@_instruction
def where(typingctx, holds, a, b):
    """`a` in the lanes in which something holds, `b` in the others."""

    def codegen(context, builder, sig, args):
        return builder.select(*args)

    return _lanes(_truths, _lanes, _lanes), codegen


def _library(builder, name: str, *args):
    """Call LLVM's own function of that name on lanes."""
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(args))
    name = f"llvm.{name}.v{LANES}f64"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)


@_instruction
def fused(typingctx, a, b, c):
    """A * b + c, rounded once."""

    def codegen(context, builder, sig, args):
        return _library(builder, "fma", *args)

    return _lanes(_lanes, _lanes, _lanes), codegen


@_instruction
def root(typingctx, a):
    """Square root."""

    def codegen(context, builder, sig, args):
        return _library(builder, "sqrt", *args)

    return _lanes(_lanes), codegen
