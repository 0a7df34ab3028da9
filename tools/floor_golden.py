#!/usr/bin/env python3
"""Golden optima of the floor for tests/test_floor_raise.c: pip install numpy scipy; tools/floor_golden.py

Random instances of 100 users x 150 items, k = 10, drawn by the same SplitMix64 as the test's, so only the optimum
has to be kept. The linear program is over layers: x[u, i, j] in [0, 1] with sum over i = 1 for each rank j, every
(u, i) at most once, expected exposure of each item at least floor x mean; mean utility is maximised (HiGHS, interior
point)."""
import numpy as np
from scipy import sparse
from scipy.optimize import linprog

MASK = (1 << 64) - 1
USERS, ITEMS, K = 100, 150, 10


def splitmix64(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield (z ^ (z >> 31)) >> 11


def instance(seed, skew):
    """Scores of float32: a draw in [0, 1) over (1 + item) to the power 0, .5 or 1 (exact operations only)."""
    draw = splitmix64(seed)
    x = np.array([next(draw) for _ in range(USERS * ITEMS)], float).reshape(USERS, ITEMS) / 2.0**53
    rank = np.arange(1, ITEMS + 1, dtype=float)
    return (x / {0: 1.0, 1: np.sqrt(rank), 2: rank}[skew]).astype(np.float32).astype(float)


def optimum(s, floor):
    w = 1 / np.log2(np.arange(K) + 2.0)
    b = s / (-np.sort(-s, axis=1)[:, :K] @ w)[:, None]
    n = USERS * ITEMS * K
    at = np.arange(n).reshape(USERS, ITEMS, K)
    rank = sparse.csr_matrix((np.ones(n), (np.broadcast_to(np.arange(USERS * K).reshape(USERS, 1, K), at.shape).ravel(), at.ravel())))
    once = sparse.csr_matrix((np.ones(n), (np.repeat(np.arange(USERS * ITEMS), K), at.ravel())))
    items = sparse.csr_matrix((-np.tile(w, USERS * ITEMS), (np.tile(np.repeat(np.arange(ITEMS), K), USERS), at.ravel())))
    least = floor * w.sum() * USERS / ITEMS
    r = linprog(-(b[:, :, None] * w).ravel(), A_ub=sparse.vstack([once, items]),
                b_ub=np.r_[np.ones(USERS * ITEMS), -least * np.ones(ITEMS)],
                A_eq=rank, b_eq=np.ones(USERS * K), method="highs-ipm")
    assert r.status == 0, r.message
    return -r.fun / USERS


for seed, skew, floor in [(1, 0, 0.9), (2, 1, 0.1), (3, 1, 0.25), (4, 1, 0.5), (5, 2, 0.1), (6, 2, 0.25), (7, 2, 0.5)]:
    print(f"{{{seed}, {skew}, {floor:g}, {optimum(instance(seed, skew), floor):.6f}}},", flush=True)
