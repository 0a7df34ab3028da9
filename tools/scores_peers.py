# The peers of bench_scores: the best ten of what each user does not have, by NumPy and implicit, from what
# it wrote. scores_peers.py DIR [FACTORS]: for each a line "MODEL PEER USERS/S AGREEMENT", best of five;
# AGREEMENT is the share of heed's ten that are among the peer's ten.
#
# EASE and iALS have heed's weights and factors, so the same ten must come out but for equal scores and
# rounding; kNN is the peer's own training. NumPy scores 256 users at a time.
import os
import sys
import time
import warnings

import numpy as np
import scipy.sparse
import threadpoolctl
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender

warnings.filterwarnings("ignore", category=RuntimeWarning)
K, BATCH, ROUNDS = 10, 256, 5
alpha, regular = 0.1, 0.1
folder = sys.argv[1]
factors = int(sys.argv[2]) if len(sys.argv) > 2 else 128
cores = os.cpu_count()


def read(name, kind):
    return np.fromfile(os.path.join(folder, name), dtype=kind)


ranked = {name: read(name + ".top", np.int32).reshape(-1, K) for name in ("knn", "ease", "ials")}
item_factors = read("ials.items", np.float32).reshape(-1, factors)
users, items = len(ranked["knn"]), len(item_factors)
weights = read("ease.weights", np.float32).reshape(items, items)
pairs = read("pairs", np.uint32).reshape(-1, 2).astype(np.int32)
x = scipy.sparse.csr_matrix((np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), (users, items))


def best(score, rows):
    score[rows.nonzero()] = -np.inf
    ten = np.argpartition(score, items - K, axis=1)[:, items - K :]
    order = np.argsort(-np.take_along_axis(score, ten, 1), axis=1)
    return np.take_along_axis(ten, order, 1)


def batches(score):
    return np.concatenate([best(score(x[at : at + BATCH]), x[at : at + BATCH]) for at in range(0, users, BATCH)])


def measure(model, peer, rank):
    quickest = np.inf
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        ten = rank()
        quickest = min(quickest, time.perf_counter() - begin)
    same = np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(ranked[model], ten)])
    print(f"{model} {peer} {users / quickest:.0f} {same:.4f}", flush=True)


measure("ease", "NumPy_dense", lambda: batches(lambda rows: rows.toarray() @ weights))
measure("ease", "SciPy_sparse", lambda: batches(lambda rows: rows @ weights))

with threadpoolctl.threadpool_limits(1, "blas"):  # implicit threads over users
    everybody = np.arange(users)
    cosine = CosineRecommender(K=51, num_threads=cores)  # an item is among its own neighbours
    cosine.fit(x, show_progress=False)
    measure("knn", "implicit_Cosine", lambda: cosine.recommend(everybody, x, N=K)[0])

    # factors as in ials_implicit.py
    confidence = x * np.float32(1 + 1 / alpha)
    als = AlternatingLeastSquares(factors=factors, regularization=regular * (1 + alpha) / alpha, num_threads=cores)
    als.item_factors = item_factors * np.float32(np.sqrt(1 + alpha))
    anew = {"N": K, "recalculate_user": True}
    measure("ials", "implicit_ALS,_solving", lambda: als.recommend(everybody, confidence, **anew)[0])
    als.user_factors = als.recalculate_user(everybody, confidence)
    measure("ials", "implicit_ALS,_users_known", lambda: als.recommend(everybody, confidence, N=K)[0])
