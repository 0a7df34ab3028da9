#!/usr/bin/env python3
"""The batch allocation's Frank-Wolfe in plain NumPy, for bench/run and to check by: tools/fair_numpy.py WORTHS USERS
ITEMS K ITERATIONS ALPHA_USERS ALPHA_ITEMS LAMBDA [BLOCK]; WORTHS is float32[USERS, ITEMS], -inf what is not to be
shown. Prints seconds, the objective and the duality gap. BLOCK (64) = USERS is the method without blocks."""
import sys
import time
import numpy as np

path, (users, items, k, iterations) = sys.argv[1], map(int, sys.argv[2:6])
alpha_u, alpha_i, lam = map(float, sys.argv[6:9])
block = int(sys.argv[9]) if len(sys.argv) > 9 else 64
worth = np.fromfile(path, np.float32).reshape(users, items)
begun = time.perf_counter()
rank = 1 / np.log2(np.arange(k) + 2.0)
may = worth >= 0
value = np.where(may, worth, 0)
each = rank.sum() / may.sum(1)
judged = value.max(1) > 0
u = value.sum(1, dtype=float) * each
blocks = [slice(b, min(b + block, users)) for b in range(0, users, block)]
given = np.array([each[b] @ may[b] for b in blocks])
v = given.sum(0)
mean = rank.sum() * users / (v > 0).sum()
weight = lam * judged.sum() / ((v > 0).sum() * mean)


def psi(a, x):
    return x if a == 1 else np.log(x) if a == 0 else np.sign(a) * x**a


def slope(a, x):
    return np.ones_like(x) if a == 1 else 1 / x if a == 0 else abs(a) * x ** (a - 1)


def objective():
    return (1 - lam) * psi(alpha_u, u[judged]).mean() + lam * psi(alpha_i, v[v > 0] / mean).mean()


def vertex(b, n):
    g = ((1 - lam) * slope(alpha_u, u[b]) * judged[b]).astype(np.float32)[:, None] * worth[b]
    g += (weight * slope(alpha_i, v / mean)).astype(np.float32)
    best = np.argpartition(-g, k, axis=1)[:, :k]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(g, best, 1), axis=1), 1)
    du = np.take_along_axis(value[b], best, 1) @ rank - u[b]
    dv = np.bincount(best.ravel(), np.broadcast_to(rank, best.shape).ravel(), items) - given[n]
    return du, dv


def along(b, du, dv, step):
    return ((1 - lam) * (slope(alpha_u, u[b] + step * du) * du)[judged[b]].sum()
            + weight * (slope(alpha_i, (v + step * dv) / mean) * dv).sum())


with np.errstate(divide="ignore", invalid="ignore"):
    for t in range(iterations):
        for n, b in enumerate(blocks):
            du, dv = vertex(b, n)
            if along(b, du, dv, 0) <= 0:
                continue
            low, high = 0.0, 1.0
            if along(b, du, dv, 1.0) < 0:
                for _ in range(20):
                    step = (low + high) / 2
                    low, high = (step, high) if along(b, du, dv, step) > 0 else (low, step)
            else:
                low = 1.0
            u[b] += low * du
            v += low * dv
            given[n] += low * dv
seconds = time.perf_counter() - begun
gap = sum(along(b, *vertex(b, n), 0) for n, b in enumerate(blocks)) / judged.sum()
print(f"{seconds:.2f} {objective():.6f} {gap:.6f}")
