# The peer of bench_ials: implicit's ALS on the same pairs, to the same loss, from a start as heed draws it.
# ials_implicit.py MATRIX FACTORS cg|exact: seconds of an iteration (best of five), and the loss after six.
#
# heed: sum over pairs (y - 1)^2 + alpha sum over all y^2 + lambda (|W|^2 + |H|^2). With factors by
# sqrt(1 + alpha) larger that is, but for a factor and a constant, implicit's loss with confidence
# 1 + 1 / alpha of a pair, 1 of all others, and regularization lambda (1 + alpha) / alpha.
import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # implicit threads over rows
import numpy as np
import scipy.sparse
from implicit.cpu.als import AlternatingLeastSquares

alpha, regular = 0.1, 0.1
factors = int(sys.argv[2])
pairs = np.fromfile(sys.argv[1], dtype=np.uint32).reshape(-1, 2)
confidence = np.full(len(pairs), 1 + 1 / alpha, dtype=np.float32)
matrix = scipy.sparse.csr_matrix((confidence, (pairs[:, 0].astype(np.int32), pairs[:, 1].astype(np.int32))))
model = AlternatingLeastSquares(factors=factors, regularization=regular * (1 + alpha) / alpha, alpha=1,
                                iterations=6, use_cg=sys.argv[3] == "cg", random_state=1)
draws = np.random.default_rng(1)  # implicit's own start is uniform from 0 to .01
for side, rows in (("user_factors", matrix.shape[0]), ("item_factors", matrix.shape[1])):
    start = draws.normal(0, np.sqrt((1 + alpha) / factors) * 0.1, (rows, factors))
    setattr(model, side, start.astype(np.float32))
marks = [time.perf_counter()]
model.fit(matrix, show_progress=False, callback=lambda *_: marks.append(time.perf_counter()))
w, h = (np.asarray(f, dtype=np.float64) / np.sqrt(1 + alpha) for f in (model.user_factors, model.item_factors))
y = np.einsum("ij,ij->i", w[pairs[:, 0]], h[pairs[:, 1]])
loss = ((y - 1) ** 2).sum() + alpha * ((w.T @ w) * (h.T @ h)).sum() + regular * ((w**2).sum() + (h**2).sum())
print(f"{min(np.diff(marks)[1:]):.4f} {loss:.1f}")
