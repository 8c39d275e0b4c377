"""Sums of rows of 16 numbers, for numba kernels, as SIMD instructions.

LLVM does not vectorise ``total[at, j] += rows[i, j] + ...`` over a short row by itself: the arrays might
overlap. These functions say it outright, with 512-bit registers where the machine has them and narrower
ones where not. Nothing is fused or reordered, so every machine gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

intrinsic: Any = extending.intrinsic  # its own types know nothing of the first argument

PANEL = 16
"""Numbers in a row: 128 bytes, two cache lines."""

_INT = ir.IntType(64)
_ROW = ir.VectorType(ir.DoubleType(), PANEL)


def aligned_zeros(*shape: int) -> np.ndarray:
    """Zeros, float64, the first at the beginning of a cache line: rows that straddle lines cost a half
    more."""
    n = int(np.prod(shape))
    buffer = np.zeros(n + 8)
    start = (-buffer.ctypes.data % 64) // 8
    return buffer[start : start + n].reshape(shape)


@intrinsic
def add_rows(typing: Any, total: Any, at: Any, rows: Any, which: Any) -> Any:
    """``total[at] += rows[which[0]] + rows[which[1]] + ...``, the rows paired, their sums paired, and so on.

    Arrays are C-ordered float64 whose last axis has 16 elements; leading axes count as one. Indices are
    int64, ``which`` is a tuple of two, four or eight, and none is checked.
    """
    signature = types.void(total, types.int64, rows, types.UniTuple(types.int64, len(which)))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        target = _row(context, builder, signature.args[0], args[0], args[1])
        parts = [
            _load(
                builder, _row(context, builder, signature.args[2], args[2], builder.extract_value(args[3], i))
            )
            for i in range(len(which))
        ]
        _add(builder, target, parts)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def add_scaled_rows(typing: Any, total: Any, at: Any, rows: Any, which: Any, factors: Any) -> Any:
    """``total[at] += factors[0] * rows[which[0]] + ...``; as :func:`add_rows`, also for a single row."""
    return _scaled(total, rows, len(which), lambda builder, row: row)


@intrinsic
def add_scaled_squares(typing: Any, total: Any, at: Any, rows: Any, which: Any, factors: Any) -> Any:
    """As :func:`add_scaled_rows` with the squares of the numbers."""
    return _scaled(total, rows, len(which), lambda builder, row: builder.fmul(row, row))


OUTER = 4
"""Rows that :func:`subtract_outer` changes at once."""


@intrinsic
def subtract_outer(typing: Any, total: Any, at: Any, rows: Any, which: Any, factors: Any, start: Any) -> Any:
    """``total[at + t] -= sum_s factors[start[s] + t] * rows[which[s]]`` for t of 0 to 3.

    As four calls of :func:`add_scaled_rows`, but each row is loaded once. ``factors`` is any C-ordered
    float64 array, which ``start`` counts through from its beginning.
    """
    n = len(which)
    signature = types.void(
        total, types.int64, rows, types.UniTuple(types.int64, n), factors, types.UniTuple(types.int64, n)
    )

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sources = [
            _load(
                builder, _row(context, builder, signature.args[2], args[2], builder.extract_value(args[3], i))
            )
            for i in range(n)
        ]
        numbers = context.make_array(signature.args[4])(context, builder, args[4]).data
        for t in range(OUTER):
            parts = []
            for i in range(n):
                index = builder.add(builder.extract_value(args[5], i), ir.Constant(_INT, t))
                factor = _broadcast(builder, builder.load(builder.gep(numbers, [index])))
                parts.append(builder.fmul(factor, sources[i]))
            while len(parts) > 1:
                parts = [builder.fadd(a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
            row = builder.add(args[1], ir.Constant(_INT, t))
            target = _row(context, builder, signature.args[0], args[0], row)
            builder.store(builder.fsub(_load(builder, target), parts[0]), target, align=8)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def multiply_rows(typing: Any, total: Any, at: Any, left: Any, i: Any, right: Any, j: Any) -> Any:
    """``total[at] = left[i] * right[j]``, number by number; arrays and indices as in :func:`add_rows`."""
    signature = types.void(total, types.int64, left, types.int64, right, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        target, a, b = (_row(context, builder, signature.args[n], args[n], args[n + 1]) for n in (0, 2, 4))
        builder.store(builder.fmul(_load(builder, a), _load(builder, b)), target, align=8)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def add_products(typing: Any, total: Any, at: Any, left: Any, i: Any, right: Any, j: Any) -> Any:
    """``total[at] += left[i] * right[j]``, number by number; arrays and indices as in :func:`add_rows`."""
    signature = types.void(total, types.int64, left, types.int64, right, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        target, a, b = (_row(context, builder, signature.args[n], args[n], args[n + 1]) for n in (0, 2, 4))
        _add(builder, target, [builder.fmul(_load(builder, a), _load(builder, b))])
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def add_dots(typing: Any, total: Any, at: Any, left: Any, i: Any, right: Any, start: Any, blocks: Any) -> Any:
    """``total[at + t, lane] += sum_b left[i + 16 b + lane] * right[start[t] + 16 b + lane]``.

    The dot products of one stretch of numbers with several others, left apart by the position modulo 16; add
    up the lanes of a row of ``total`` for the whole. ``left`` and ``right`` are any C-ordered float64 arrays,
    which ``i`` and ``start`` count through from their beginnings; ``total`` is as in :func:`add_rows`.
    """
    n = len(start)
    signature = types.void(
        total, types.int64, left, types.int64, right, types.UniTuple(types.int64, n), types.int64
    )

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, b = (context.make_array(signature.args[k])(context, builder, args[k]).data for k in (2, 4))
        sums = [cgutils.alloca_once_value(builder, ir.Constant(_ROW, [0.0] * PANEL)) for _ in range(n)]
        with cgutils.for_range(builder, args[6]) as loop:
            along = builder.mul(loop.index, ir.Constant(_INT, PANEL))
            mine = _load(builder, _numbers(builder, a, builder.add(args[3], along)))
            for t in range(n):
                at = builder.add(builder.extract_value(args[5], t), along)
                product = builder.fmul(mine, _load(builder, _numbers(builder, b, at)))
                builder.store(builder.fadd(builder.load(sums[t]), product), sums[t])
        for t in range(n):
            row = builder.add(args[1], ir.Constant(_INT, t))
            target = _row(context, builder, signature.args[0], args[0], row)
            _add(builder, target, [builder.load(sums[t])])
        return context.get_dummy_value()

    return signature, codegen


def _numbers(builder: Any, data: Any, index: Any) -> Any:
    return builder.bitcast(builder.gep(data, [index]), _ROW.as_pointer())


def _scaled(total: Any, rows: Any, n: int, change: Callable[[Any, Any], Any]) -> Any:
    signature = types.void(
        total, types.int64, rows, types.UniTuple(types.int64, n), types.UniTuple(types.float64, n)
    )

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        target = _row(context, builder, signature.args[0], args[0], args[1])
        parts = []
        for i in range(n):
            row = _row(context, builder, signature.args[2], args[2], builder.extract_value(args[3], i))
            factor = _broadcast(builder, builder.extract_value(args[4], i))
            parts.append(builder.fmul(factor, change(builder, _load(builder, row))))
        _add(builder, target, parts)
        return context.get_dummy_value()

    return signature, codegen


def _row(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(builder.bitcast(data, _ROW.as_pointer()), [index])


def _load(builder: Any, pointer: Any) -> Any:
    return builder.load(pointer, align=8)


def _broadcast(builder: Any, value: Any) -> Any:
    first = builder.insert_element(ir.Constant(_ROW, ir.Undefined), value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(
        first, first, ir.Constant(ir.VectorType(ir.IntType(32), PANEL), [0] * PANEL)
    )


def _add(builder: Any, target: Any, parts: list[Any]) -> None:
    while len(parts) > 1:
        parts = [builder.fadd(a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    builder.store(builder.fadd(_load(builder, target), parts[0]), target, align=8)
