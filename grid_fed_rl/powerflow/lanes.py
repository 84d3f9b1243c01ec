"""Lanes: the rows of a batch that are solved side by side, and their arithmetic.

Values of one quantity lie side by side for `LANES` rows, ``[index, lane]``, so
that an arithmetic step is a vector instruction or two for all of them: eight
doubles are a register of AVX-512, four of AVX2. Two registers a step hide what
one has to wait for, and a third gains nothing.

Numba's own loops over lanes check again and again whether two rows of an array
overlap, and they may not fuse a multiplication with an addition without leaving
it to chance which of two loops does so. The operations below are therefore
written as vector instructions, fused multiply-adds among them, whose rounding is
the same for every lane and every batch. That gives twice the speed, and a row
that is the same to the last bit alone and in any company.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["COMPILED", "LANES", "backward", "forward", "multiply_subtract"]

LANES = 16

# A division by zero gives an infinity, which the row's status reports, and not
# an exception in the midst of a batch. No fast-math: see above.
COMPILED: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}

_VECTOR = ir.VectorType(ir.DoubleType(), LANES)


class _Rows:
    """A pair of arrays, real and imaginary, seen as complex vectors by index.

    A pair of one axis holds the same number for every lane.
    """

    def __init__(self, context, builder, kinds, arrays) -> None:
        self._builder = builder
        self._data = [
            context.make_array(kind)(context, builder, array).data
            for kind, array in zip(kinds, arrays, strict=True)
        ]
        self._shared = kinds[0].ndim == 1

    def _place(self, part: int, index):
        builder = self._builder
        if self._shared:
            return builder.gep(self._data[part], [index])
        first = builder.mul(index, ir.Constant(index.type, LANES))
        return builder.bitcast(builder.gep(self._data[part], [first]), _VECTOR.as_pointer())

    def load(self, index):
        parts = []
        for part in (0, 1):
            value = self._builder.load(self._place(part, index), align=8)
            if self._shared:
                one = self._builder.insert_element(
                    ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
                )
                zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
                value = self._builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), zeros)
            parts.append(value)
        return tuple(parts)

    def store(self, index, value) -> None:
        for part in (0, 1):
            self._builder.store(value[part], self._place(part, index), align=8)


def _fused(builder, a, b, c):
    """A * b + c, rounded once."""
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    name = f"llvm.fma.v{LANES}f64"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [a, b, c])


def _minus_product(builder, value, a, b):
    """Value - a * b, complex."""
    minus = builder.fneg(a[0]), builder.fneg(a[1])
    re = _fused(builder, a[1], b[1], _fused(builder, minus[0], b[0], value[0]))
    im = _fused(builder, minus[1], b[0], _fused(builder, minus[0], b[1], value[1]))
    return re, im


def _index(context, builder, kinds, args, k):
    return context.cast(builder, args[k], kinds[k], types.intp)


@intrinsic
def forward(typingctx, x_re, x_im, k, l_re, l_im, rows, begin, end):
    """x[rows[e]] -= l[e] * x[k] for e in [begin, end)."""

    def codegen(context, builder, signature, args):
        kinds = signature.args
        x = _Rows(context, builder, kinds[0:2], args[0:2])
        factor = _Rows(context, builder, kinds[3:5], args[3:5])
        place = context.make_array(kinds[5])(context, builder, args[5]).data
        k, begin, end = (_index(context, builder, kinds, args, a) for a in (2, 6, 7))
        pivot = x.load(k)
        with cgutils.for_range(builder, end, start=begin) as loop:
            i = builder.sext(builder.load(builder.gep(place, [loop.index])), begin.type)
            x.store(i, _minus_product(builder, x.load(i), factor.load(loop.index), pivot))
        return context.get_dummy_value()

    return types.void(x_re, x_im, k, l_re, l_im, rows, begin, end), codegen


@intrinsic
def backward(typingctx, x_re, x_im, k, d_re, d_im, j, l_re, l_im, rows, begin, end):
    """x[k] = d[j] * x[k] - the sum of l[e] * x[rows[e]] for e in [begin, end)."""

    def codegen(context, builder, signature, args):
        kinds = signature.args
        x = _Rows(context, builder, kinds[0:2], args[0:2])
        inverse = _Rows(context, builder, kinds[3:5], args[3:5])
        factor = _Rows(context, builder, kinds[6:8], args[6:8])
        place = context.make_array(kinds[8])(context, builder, args[8]).data
        k, j, begin, end = (_index(context, builder, kinds, args, a) for a in (2, 5, 9, 10))
        # The sum stays in registers: x[k] is written once.
        zero = ir.Constant(_VECTOR, None)
        d_re, d_im = inverse.load(j)
        minus_d = builder.fneg(d_re), builder.fneg(d_im)
        first = _minus_product(builder, (zero, zero), minus_d, x.load(k))
        total = [cgutils.alloca_once_value(builder, part) for part in first]
        with cgutils.for_range(builder, end, start=begin) as loop:
            i = builder.sext(builder.load(builder.gep(place, [loop.index])), begin.type)
            so_far = builder.load(total[0]), builder.load(total[1])
            rest = _minus_product(builder, so_far, factor.load(loop.index), x.load(i))
            for slot, part in zip(total, rest, strict=True):
                builder.store(part, slot)
        x.store(k, (builder.load(total[0]), builder.load(total[1])))
        return context.get_dummy_value()

    signature = types.void(x_re, x_im, k, d_re, d_im, j, l_re, l_im, rows, begin, end)
    return signature, codegen


@intrinsic
def multiply_subtract(typingctx, y_re, y_im, target, u_re, u_im, a, b):
    """y[target] -= u[a] * y[b]."""

    def codegen(context, builder, signature, args):
        kinds = signature.args
        y = _Rows(context, builder, kinds[0:2], args[0:2])
        u = _Rows(context, builder, kinds[3:5], args[3:5])
        target, a, b = (_index(context, builder, kinds, args, a) for a in (2, 5, 6))
        y.store(target, _minus_product(builder, y.load(target), u.load(a), y.load(b)))
        return context.get_dummy_value()

    return types.void(y_re, y_im, target, u_re, u_im, a, b), codegen
